//===- Spawn.h - Several ranks on this machine ------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_LAUNCH_SPAWN_H
#define WEFT_LAUNCH_SPAWN_H

#include <cstdint>

namespace weft::rt {

/// Which ranks a machine runs: `count` of `world`, from `first` on. Where these are not all, MASTER_ADDR and
/// MASTER_PORT name rank 0's place.
struct SpawnPlan {
  int64_t count, first, world;
};

/// Starts this program `plan.count` times with the same arguments, as these ranks of one job, and waits. All write
/// to this program's standard error; only rank 0 has its standard output. SIGINT and SIGTERM are passed on. When one
/// ends, the others have `graceSeconds` to end too, and none outlives this program. Returns the exit code of the job:
/// the first that is not 0, or 1 where a rank was killed. Throws InputError when a process cannot be started.
int spawnRanks(const SpawnPlan &plan, const char *const *argv, double graceSeconds);

} // namespace weft::rt

#endif // WEFT_LAUNCH_SPAWN_H
