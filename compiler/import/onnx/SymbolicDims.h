//===- SymbolicDims.h - Sizes of inputs without a value ---------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_IMPORT_ONNX_SYMBOLICDIMS_H
#define WEFT_COMPILER_IMPORT_ONNX_SYMBOLICDIMS_H

#include "compiler/import/onnx/OnnxGraph.h"
#include "compiler/import/onnx/OnnxImport.h"
#include "llvm/ADT/ArrayRef.h"

namespace weft {

/// The inputs of a graph that are not initializers.
std::vector<const onnx::ValueInfo *> realInputs(const onnx::Model &model);

/// The name that a size without a value goes by; sizes without a name are called INPUT.AXIS.
std::string dimName(const onnx::ValueInfo &input, size_t axis);

/// The symbolic sizes of inputs in order of appearance, with the bounds that PyTorch's exporter recorded.
std::vector<SymbolicDim> symbolicDims(const onnx::Model &model, llvm::ArrayRef<const onnx::ValueInfo *> inputs);

/// The size that is taken where the user gives none (docs/import.md), and in words why. Nothing if there is no sensible
/// one. The batch is a multiple of `parts`.
std::optional<int64_t> defaultSize(const SymbolicDim &dim, bool isBatch, uint64_t parts, std::string &why);

} // namespace weft

#endif // WEFT_COMPILER_IMPORT_ONNX_SYMBOLICDIMS_H
