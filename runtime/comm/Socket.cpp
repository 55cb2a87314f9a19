//===- Socket.cpp - TCP sockets of the control connections ----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "comm/Socket.h"

#include "comm/Message.h"
#include "core/Error.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace weft::rt;

void Socket::close() {
  if (descriptor >= 0)
    ::close(descriptor);
  descriptor = -1;
}

/// Small messages go out at once, and no call waits.
static void configure(int descriptor) {
  int one = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
}

Socket weft::rt::listenOn(int port) {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // A port that was used a moment ago may be taken again; one that is in use may not.
  int one = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (bind(socket.get(), reinterpret_cast<sockaddr *>(&address), sizeof(address)) != 0 ||
      listen(socket.get(), 4096) != 0)
    throw InputError("rank 0 cannot listen on port " + std::to_string(port) + ": " + strerror(errno) +
                     "; set MASTER_PORT to a port that is free");
  configure(socket.get());
  return socket;
}

int weft::rt::portOf(const Socket &socket) {
  sockaddr_in address = {};
  socklen_t length = sizeof(address);
  getsockname(socket.get(), reinterpret_cast<sockaddr *>(&address), &length);
  return ntohs(address.sin_port);
}

std::string weft::rt::localAddressOf(const Socket &socket) {
  sockaddr_storage address = {};
  socklen_t length = sizeof(address);
  char host[NI_MAXHOST] = "127.0.0.1";
  if (getsockname(socket.get(), reinterpret_cast<sockaddr *>(&address), &length) == 0)
    getnameinfo(reinterpret_cast<sockaddr *>(&address), length, host, sizeof(host), nullptr, 0, NI_NUMERICHOST);
  return host;
}

Socket weft::rt::connectTo(const std::string &host, int port, std::string &error) {
  addrinfo hints = {}, *found = nullptr;
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  if (int code = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); code != 0) {
    error = gai_strerror(code);
    return Socket();
  }
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  configure(socket.get());
  int status = connect(socket.get(), found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  int fault = status == 0 ? 0 : errno;
  if (fault == EINPROGRESS) {
    pollfd waiting = {socket.get(), POLLOUT, 0};
    fault = poll(&waiting, 1, 1000) == 1 ? 0 : ETIMEDOUT;
    socklen_t length = sizeof(fault);
    if (fault == 0)
      getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &fault, &length);
  }
  if (fault == 0)
    return socket;
  error = strerror(fault);
  return Socket();
}

Socket weft::rt::acceptFrom(const Socket &listening) {
  Socket socket(accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (socket)
    configure(socket.get());
  return socket;
}

bool weft::rt::writeAll(const Socket &socket, const std::string &bytes) {
  for (size_t done = 0; done < bytes.size();) {
    ssize_t count = ::send(socket.get(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (count > 0) {
      done += count;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd waiting = {socket.get(), POLLOUT, 0};
      poll(&waiting, 1, 1000);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

bool weft::rt::readSome(const Socket &socket, std::string &bytes) {
  char buffer[1 << 14];
  while (true) {
    ssize_t count = recv(socket.get(), buffer, sizeof(buffer), 0);
    if (count > 0)
      bytes.append(buffer, count);
    else if (count == 0)
      return false;
    else if (errno == EAGAIN || errno == EWOULDBLOCK)
      return true;
    else if (errno != EINTR)
      return false;
  }
}

/// "WEFT", read as a little endian number.
static constexpr uint32_t kMagic = 0x54464557;
/// No body is longer: addresses of a rank's peers are the longest.
static constexpr uint32_t kLongestBody = 1 << 26;

std::string Message::encode() const {
  uint32_t head[3] = {kMagic, type, static_cast<uint32_t>(body.size())};
  return std::string(reinterpret_cast<const char *>(head), sizeof(head)) + body;
}

bool Message::decode(std::string &bytes, Message &message) {
  uint32_t head[3];
  message = Message();
  if (bytes.size() < sizeof(head)) {
    message.bad = bytes.compare(0, 4, "WEFT", std::min<size_t>(bytes.size(), 4)) != 0;
    return false;
  }
  memcpy(head, bytes.data(), sizeof(head));
  if (head[0] != kMagic || head[1] >= Count || head[2] > kLongestBody) {
    message.bad = true;
    return false;
  }
  if (bytes.size() < sizeof(head) + head[2])
    return false;
  message.type = static_cast<Type>(head[1]);
  message.body = bytes.substr(sizeof(head), head[2]);
  bytes.erase(0, sizeof(head) + head[2]);
  return true;
}
