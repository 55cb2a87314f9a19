//===- Format.h - Numbers as people read them -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_PLAN_FORMAT_H
#define WEFT_COMPILER_PLAN_FORMAT_H

#include <string>

namespace weft {

/// "1.50 MiB".
std::string formatBytes(double bytes);

/// "124 M": a number with three digits and a decimal prefix.
std::string formatCount(double count);

} // namespace weft

#endif // WEFT_COMPILER_PLAN_FORMAT_H
