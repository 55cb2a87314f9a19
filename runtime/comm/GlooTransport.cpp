//===- GlooTransport.cpp - Bytes over Gloo's TCP pairs --------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Of Gloo 0.5 only its unbound buffers are used: they send and receive without a
// copy. Its own algorithms have no reduce-scatter in this style, no bf16, and
// the older ones slow a context down for good (docs/communication.md).
//
//===----------------------------------------------------------------------===//

#include "comm/Transport.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/store.h>
#include <gloo/transport/tcp/device.h>
#include <gloo/transport/unbound_buffer.h>

using namespace weft::rt;
using std::chrono::milliseconds;

namespace {

/// While it lives, this thread gets no SIGPIPE: Gloo writes to connections whose other end may be gone, which shall be
/// an error and not the end of the process. Threads that are started meanwhile, such as Gloo's own, never get one.
class PipeSignalHeld {
public:
  PipeSignalHeld() {
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
  }
  ~PipeSignalHeld() {
    if (sigismember(&before, SIGPIPE))
      return;
    // The signal of a failed write is this thread's and waits for it.
    timespec none = {};
    while (sigtimedwait(&pipe, nullptr, &none) < 0 && errno == EINTR)
      ;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  PipeSignalHeld(const PipeSignalHeld &) = delete;
  PipeSignalHeld &operator=(const PipeSignalHeld &) = delete;

private:
  sigset_t pipe, before;
};

/// Gloo's idea of a store, with a prefix before every key.
class GlooStore final : public gloo::rendezvous::Store {
public:
  GlooStore(KeyValueStore &store, std::string prefix) : store(store), prefix(std::move(prefix)) {}

  void set(const std::string &key, const std::vector<char> &data) override {
    store.set(prefix + key, std::string(data.begin(), data.end()));
  }
  std::vector<char> get(const std::string &key) override {
    std::string value = store.get(prefix + key);
    return std::vector<char>(value.begin(), value.end());
  }
  void wait(const std::vector<std::string> &keys) override {
    for (const std::string &key : keys)
      get(key);
  }

private:
  KeyValueStore &store;
  std::string prefix;
};

class GlooLink final : public Link {
public:
  GlooLink(gloo::Context &context, int peer, uint64_t slot, void *memory, int64_t bytes)
      : buffer(context.createUnboundBuffer(memory, bytes)), timeout(context.getTimeout()),
        begin(static_cast<char *>(memory)), peer(peer), slot(slot) {}

  void send(const void *data, int64_t bytes) override {
    guard([&] { return buffer->send(peer, slot, static_cast<const char *>(data) - begin, bytes), true; });
  }
  void receive(void *data, int64_t bytes) override {
    guard([&] { return buffer->recv(peer, slot, static_cast<char *>(data) - begin, bytes), true; });
  }
  void waitSent() override {
    guard([&] { return buffer->waitSend(nullptr, timeout); });
  }
  void waitReceived() override {
    guard([&] { return buffer->waitRecv(nullptr, timeout); });
  }
  void abort() noexcept override {
    buffer->abortWaitSend();
    buffer->abortWaitRecv();
  }

private:
  /// Gloo says by the same exception that time ran out and that a connection broke; the clock tells them apart.
  template <typename Call> void guard(Call call) {
    PipeSignalHeld held;
    auto start = std::chrono::steady_clock::now();
    try {
      if (!call())
        throw TransferError(TransferError::Aborted, "given up");
    } catch (const gloo::IoException &error) {
      bool late = std::chrono::steady_clock::now() - start >= timeout;
      throw TransferError(late ? TransferError::TimedOut : TransferError::Broken, error.what());
    } catch (const gloo::Exception &error) {
      throw TransferError(TransferError::Broken, error.what());
    }
  }

  std::unique_ptr<gloo::transport::UnboundBuffer> buffer;
  milliseconds timeout;
  char *begin;
  int peer;
  uint64_t slot;
};

class GlooGroup final : public Group {
public:
  GlooGroup(KeyValueStore &store, std::shared_ptr<gloo::transport::Device> &device, const std::string &name, int place,
            int size, milliseconds timeout)
      : context(place, size) {
    PipeSignalHeld held;
    GlooStore keys(store, "gloo/" + name + "/");
    context.setTimeout(timeout);
    try {
      context.connectFullMesh(keys, device);
    } catch (const gloo::Exception &error) {
      throw TransferError(TransferError::Broken, error.what());
    }
  }
  ~GlooGroup() override {
    PipeSignalHeld held;
    context.closeConnections();
  }

  std::unique_ptr<Link> link(int peer, uint64_t slot, void *memory, int64_t bytes) override {
    return std::make_unique<GlooLink>(context, peer, slot, memory, bytes);
  }

private:
  gloo::rendezvous::Context context;
};

class GlooTransport final : public Transport {
public:
  GlooTransport(KeyValueStore &store, const char *address, milliseconds timeout) : store(store), timeout(timeout) {
    PipeSignalHeld held;
    gloo::transport::tcp::attr attributes;
    attributes.hostname = address;
    device = gloo::transport::tcp::CreateDevice(attributes);
  }

  std::unique_ptr<Group> connect(const std::string &name, int place, int size) override {
    return std::make_unique<GlooGroup>(store, device, name, place, size, timeout);
  }

private:
  KeyValueStore &store;
  milliseconds timeout;
  std::shared_ptr<gloo::transport::Device> device;
};

} // namespace

Transport *weft_gloo_transport(KeyValueStore &store, const char *address, int64_t timeoutMilliseconds) {
  return new GlooTransport(store, address, milliseconds(timeoutMilliseconds));
}
