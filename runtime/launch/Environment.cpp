//===- Environment.cpp - Who started this process, and as what ------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "launch/Environment.h"

#include "core/Error.h"
#include "core/Random.h"

#include <algorithm>
#include <cstdlib>
#include <omp.h>
#include <unistd.h>

using namespace weft::rt;

/// A whole number of at least `least`.
static int64_t numberIn(const EnvironmentReader &read, const char *name, int64_t least, int64_t most) {
  const char *text = read(name);
  char *end = nullptr;
  long long value = text ? strtoll(text, &end, 10) : 0;
  if (!text || *text == '\0' || *end != '\0' || value < least || value > most)
    throw UsageError(std::string("the environment variable ") + name + (text ? "=" + std::string(text) : "") +
                     (text ? " is not" : " is missing; it should be") + " a number from " + std::to_string(least) +
                     " to " + std::to_string(most));
  return value;
}

std::string weft::rt::firstSlurmHost(const std::string &list) {
  size_t open = list.find('['), comma = list.find(',');
  if (open == std::string::npos || comma < open)
    return list.substr(0, comma);
  return list.substr(0, open) + list.substr(open + 1, list.find_first_of(",-]", open) - open - 1);
}

/// A port for a job whose launcher gives none: one that two jobs on a machine hardly share.
static int portOfJob(const char *job) { return job ? 20000 + static_cast<int>(hashName(job) % 9000) : 29500; }

std::optional<LaunchInfo> weft::rt::launchFromEnvironment(const EnvironmentReader &read) {
  // The variables of each launcher: rank, size, the same on this machine, and what names the job.
  static constexpr struct {
    const char *launcher, *sign, *rank, *size, *localSize, *localRank, *job;
  } launchers[] = {
      {"torchrun", "WORLD_SIZE", "RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "LOCAL_RANK", nullptr},
      {"mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE",
       "OMPI_COMM_WORLD_LOCAL_RANK", "PMIX_NAMESPACE"},
      {"mpirun", "PMI_SIZE", "PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS", "MPI_LOCALRANKID", "PMI_PORT"},
      {"srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", nullptr, "SLURM_LOCALID",
       "SLURM_JOB_ID"},
  };
  for (const auto &known : launchers) {
    if (!read(known.sign))
      continue;
    LaunchInfo info;
    info.launcher = read("WEFT_LISTEN_FD") || read("WEFT_LAUNCHED") ? "--nproc" : known.launcher;
    info.world = numberIn(read, known.size, 1, int64_t(1) << 20);
    info.rank = numberIn(read, known.rank, 0, info.world - 1);
    if (known.localSize && read(known.localSize))
      info.localWorld = numberIn(read, known.localSize, 1, info.world);
    if (read(known.localRank))
      info.localRank = numberIn(read, known.localRank, 0, info.world - 1);
    if (const char *descriptor = read("WEFT_LISTEN_FD"); descriptor && info.rank == 0)
      info.listening = static_cast<int>(numberIn(read, "WEFT_LISTEN_FD", 0, 1 << 20));
    info.masterPort = read("MASTER_PORT") ? static_cast<int>(numberIn(read, "MASTER_PORT", 1, 65535))
                                          : portOfJob(known.job ? read(known.job) : nullptr);
    // torchrun's own store has the port; the next one is for the ranks.
    if (const char *shared = read("TORCHELASTIC_USE_AGENT_STORE"); shared && std::string(shared) == "True")
      info.masterPort += info.masterPort < 65535 ? 1 : -1;
    if (const char *address = read("MASTER_ADDR"))
      info.masterAddress = address;
    else if (const char *hosts = read("SLURM_STEP_NODELIST"))
      info.masterAddress = firstSlurmHost(hosts);
    else if (info.localWorld != 0 && info.localWorld < info.world)
      throw UsageError(std::string("the ranks of this job are on several machines, and ") + known.launcher +
                       " does not say where rank 0 is: set MASTER_ADDR to its host on all of them");
    return info;
  }
  return std::nullopt;
}

std::optional<LaunchInfo> weft::rt::launchFromEnvironment() {
  return launchFromEnvironment([](const char *name) -> const char * { return getenv(name); });
}

int weft::rt::defaultThreads(const std::optional<LaunchInfo> &launch) {
  int usable = omp_get_num_procs();
  // A launcher that binds its processes has shared the processors out already.
  bool bound = launch && launch->launcher != "--nproc" && launch->launcher != "torchrun" &&
               usable < static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  if (!launch || getenv("OMP_NUM_THREADS") || bound || launch->localWorld <= 1)
    return omp_get_max_threads();
  return std::max<int>(usable / static_cast<int>(launch->localWorld), 1);
}
