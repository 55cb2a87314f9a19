//===- Main.cpp - The entry point of every executable ---------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "launch/Run.h"

int main(int argc, char **argv) {
  return weft::rt::runProgram({weft_manifest, weft_manifest_size, weft_tasks}, argc, argv);
}
