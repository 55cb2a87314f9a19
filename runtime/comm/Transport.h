//===- Transport.h - Bytes from rank to rank --------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What collectives are made of, so that they do not know the library that moves
// the bytes. GlooTransport.cpp is the only implementation, in an archive of its
// own: an executable for one rank links neither it nor the library.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMM_TRANSPORT_H
#define WEFT_COMM_TRANSPORT_H

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace weft::rt {

/// A transfer that did not happen. What was connected by the group it happened in is lost with it.
struct TransferError : std::runtime_error {
  enum Kind { Broken, TimedOut, Aborted };
  TransferError(Kind kind, const std::string &what) : std::runtime_error(what), kind(kind) {}

  Kind kind;
  /// The peer's place in the group, once it is known.
  int peer = -1;
};

/// Transfers between this rank and one other, from and to one region of memory. The nth send of a link is the nth
/// receive of the other side's link of that slot, and both give the same number of bytes. One thread uses it.
class Link {
public:
  virtual ~Link();
  /// Start a transfer and return. The memory stays as it is until the matching wait. Throw TransferError, as all below.
  virtual void send(const void *data, int64_t bytes) = 0;
  virtual void receive(void *data, int64_t bytes) = 0;
  /// Wait until one more of them is done; they are done in the order they were started.
  virtual void waitSent() = 0;
  virtual void waitReceived() = 0;
  /// Makes the present wait, or the next, end with TransferError. Any thread may call it.
  virtual void abort() noexcept = 0;
};

/// The ranks of a group, each connected with each other.
class Group {
public:
  virtual ~Group();
  /// A link with the rank at `peer`, for transfers within [memory, memory + bytes). Links of different slots do not see
  /// each other's transfers.
  virtual std::unique_ptr<Link> link(int peer, uint64_t slot, void *memory, int64_t bytes) = 0;
};

/// Where ranks leave what others need to find them.
class KeyValueStore {
public:
  virtual ~KeyValueStore();
  virtual void set(const std::string &key, const std::string &value) = 0;
  /// Waits until somebody sets `key`.
  virtual std::string get(const std::string &key) = 0;
};

/// A way to move bytes.
class Transport {
public:
  virtual ~Transport();
  /// Connects `size` ranks that call this with the same name, each with a place of its own.
  virtual std::unique_ptr<Group> connect(const std::string &name, int place, int size) = 0;
};

/// Makes a transport that others reach under `address`, a host's name or address, and that waits at most
/// `timeoutMilliseconds` for another rank. The caller owns it. Throws std::exception.
using TransportFactory = Transport *(*)(KeyValueStore &store, const char *address, int64_t timeoutMilliseconds);

} // namespace weft::rt

extern "C" {
/// The transport over Gloo, from libweft_comm.a.
weft::rt::Transport *weft_gloo_transport(weft::rt::KeyValueStore &store, const char *address,
                                         int64_t timeoutMilliseconds);
}

#endif // WEFT_COMM_TRANSPORT_H
