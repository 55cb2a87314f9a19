//===- SymbolAttrs.h - What symbols may say besides -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_WEFT_SYMBOLATTRS_H
#define WEFT_DIALECTS_WEFT_SYMBOLATTRS_H

#include "llvm/ADT/StringRef.h"

namespace weft {

/// On a symbol of which a rank holds a part: the shape of the whole, as the model and its files have it.
inline constexpr llvm::StringLiteral wholeShapeAttr = "weft.whole_shape";

/// On a parameter whose packed dimension was split: the shape under which files have it.
inline constexpr llvm::StringLiteral savedShapeAttr = "weft.saved_shape";

} // namespace weft

#endif // WEFT_DIALECTS_WEFT_SYMBOLATTRS_H
