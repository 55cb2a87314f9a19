//===- Compile.h - weft compile ---------------------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_COMPILE_H
#define WEFT_COMPILER_DRIVER_COMPILE_H

#include "compiler/driver/Options.h"

namespace weft {

/// Carries out `weft compile`. `argv0` is how this program was called: the
/// runtime library is found from it. Reports everything that goes wrong;
/// returns the exit code.
int compile(const CompileOptions &options, const std::string &argv0);

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_COMPILE_H
