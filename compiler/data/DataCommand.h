//===- DataCommand.h - weft data --------------------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DATA_DATACOMMAND_H
#define WEFT_COMPILER_DATA_DATACOMMAND_H

namespace CLI {
class App;
} // namespace CLI

namespace weft {

/// Adds `data pack` and `data info` to `app`. They run while `app` parses; what
/// they write goes to the standard output, messages to the standard error, and
/// `exitCode` becomes 0, or 1 if the input is at fault.
void addDataCommand(CLI::App &app, int &exitCode);

} // namespace weft

#endif // WEFT_COMPILER_DATA_DATACOMMAND_H
