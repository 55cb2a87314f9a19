//===- WriteModel.h - A standard model as an ONNX file ----------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The library behind `weft model`. docs/models.md describes the graphs.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_MODEL_WRITEMODEL_H
#define WEFT_COMPILER_MODEL_WRITEMODEL_H

#include "compiler/model/Architecture.h"

namespace weft {

/// What was written.
struct ModelSummary {
  Architecture architecture;
  /// Elements of all parameters, and how many tensors they are.
  int64_t parameters = 0, tensors = 0;
};

/// Writes the graph of a standard model, without values, to the ONNX file
/// `path`, which appears complete or not at all. Returns false with one message
/// in `error` if the options do not make a model or the file cannot be written.
bool writeModel(const ModelOptions &options, const std::string &path, ModelSummary &summary, std::string &error);

/// The same, for callers that need no summary.
bool writeModel(const ModelOptions &options, const std::string &path, std::string &error);

} // namespace weft

#endif // WEFT_COMPILER_MODEL_WRITEMODEL_H
