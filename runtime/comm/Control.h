//===- Control.h - How ranks find, stop and miss one another ----*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A star of small TCP connections to a server in rank 0, beside the transport:
// it brings the ranks together, agrees when to stop, and finds out who is gone.
// docs/communication.md says how.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMM_CONTROL_H
#define WEFT_COMM_CONTROL_H

#include "comm/Message.h"
#include "comm/Socket.h"
#include "comm/Transport.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace weft::rt {

/// The job as every rank knows it.
struct JobInfo {
  int64_t rank = 0, world = 1;
  /// Of the manifest, and of the options that decide what a step does: all ranks run the same program the same way.
  uint64_t hash = 0, options = 0;
  /// Seconds within which the job ends once a rank is stopped or hangs.
  double timeout = 600;
  /// Of them, those that are waited for a rank: the rest is for finding out which one it is, and for ending.
  double patience() const { return timeout - std::min(timeout / 2, 10.0); }
  /// The libraries that have to be the same on all ranks, with their versions; "" if none has to.
  std::string libraries;
  /// Names the collective of an index.
  std::function<std::string(int64_t)> describe;
};

/// How far a rank is: collectives begun, and the place of the present one or -1.
struct CollectiveProgress {
  int64_t begun = 0, present = -1;
};

/// The server; rank 0 has it.
class ControlServer {
public:
  ControlServer(Socket listening, const JobInfo &job);
  /// Ends when all ranks are gone, or a short time after a fault.
  ~ControlServer();

private:
  using Clock = std::chrono::steady_clock;
  struct Peer {
    Socket socket;
    std::string in;
    int64_t rank = -1;
    bool done = false, gone = false, reported = false;
    Clock::time_point heard, beat;
    /// Collectives begun, the index of the present one or -1, and the step that it stands in when asked.
    int64_t begun = 0, index = -1, step = -1;
  };
  struct NotedReport {
    int64_t rank;
    FaultReport report;
  };

  void loop();
  void accept();
  void read(Peer &peer);
  void handle(Peer &peer, Message message);
  void hello(Peer &peer, Message &message);
  void send(Peer &peer, const Message &message);
  void broadcast(const Message &message);
  void note(int64_t rank, FaultReport report);
  void checkSilence();
  void checkStop();
  void decide();
  bool isConclusive() const;
  JobFault judge() const;
  JobFault judgeLost(int64_t rank, const std::string &how) const;
  const Peer *find(int64_t rank) const;
  std::string whereIs(int64_t rank) const;
  void askWhere();
  void findLaggards();

  Socket listening;
  JobInfo job;
  std::vector<Peer> peers;
  std::map<std::string, std::string> values;
  std::map<std::string, std::vector<int64_t>> waiting;
  std::vector<NotedReport> reports;
  std::vector<int64_t> lost, silent;
  std::optional<Clock::time_point> firstFault, asked, decided, ended;
  bool stopping = false, stopSent = false;
  int64_t joined = 0;
  Clock::time_point start, lastBeat, lastLoop;
  std::atomic<bool> leaving{false};
  std::thread thread;
};

/// A rank's side. The calls are for one thread; a thread of its own listens to the server.
class ControlClient final : public KeyValueStore {
public:
  /// Connects to rank 0. Throws InputError when there is nobody in time, FaultError when the server refuses this rank.
  ControlClient(const std::string &host, int port, const JobInfo &job);
  ~ControlClient() override;

  void set(const std::string &key, const std::string &value) override;
  std::string get(const std::string &key) override;

  /// The address under which other ranks reach this one.
  std::string localAddress() const { return localAddressOf(socket); }

  /// What is called, on another thread, as soon as the job has failed; and when this rank has not noticed some seconds
  /// later.
  void onFault(std::function<void()> callback, std::function<void(const JobFault &)> unnoticed);
  /// Why the job failed, if it has.
  std::optional<JobFault> fault();
  /// Says what is wrong here, and waits until the server has decided what is wrong with the job.
  JobFault report(const FaultReport &report);
  /// The same for a thread that watches: says it and goes on.
  void tell(const FaultReport &report);
  /// Collectives that run without a call of enter: whom to ask, any time, how far they are.
  void follow(std::function<CollectiveProgress()> source);

  /// Between them this rank is in the collective of that index. Nothing but two atomic numbers.
  void enter(int64_t index);
  void leave() { present = -1; }

  /// Asks that all ranks stop after the same step.
  void requestStop();
  /// After each step, with how many are done: whether to stop here. Throws FaultError.
  bool stepDone(int64_t step);
  /// Waits until all ranks have come here. Throws FaultError.
  void goodbye();

private:
  using Clock = std::chrono::steady_clock;
  void listen();
  void handle(Message message);
  void fail(JobFault fault);
  CollectiveProgress progress();
  std::string whereThisIs();
  bool send(const Message &message);
  template <typename Ready> void waitFor(std::unique_lock<std::mutex> &lock, Ready ready);

  JobInfo job;
  Socket socket;
  std::mutex writing, state;
  std::condition_variable changed;
  std::map<std::string, std::string> values;
  std::optional<JobFault> failure;
  std::function<void()> faultCallback;
  std::function<void(const JobFault &)> unnoticedCallback;
  bool noticed = false, hold = false, ended = false, leaving = false;
  int64_t step = 0;
  std::optional<int64_t> stopAfter;
  std::atomic<int64_t> begun{0}, present{-1};
  std::function<CollectiveProgress()> deviceProgress;
  std::atomic<bool> finished{false};
  std::thread thread;
};

/// The job has failed; all ranks know the same reason.
struct FaultError : std::runtime_error {
  explicit FaultError(JobFault fault) : std::runtime_error(fault.text), fault(std::move(fault)) {}
  JobFault fault;
};

/// Seconds between two signs of life, for a timeout.
double beatPeriod(double timeout);

} // namespace weft::rt

#endif // WEFT_COMM_CONTROL_H
