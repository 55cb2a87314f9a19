//===- Run.h - Runs an executable in a process or a test --------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_LAUNCH_RUN_H
#define WEFT_LAUNCH_RUN_H

#include "comm/Ranks.h"
#include "core/Device.h"
#include "core/Manifest.h"
#include "launch/Options.h"

#include <cstdint>
#include <string>

namespace weft::rt {

/// What the generated code of one executable defines.
struct Program {
  const char *manifest;
  int64_t manifestBytes;
  const weft_task_fn *tasks;
  /// How ranks reach one another; null where there is only one.
  TransportFactory transport = nullptr;
  /// What runs the tasks; null: what is linked.
  const DeviceLibrary *device = nullptr;
};

/// The whole executable: parses the command line, trains, returns the exit code. Throws nothing; failures are one line
/// on stderr.
int runProgram(const Program &program, int argc, const char *const *argv) noexcept;

/// Prints the manifest for people.
std::string printPlan(const Manifest &manifest, const DevicePlan &device);

/// Trains as `options` say, as one of `ranks`, on a device that `library` opens. Throws InputError, UsageError,
/// InternalError, or FaultError where another rank is the reason.
void train(const Program &program, const Manifest &manifest, const Options &options, Ranks &ranks,
           const DeviceLibrary &library, const DeviceOptions &device);

} // namespace weft::rt

#endif // WEFT_LAUNCH_RUN_H
