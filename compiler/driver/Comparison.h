//===- Comparison.h - A run of an executable and what it should compute ----*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// What `weft verify` does once the executable is there, without the compiler:
// `weft-compare` does it on a machine that has none.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_COMPARISON_H
#define WEFT_COMPILER_DRIVER_COMPARISON_H

#include "compiler/driver/Compare.h"
#include "compiler/driver/Options.h"

namespace weft {

/// The names of the files in the folder of a comparison.
extern const char *const kComparisonFile, *const kComparedExecutable, *const kRecordFile, *const kReferenceFile;

/// An executable, the batch it is run on and the values it should compute.
struct Comparison {
  std::string title;                 ///< for people: the model and how it was compiled
  std::string executable, reference; ///< in a file: relative to its folder
  std::string optimizer = "adamw";
  int64_t steps = 20, ranks = 1;
  std::vector<ParameterNames> parameters;
  Tolerances tolerances;
  std::string streamOrder = ""; ///< the seed of the order of streams; empty: the program's
};

/// Writes the description into `path`, as JSON. Returns what went wrong, or "".
std::string writeComparison(const Comparison &comparison, const std::string &path);

/// Reads the description in the folder. Returns what went wrong, or "".
std::string readComparison(const std::string &folder, Comparison &comparison);

/// How a comparison ended. Without an error all rows are there.
struct ComparisonResult {
  ExitCode code = kExitDone; ///< kExitCheck if a row is a miss
  std::string error;         ///< why there are no rows
  std::string output;        ///< what the executable printed then
  std::vector<ComparisonRow> rows;
};

/// Runs the executable, which writes `record`, and compares.
ComparisonResult runComparison(const Comparison &comparison, const std::string &record);

/// The table that people read.
std::string comparisonTable(const std::vector<ComparisonRow> &rows, const Tolerances &tolerances);

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_COMPARISON_H
