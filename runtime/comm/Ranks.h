//===- Ranks.h - This rank among the others ---------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMM_RANKS_H
#define WEFT_COMM_RANKS_H

#include "comm/Control.h"
#include "comm/Exchange.h"
#include "comm/Transport.h"
#include "core/Manifest.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weft::rt {

/// Where this process stands among those that were started together.
struct LaunchInfo {
  int64_t rank = 0, world = 1;
  /// Processes of the job on this machine, 0 when not known, and which of them this one is, -1 when not known.
  int64_t localWorld = 0, localRank = -1;
  /// Who said so: "--nproc", "torchrun", "mpirun", "srun"; empty for a process of its own.
  std::string launcher;
  /// Where rank 0 is found.
  std::string masterAddress = "127.0.0.1";
  int masterPort = 29500;
  /// A socket that already listens there, or -1. Only for rank 0.
  int listening = -1;
};

/// The rank that this process is: its place in the mesh, its connections, what all ranks do together. Every rank makes
/// the same calls in the same order. With one rank nothing is connected and every call is for itself.
///
/// The calls throw FaultError when the job has failed; `run`, which generated code calls, returns instead.
class Ranks {
public:
  /// A process of its own.
  explicit Ranks(const Manifest &manifest);
  /// Connects with rank 0; the hashes, of the manifest and of the options, are those of rank 0, as are `libraries`, the
  /// versions of what the ranks talk by. Throws InputError or FaultError.
  Ranks(const Manifest &manifest, uint64_t hash, uint64_t options, const LaunchInfo &launch, double timeout,
        TransportFactory factory, std::string libraries = "");
  ~Ranks();
  Ranks(const Ranks &) = delete;
  Ranks &operator=(const Ranks &) = delete;

  int64_t rank() const { return job.rank; }
  int64_t world() const { return job.world; }
  const std::vector<int64_t> &coordinates() const { return place; }

  /// Connects the groups of all collectives, for transfers within the arena. Throws InputError, FaultError.
  void connect(char *arena, int64_t bytes);
  /// Waits until all ranks have come here.
  void goodbye();
  /// Breaks the connections; nothing is transferred from or to the arena any more.
  void release() noexcept;

  /// A task begins, by its index: its calls are those of the schedule, in order, and so have names.
  void beginTask(int index) {
    task = index;
    callsOfTask = 0;
  }
  /// How many collectives there are to run.
  int64_t collectives() const { return static_cast<int64_t>(exchanges.size()); }
  /// How many tensors collective `index` moves together; 0 if there is no such.
  size_t tensorsOf(int64_t index) const {
    return index >= 0 && index < collectives() ? manifest.collectives[index].members.size() : 0;
  }
  /// Collective `index`. False when the job has failed, and then `fault` says why.
  bool run(int64_t index, const void *const *inputs, void *const *outputs, void *scratch) noexcept;

  // For a device whose collectives run without this class; it calls neither `connect` nor `run`.

  /// Where ranks leave what others need. Only where there are several.
  KeyValueStore &store();
  /// The next call of a collective of the present task: its place, by which `describe` and all ranks know it.
  int64_t placeOf(int64_t index) noexcept;
  std::string describe(int64_t place) const;
  /// Whom to ask, any time and on any thread, how far this rank is.
  void follow(std::function<CollectiveProgress()> source);
  /// Called on another thread, once, when the job has failed: ends what waits for other ranks. Null: nothing any more.
  void onAbort(std::function<void()> callback);
  /// Says what is wrong, and goes on; any thread.
  void tell(const FaultReport &report);
  /// Seconds that others are waited for.
  double patience() const { return job.patience(); }
  /// Whether all ranks have said that they are done.
  bool ended() const { return saidGoodbye; }

  /// Brings a whole tensor together in rank 0, from the parts that the ranks hold, and adds what is unreduced. `local`
  /// is this rank's part; `whole`, in rank 0 only, takes it.
  void gather(const TensorInfo &tensor, const void *local, void *whole);

  /// Asks that all ranks stop after the same step; any rank may, any time.
  void requestStop();
  /// After each step, with how many are done: whether to stop here.
  bool stepDone(int64_t done);

  /// The failure of the job, if it has failed.
  std::optional<JobFault> fault();
  void check();
  /// This rank cannot go on, with that exit code: ends the job. Returns what its failure is then said to be.
  JobFault fail(int64_t code, const std::string &text);
  /// Calls back, on another thread, when the job has failed and this rank has not noticed it some seconds later.
  void onUnnoticed(std::function<void(const JobFault &)> callback);

private:
  struct Connected;

  Connected &groupOf(std::vector<int> axes);
  template <typename Call> void guard(int64_t index, const std::vector<int64_t> &peers, Call call);
  template <typename Move> void transfer(Connected &world, int64_t peer, void *memory, int64_t bytes, Move move);
  void collect(const TensorInfo &tensor, const void *local, void *whole);
  void abortAll() noexcept;

  const Manifest &manifest;
  JobInfo job;
  std::vector<int64_t> place;
  std::unique_ptr<ControlServer> server;
  std::unique_ptr<ControlClient> client;
  std::unique_ptr<Transport> transport;

  /// Guards the groups against the thread that aborts them.
  std::mutex connecting;
  std::map<std::vector<int>, std::unique_ptr<Connected>> groups;
  bool aborted = false, saidGoodbye = false;
  std::function<void()> abortCallback;
  char *arena = nullptr;
  int64_t arenaBytes = 0;
  std::vector<std::unique_ptr<Exchange>> exchanges;
  /// For each task, where the schedule has its collectives; the present task, and how many it has called.
  std::vector<std::vector<int64_t>> scheduled;
  int task = -1;
  size_t callsOfTask = 0;
  /// The world ranks of each collective, by place.
  std::vector<std::vector<int64_t>> members;
};

} // namespace weft::rt

#endif // WEFT_COMM_RANKS_H
