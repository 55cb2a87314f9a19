//===- TracedNames.h - What the tracing exporter's names say -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PyTorch's older exporter (`torch.onnx.export(dynamo=False)`) writes no
// metadata. It names nodes by their module's path, `/model/layers.0/q_proj/MatMul`,
// and a weight that it transposed by a number, `onnx::MatMul_651`.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_IMPORT_ONNX_TRACEDNAMES_H
#define WEFT_COMPILER_IMPORT_ONNX_TRACEDNAMES_H

#include "compiler/import/onnx/OnnxGraph.h"
#include "llvm/ADT/StringRef.h"

namespace weft {

/// The module in a node's name: `model.layers.0.q_proj`. Empty if the name is not such a path.
std::string tracedScope(llvm::StringRef nodeName);

/// Whether a tensor's name is a number that the tracing exporter gave to what it computed.
bool isTracedConstant(llvm::StringRef tensorName);

/// Whether the matrices `a` and `b`, or `a` and the transpose of `b`, have equal bytes, and not one value everywhere.
/// `bytes` is the model file; tensors that lie elsewhere are not equal to anything.
bool hasSameElements(const onnx::Tensor &a, const onnx::Tensor &b, bool transposed, llvm::StringRef bytes);

} // namespace weft

#endif // WEFT_COMPILER_IMPORT_ONNX_TRACEDNAMES_H
