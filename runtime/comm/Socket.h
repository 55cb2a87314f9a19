//===- Socket.h - TCP sockets of the control connections --------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMM_SOCKET_H
#define WEFT_COMM_SOCKET_H

#include <cstdint>
#include <string>

namespace weft::rt {

/// A descriptor that closes itself.
class Socket {
public:
  explicit Socket(int descriptor = -1) : descriptor(descriptor) {}
  ~Socket() { close(); }
  Socket(Socket &&other) noexcept : descriptor(other.release()) {}
  Socket &operator=(Socket &&other) noexcept {
    close();
    descriptor = other.release();
    return *this;
  }

  int get() const { return descriptor; }
  explicit operator bool() const { return descriptor >= 0; }
  int release() {
    int value = descriptor;
    descriptor = -1;
    return value;
  }
  void close();

private:
  int descriptor;
};

/// Listens on `port` of all addresses; port 0 takes a free one. Throws InputError.
Socket listenOn(int port);
/// The port that a listening socket has.
int portOf(const Socket &socket);
/// The address of this machine that a connected socket uses.
std::string localAddressOf(const Socket &socket);
/// One attempt to connect, of at most a second. Empty on failure; `error` says why.
Socket connectTo(const std::string &host, int port, std::string &error);
/// Takes a connection that is waiting; empty when there is none.
Socket acceptFrom(const Socket &listening);

/// Writes all of `bytes`, as long as it takes. False when the connection is gone.
bool writeAll(const Socket &socket, const std::string &bytes);
/// Appends what has come, without waiting. False when the connection has ended.
bool readSome(const Socket &socket, std::string &bytes);

} // namespace weft::rt

#endif // WEFT_COMM_SOCKET_H
