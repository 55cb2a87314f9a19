//===- Run.h - Runs an executable in a process or a test --------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_LAUNCH_RUN_H
#define WEFT_LAUNCH_RUN_H

#include "comm/Ranks.h"
#include "core/Context.h"
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
};

/// The whole executable: parses the command line, trains, returns the exit code. Throws nothing; failures are one line
/// on stderr.
int runProgram(const Program &program, int argc, const char *const *argv) noexcept;

/// Prints the manifest for people.
std::string printPlan(const Manifest &manifest, const weft_context &context);

/// Trains as `options` say, as one of `ranks`, with `threads` threads unless the options give their number. Throws
/// InputError, UsageError, InternalError, or FaultError where another rank is the reason.
void train(const Program &program, const Manifest &manifest, const Options &options, Ranks &ranks, int threads);

} // namespace weft::rt

#endif // WEFT_LAUNCH_RUN_H
