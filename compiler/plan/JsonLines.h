//===- JsonLines.h - Where in a file a JSON value stands -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_PLAN_JSONLINES_H
#define WEFT_COMPILER_PLAN_JSONLINES_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace weft {

/// The way from the root of a document to a value: keys, and indices where the key is empty.
using JsonPath = std::vector<std::pair<std::string, size_t>>;

/// "parameters[3].stored"; empty for the root.
std::string toString(const JsonPath &path);

/// The lines at which the values of a document begin. The text has been parsed: it is JSON.
class JsonLines {
public:
  JsonLines(llvm::StringRef text, std::string file);

  /// From 1; 0 if there is no such value.
  int64_t find(const JsonPath &path) const;
  /// "plan 'FILE', line 12: parameters[3].stored ", what a complaint begins with.
  std::string describe(const JsonPath &path) const;

private:
  void scanValue(const JsonPath &path);
  void skipSpace();
  std::string scanString();

  llvm::StringRef rest;
  std::string file;
  int64_t line = 1;
  std::map<std::string, int64_t> lines; ///< by toString(path)
};

} // namespace weft

#endif // WEFT_COMPILER_PLAN_JSONLINES_H
