//===- RunCase.h - A backend test, compiled and run -------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TOOLS_ONNX_CONFORMANCE_RUNCASE_H
#define WEFT_TOOLS_ONNX_CONFORMANCE_RUNCASE_H

#include "TestCase.h"

namespace weft::conformance {

enum class Status { Passed, Failed, NotSupported };

/// How a case ended, with one line that says why unless it passed.
struct Outcome {
  Status status = Status::Failed;
  std::string why;
};

/// Imports, schedules and compiles the model for this machine's processor, runs the object code in this process on the
/// case's inputs and compares what it writes. Whatever Weft refuses with an error is not supported; anything else that
/// goes wrong is a failure, a crash included: call it in a process of its own. `scratch` is the path of a file that
/// may be overwritten.
Outcome runCase(TestCase &test, const std::string &scratch);

} // namespace weft::conformance

#endif // WEFT_TOOLS_ONNX_CONFORMANCE_RUNCASE_H
