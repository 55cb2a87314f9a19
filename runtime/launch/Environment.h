//===- Environment.h - Who started this process, and as what ----*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_LAUNCH_ENVIRONMENT_H
#define WEFT_LAUNCH_ENVIRONMENT_H

#include "comm/Ranks.h"

#include <functional>
#include <optional>
#include <string>

namespace weft::rt {

/// Reads an environment variable; null where there is none.
using EnvironmentReader = std::function<const char *(const char *)>;

/// What a launcher has said in the environment: `--nproc` and torchrun (and Kubeflow) by RANK, WORLD_SIZE,
/// LOCAL_WORLD_SIZE, MASTER_ADDR and MASTER_PORT, mpirun by Open MPI's or PMI's variables, srun by Slurm's. Empty for a
/// process of its own. Throws UsageError for values that make no sense.
std::optional<LaunchInfo> launchFromEnvironment(const EnvironmentReader &read);
std::optional<LaunchInfo> launchFromEnvironment();

/// The first host of a Slurm list such as "node[07-09,12],login".
std::string firstSlurmHost(const std::string &list);

/// How many threads a rank takes: OMP_NUM_THREADS, else its share of the processors it may use.
int defaultThreads(const std::optional<LaunchInfo> &launch);

} // namespace weft::rt

#endif // WEFT_LAUNCH_ENVIRONMENT_H
