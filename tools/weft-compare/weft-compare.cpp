//===- weft-compare.cpp - weft verify without the compiler ----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Runs what `weft verify --build DIR` wrote and compares. It links neither MLIR
// nor LLVM, so that it can be carried to a machine without them.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Comparison.h"
#include <cstdio>
#include <cstring>

using namespace weft;

static const char kUsage[] =
    "usage: weft-compare DIR\n"
    "\n"
    "Runs the executable in a folder that 'weft verify MODEL --build DIR' wrote and compares what it computes\n"
    "with the reference values there. Exit codes: 0 within the tolerances, 1 the folder or the executable's\n"
    "input is at fault, 2 the command line, 3 an internal fault, 4 a value is not within its tolerance.\n";

int main(int argc, char **argv) {
  if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
    fputs(kUsage, stdout);
    return kExitDone;
  }
  if (argc != 2 || argv[1][0] == '-') {
    fputs(kUsage, stderr);
    return kExitUsage;
  }
  std::string folder = argv[1];
  Comparison comparison;
  if (std::string why = readComparison(folder, comparison); !why.empty()) {
    fprintf(stderr, "weft-compare: error: %s\n", why.c_str());
    return kExitRequest;
  }
  printf("%s\n", comparison.title.c_str());
  fflush(stdout);
  ComparisonResult result = runComparison(comparison, folder + "/" + kRecordFile);
  if (!result.error.empty()) {
    fputs(result.output.c_str(), stderr);
    fprintf(stderr, "weft-compare: error: %s\n", result.error.c_str());
    return result.code;
  }
  fputs(comparisonTable(result.rows, comparison.tolerances).c_str(), stdout);
  return result.code;
}
