//===- Format.cpp - Numbers as people read them -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/Format.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace weft;

/// `value` with three significant digits and the unit that suits it; units grow by `step`.
static std::string formatScaled(double value, double step, llvm::ArrayRef<const char *> units) {
  size_t unit = 0;
  while (value >= step && unit + 1 < units.size())
    value /= step, ++unit;
  int digits = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  std::string text;
  llvm::raw_string_ostream os(text);
  os << llvm::format("%.*f", digits, value);
  if (*units[unit])
    os << ' ' << units[unit];
  return text;
}

std::string weft::formatBytes(double bytes) { return formatScaled(bytes, 1024, {"bytes", "KiB", "MiB", "GiB", "TiB"}); }

std::string weft::formatCount(double count) { return formatScaled(count, 1000, {"", "K", "M", "G", "T", "P"}); }
