//===- Spawn.cpp - Several ranks on this machine --------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "launch/Spawn.h"

#include "comm/Socket.h"
#include "core/Error.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace weft::rt;

namespace {

/// The ranks' processes.
class Spawned {
public:
  Spawned() {
    sigemptyset(&watched);
    for (int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP})
      sigaddset(&watched, signal);
    sigprocmask(SIG_BLOCK, &watched, &before);
  }
  ~Spawned() {
    killAll(SIGKILL);
    for (const Child &child : children)
      if (!child.ended)
        waitpid(child.process, nullptr, 0);
    sigprocmask(SIG_SETMASK, &before, nullptr);
  }

  void start(int64_t rank, const SpawnPlan &plan, const Socket &listening, const char *const *argv) {
    pid_t parent = getpid(), process = fork();
    if (process < 0)
      throw InputError(std::string("cannot start a process: ") + strerror(errno));
    if (process == 0)
      become(rank, plan, listening, argv, parent);
    children.push_back({process, plan.first + rank, false, false});
  }

  int wait(double graceSeconds) {
    using Clock = std::chrono::steady_clock;
    int code = 0, stops = 0;
    size_t running = children.size();
    Clock::time_point firstEnd;
    while (running > 0) {
      timespec second = {1, 0};
      siginfo_t info = {};
      int signal = sigtimedwait(&watched, &info, &second);
      if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP) {
        // What is typed at a terminal, its processes have got already.
        ++stops;
        if (stops > 1)
          killAll(SIGKILL);
        else if (info.si_code != SI_KERNEL)
          killAll(signal);
      }
      for (Child &child : children) {
        int status = 0;
        if (child.ended || waitpid(child.process, &status, WNOHANG | WUNTRACED | WCONTINUED) != child.process)
          continue;
        child.stopped = WIFSTOPPED(status);
        if (WIFSTOPPED(status) || WIFCONTINUED(status))
          continue;
        child.ended = true;
        if (running-- == children.size())
          firstEnd = Clock::now();
        if (WIFSIGNALED(status) && !killed)
          fprintf(stderr, "note: rank %lld was killed by signal %d (%s)\n", static_cast<long long>(child.rank),
                  WTERMSIG(status), strsignal(WTERMSIG(status)));
        int own = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
        // Rank 0 knows best why the job ended.
        if (own != 0 && (code == 0 || child.rank == 0))
          code = own;
      }
      // A process that is stopped will not end by itself, however long that is waited for.
      bool hopeless = std::all_of(children.begin(), children.end(),
                                  [](const Child &child) { return child.ended || child.stopped; });
      bool late = running < children.size() &&
                  (hopeless || std::chrono::duration<double>(Clock::now() - firstEnd).count() > graceSeconds);
      if (running > 0 && late && !killed) {
        if (running == 1)
          fprintf(stderr, "note: ending a rank that did not end by itself\n");
        else
          fprintf(stderr, "note: ending %zu ranks that did not end by themselves\n", running);
        code = code ? code : 1;
        killAll(SIGKILL);
      }
    }
    return code;
  }

private:
  struct Child {
    pid_t process;
    int64_t rank;
    bool ended, stopped;
  };

  void killAll(int signal) {
    killed |= signal == SIGKILL;
    for (const Child &child : children)
      if (!child.ended)
        kill(child.process, signal);
  }

  /// In the new process: becomes the rank, which is that of this machine.
  [[noreturn]] void become(int64_t rank, const SpawnPlan &plan, const Socket &listening, const char *const *argv,
                           pid_t parent) {
    sigprocmask(SIG_SETMASK, &before, nullptr);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
      _exit(kInputFault);
    setenv("RANK", std::to_string(plan.first + rank).c_str(), 1);
    setenv("LOCAL_RANK", std::to_string(rank).c_str(), 1);
    setenv("WORLD_SIZE", std::to_string(plan.world).c_str(), 1);
    setenv("LOCAL_WORLD_SIZE", std::to_string(plan.count).c_str(), 1);
    if (listening) {
      setenv("MASTER_ADDR", "127.0.0.1", 1);
      setenv("MASTER_PORT", std::to_string(portOf(listening)).c_str(), 1);
    }
    setenv("WEFT_LAUNCHED", "1", 1);
    unsetenv("TORCHELASTIC_USE_AGENT_STORE");
    if (rank == 0 && listening) {
      // The socket is passed on, so that nobody else can take its port meanwhile.
      fcntl(listening.get(), F_SETFD, 0);
      setenv("WEFT_LISTEN_FD", std::to_string(listening.get()).c_str(), 1);
    } else if (int null = plan.first + rank == 0 ? -1 : open("/dev/null", O_WRONLY | O_CLOEXEC); null >= 0) {
      dup2(null, STDOUT_FILENO);
    }
    execv("/proc/self/exe", const_cast<char *const *>(argv));
    fprintf(stderr, "error: rank %lld cannot be started: %s\n", static_cast<long long>(plan.first + rank),
            strerror(errno));
    _exit(kInputFault);
  }

  std::vector<Child> children;
  sigset_t watched, before;
  bool killed = false;
};

} // namespace

int weft::rt::spawnRanks(const SpawnPlan &plan, const char *const *argv, double graceSeconds) {
  // On one machine nobody else has to know the port; on several, all have been told one.
  Socket listening;
  if (plan.count == plan.world)
    listening = listenOn(0);
  Spawned ranks;
  for (int64_t rank = 0; rank < plan.count; ++rank)
    ranks.start(rank, plan, listening, argv);
  listening.close();
  return ranks.wait(graceSeconds);
}
