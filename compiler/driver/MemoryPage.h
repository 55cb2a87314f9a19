//===- MemoryPage.h - The arena over a step, as a page ----------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_MEMORYPAGE_H
#define WEFT_COMPILER_DRIVER_MEMORYPAGE_H

#include "llvm/Support/JSON.h"
#include <string>

namespace weft {

/// A page that draws the arena of an executable over each of its tasks, from its manifest: who holds what, by layer.
/// It needs nothing from elsewhere. Empty if the manifest does not say what lies where.
std::string drawMemory(const llvm::json::Object &manifest);

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_MEMORYPAGE_H
