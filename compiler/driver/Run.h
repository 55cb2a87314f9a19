//===- Run.h - Running another program --------------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_RUN_H
#define WEFT_COMPILER_DRIVER_RUN_H

#include <string>
#include <vector>

namespace weft {

/// How a program ended.
struct ProgramResult {
  bool started = false;
  int status = 0;     ///< exit status; negative: killed by a signal
  std::string output; ///< its standard output and error together; why it did not start, if so
};

/// Runs `args[0]`, a path, with an empty standard input, and waits for it.
ProgramResult runProgram(const std::vector<std::string> &args);

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_RUN_H
