//===- AtenGraph.h - ATen operators as standard ones ------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_IMPORT_TORCH_ATENGRAPH_H
#define WEFT_COMPILER_IMPORT_TORCH_ATENGRAPH_H

#include "compiler/import/onnx/OnnxGraph.h"
#include "llvm/Support/JSON.h"
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weft::torch {

/// The element type of a number in torch's schema (ScalarType); Undefined for those that Weft has no use for.
onnx::ElementType elementTypeOf(int64_t scalarType);

/// A size of a tensor: a number, or the symbol that stands for it.
struct Size {
  int64_t value = -1;
  std::string symbol;
};
std::optional<Size> readSize(const llvm::json::Value &value);

/// Adds nodes to a model that compute what the nodes of an exported graph do. `names` says which value of the model a
/// value of the graph is, for inputs and weights at first, and for everything computed after. Returns false with a
/// one-line reason that names the node.
bool translateGraph(const llvm::json::Object &graph, std::map<std::string, std::string> &names, onnx::Model &model,
                    std::string &error);

} // namespace weft::torch

#endif // WEFT_COMPILER_IMPORT_TORCH_ATENGRAPH_H
