//===- ControlClient.cpp - A rank's side of the control connections -------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "comm/Control.h"

#include "core/Error.h"
#include "core/Text.h"

#include <algorithm>
#include <poll.h>

using namespace weft::rt;

/// How long a rank may take to notice a fault by itself.
static double noticeSeconds(double timeout) { return std::clamp(timeout, 1.0, 5.0); }
/// How long a rank that has lost rank 0 computes on, so that it can say in which collective it needs rank 0.
static constexpr double kLostSeconds = 2;

template <typename Time> static double secondsSince(Time time) {
  return std::chrono::duration<double>(Time::clock::now() - time).count();
}

ControlClient::ControlClient(const std::string &host, int port, const JobInfo &job) : job(job) {
  Clock::time_point start = Clock::now();
  std::string error;
  while (!(socket = connectTo(host, port, error))) {
    if (secondsSince(start) > job.timeout)
      throw InputError(
          format("rank %lld cannot reach rank 0 at %s, port %d, within %g s: %s; is MASTER_ADDR the host of "
                 "rank 0, and does it run?",
                 static_cast<long long>(job.rank), host.c_str(), port, job.timeout, error.c_str()));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  send(Message(Message::Hello)
           .add(job.rank)
           .add(job.world)
           .add(static_cast<int64_t>(job.hash))
           .add(static_cast<int64_t>(job.options))
           .add(job.libraries));
  // The answer, before a thread listens: what answers may not be Weft at all.
  std::string bytes;
  Message answer;
  while (!Message::decode(bytes, answer)) {
    pollfd waiting = {socket.get(), POLLIN, 0};
    poll(&waiting, 1, 100);
    bool open = readSome(socket, bytes);
    if ((!open && bytes.empty()) || answer.bad || secondsSince(start) > job.timeout)
      throw InputError(
          format("what answers at %s, port %d, is not rank 0 of this job; set MASTER_PORT to a port that is "
                 "free",
                 host.c_str(), port));
  }
  if (answer.type == Message::Fault) {
    JobFault fault;
    fault.code = answer.takeNumber();
    fault.printer = answer.takeNumber();
    fault.text = answer.takeText();
    throw FaultError(fault);
  }
  thread = std::thread([this, bytes]() mutable { listen(); });
}

ControlClient::~ControlClient() {
  finished = true;
  thread.join();
}

bool ControlClient::send(const Message &message) {
  std::lock_guard<std::mutex> lock(writing);
  return writeAll(socket, message.encode());
}

void ControlClient::listen() {
  std::string bytes;
  Clock::time_point heard = Clock::now(), lastBeat = heard, lastLoop = heard, failedAt;
  double period = beatPeriod(job.timeout);
  std::optional<Clock::time_point> closed;
  bool told = false, begunTold = false;
  while (!finished) {
    bool open = !closed;
    pollfd waiting = {open ? socket.get() : -1, POLLIN, 0};
    poll(&waiting, 1, static_cast<int>(std::min(period, 0.1) * 1000));
    Clock::time_point now = Clock::now();
    if (open && waiting.revents != 0) {
      if (!readSome(socket, bytes))
        closed = now;
      heard = now;
      Message message;
      while (Message::decode(bytes, message))
        handle(message);
    }
    // A rank that computes comes to where it needs rank 0 soon.
    if (closed && (progress().present >= 0 || std::chrono::duration<double>(now - *closed).count() > kLostSeconds))
      fail({1, 1, "rank 0 was lost: its process ended; " + whereThisIs()});
    // Whoever was stopped itself has heard nothing meanwhile.
    if (std::chrono::duration<double>(now - lastLoop).count() > 3 * period)
      heard = now;
    lastLoop = now;
    if (std::chrono::duration<double>(now - heard).count() > job.patience())
      fail({1, 1,
            format("rank 0 has not answered for %g s (stopped, or its machine does not respond); ", job.patience()) +
                whereThisIs()});
    // That the first collective has begun is news.
    CollectiveProgress there = progress();
    bool news = there.begun > 0 && !begunTold;
    if (!closed && (news || std::chrono::duration<double>(now - lastBeat).count() >= period)) {
      lastBeat = now;
      begunTold |= news;
      send(Message(Message::Beat).add(there.begun).add(there.present));
    }
    std::unique_lock<std::mutex> lock(state);
    if (!failure || noticed || told)
      continue;
    if (failedAt == Clock::time_point())
      failedAt = now;
    if (std::chrono::duration<double>(now - failedAt).count() > noticeSeconds(job.timeout)) {
      told = true;
      auto callback = unnoticedCallback;
      JobFault fault = *failure;
      lock.unlock();
      if (callback)
        callback(fault);
    }
  }
}

void ControlClient::fail(JobFault fault) {
  std::function<void()> callback;
  {
    std::lock_guard<std::mutex> lock(state);
    if (failure || ended)
      return;
    failure = std::move(fault);
    callback = faultCallback;
  }
  changed.notify_all();
  if (callback)
    callback();
}

void ControlClient::handle(Message message) {
  switch (message.type) {
  case Message::Beat:
    // Now and then a sign of life; with a body, a question.
    if (!message.body.empty()) {
      CollectiveProgress now = progress();
      send(Message(Message::Beat).add(now.begun).add(now.present));
    }
    return;
  case Message::Value: {
    std::string key = message.takeText();
    std::lock_guard<std::mutex> lock(state);
    values[key] = message.takeText();
    break;
  }
  case Message::Fault: {
    JobFault fault;
    fault.code = message.takeNumber();
    fault.printer = message.takeNumber();
    fault.text = message.takeText();
    return fail(fault);
  }
  case Message::Hold: {
    // Under the lock: this rank is either in step `step` or waits at its end.
    std::lock_guard<std::mutex> lock(state);
    hold = true;
    send(Message(Message::Step).add(step));
    break;
  }
  case Message::Stop: {
    std::lock_guard<std::mutex> lock(state);
    stopAfter = message.takeNumber();
    break;
  }
  case Message::End: {
    std::lock_guard<std::mutex> lock(state);
    ended = true;
    break;
  }
  default:
    return;
  }
  changed.notify_all();
}

template <typename Ready> void ControlClient::waitFor(std::unique_lock<std::mutex> &lock, Ready ready) {
  changed.wait(lock, [&] { return failure || ready(); });
  if (ready())
    return;
  noticed = true;
  throw FaultError(*failure);
}

void ControlClient::set(const std::string &key, const std::string &value) {
  send(Message(Message::Set).add(key).add(value));
}

std::string ControlClient::get(const std::string &key) {
  send(Message(Message::Get).add(key));
  std::unique_lock<std::mutex> lock(state);
  waitFor(lock, [&] { return values.count(key) != 0; });
  return values[key];
}

void ControlClient::onFault(std::function<void()> callback, std::function<void(const JobFault &)> unnoticed) {
  bool already;
  {
    std::lock_guard<std::mutex> lock(state);
    faultCallback = callback;
    unnoticedCallback = std::move(unnoticed);
    already = failure.has_value();
  }
  if (already && callback)
    callback();
}

std::optional<JobFault> ControlClient::fault() {
  std::lock_guard<std::mutex> lock(state);
  noticed |= failure.has_value();
  return failure;
}

JobFault ControlClient::report(const FaultReport &report) {
  if (std::optional<JobFault> known = fault())
    return *known;
  tell(report);
  std::unique_lock<std::mutex> lock(state);
  noticed = true;
  // Longer than the server may take to decide.
  changed.wait_for(lock, std::chrono::duration<double>(8), [&] { return failure.has_value(); });
  // No answer: rank 0 is gone, and everybody speaks for itself.
  if (!failure)
    failure = JobFault{report.code, job.rank, report.text};
  return *failure;
}

void ControlClient::tell(const FaultReport &report) {
  send(Message(Message::Report).add(int64_t(report.kind)).add(report.code).add(report.peer).add(report.text));
}

void ControlClient::follow(std::function<CollectiveProgress()> source) {
  std::lock_guard<std::mutex> lock(state);
  deviceProgress = std::move(source);
}

CollectiveProgress ControlClient::progress() {
  CollectiveProgress now = {begun, present};
  std::lock_guard<std::mutex> lock(state);
  if (!deviceProgress)
    return now;
  CollectiveProgress device = deviceProgress();
  return {now.begun + device.begun, now.present >= 0 ? now.present : device.present};
}

std::string ControlClient::whereThisIs() {
  int64_t place = progress().present;
  return format("rank %lld was in ", static_cast<long long>(job.rank)) +
         (place >= 0 ? job.describe(place) : "no collective");
}

void ControlClient::enter(int64_t index) {
  ++begun;
  present = index;
}

void ControlClient::requestStop() { send(Message(Message::StopRequest)); }

bool ControlClient::stepDone(int64_t done) {
  std::unique_lock<std::mutex> lock(state);
  step = done + 1;
  if (failure) {
    noticed = true;
    throw FaultError(*failure);
  }
  if (!hold)
    return false;
  step = done;
  waitFor(lock, [&] { return stopAfter.has_value(); });
  return done >= *stopAfter;
}

void ControlClient::goodbye() {
  send(Message(Message::Goodbye));
  std::unique_lock<std::mutex> lock(state);
  waitFor(lock, [&] { return ended; });
}
