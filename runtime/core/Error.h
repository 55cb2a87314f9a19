//===- Error.h - How the runtime reports a failure inside -------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CORE_ERROR_H
#define WEFT_CORE_ERROR_H

#include <stdexcept>
#include <string>

namespace weft::rt {

/// Exit codes of an executable.
enum ExitCode { kDone = 0, kInputFault = 1, kUsage = 2, kInternalFault = 3 };

/// The input is at fault: a file, a value, the machine. Exit code 1.
struct InputError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The command line is at fault. Exit code 2.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The compiler or the runtime is at fault. Exit code 3.
struct InternalError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

} // namespace weft::rt

#endif // WEFT_CORE_ERROR_H
