//===- NearestName.h - What a pattern over names may have meant -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_IMPORT_ONNX_NEARESTNAME_H
#define WEFT_COMPILER_IMPORT_ONNX_NEARESTNAME_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace weft {

/// The name that a glob which matches none of them comes nearest to, by the letters that would have to change; outer
/// scopes that the glob leaves out count nothing. Empty if no name is near.
llvm::StringRef nearestName(llvm::StringRef glob, llvm::ArrayRef<std::string> names);

} // namespace weft

#endif // WEFT_COMPILER_IMPORT_ONNX_NEARESTNAME_H
