//===- ReadPt2.h - Archives of torch.export ---------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_IMPORT_TORCH_READPT2_H
#define WEFT_COMPILER_IMPORT_TORCH_READPT2_H

#include "compiler/import/onnx/OnnxGraph.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace weft::torch {

/// Whether these bytes begin like a zip archive, as what torch.export.save writes does.
bool isArchive(llvm::StringRef bytes);

/// Reads an archive of torch.export.save (docs/import.md) into a model of standard operators whose weights lie in the
/// archive. Returns false with a one-line reason. `bytes` is not kept.
bool readPt2(llvm::StringRef bytes, onnx::Model &model, std::string &error);

} // namespace weft::torch

#endif // WEFT_COMPILER_IMPORT_TORCH_READPT2_H
