//===- Execute.h - A compiled backend test, run -----------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Knows the inside of the runtime and nothing of MLIR.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TOOLS_ONNX_CONFORMANCE_EXECUTE_H
#define WEFT_TOOLS_ONNX_CONFORMANCE_EXECUTE_H

#include "RunCase.h"
#include "llvm/ADT/StringRef.h"

namespace weft::conformance {

/// The state that the task leaves result i in.
std::string resultSymbol(size_t i);

/// Runs the first task of an object file with the symbols of docs/executable.md on the case's inputs, with one thread,
/// and compares what it leaves in its states.
Outcome execute(const TestCase &test, const std::string &manifest, llvm::StringRef object);

} // namespace weft::conformance

#endif // WEFT_TOOLS_ONNX_CONFORMANCE_EXECUTE_H
