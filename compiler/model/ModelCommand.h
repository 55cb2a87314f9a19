//===- ModelCommand.h - weft model ------------------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_MODEL_MODELCOMMAND_H
#define WEFT_COMPILER_MODEL_MODELCOMMAND_H

namespace CLI {
class App;
} // namespace CLI

namespace weft {

/// Adds `model` with a subcommand for each family to `app`. They run while
/// `app` parses; a line about the model goes to the standard output, messages to
/// the standard error, and `exitCode` becomes 0, or 1 if the request is at fault.
void addModelCommand(CLI::App &app, int &exitCode);

} // namespace weft

#endif // WEFT_COMPILER_MODEL_MODELCOMMAND_H
