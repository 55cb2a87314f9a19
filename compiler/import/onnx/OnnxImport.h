//===- OnnxImport.h - From an ONNX file to a weft program -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_IMPORT_ONNX_ONNXIMPORT_H
#define WEFT_COMPILER_IMPORT_ONNX_ONNXIMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weft {

/// What the user decides about an import.
struct ImportOptions {
  /// The .onnx or .pt2 file.
  std::string path;
  /// Values of symbolic sizes by name; that of the batch is the global batch. Those that lack are taken by default, if
  /// there is a sensible one.
  std::map<std::string, int64_t> dims;
  /// Ranks that have samples of their own: a batch by default is a multiple of these times micro-batches.
  int64_t dataRanks = 1;
  /// The program is specialised to batch / microbatches samples.
  int64_t microbatches = 1;
  /// Glob patterns of parameter names that are not, or are, trained.
  std::vector<std::string> freeze, train;
  /// NAME=ROLE: tokens, labels, ones, positions, or the name of a field of the data.
  std::vector<std::string> inputs;
  /// "fp32": f16 and bf16 tensors are f32 in the program; "model": types as in the file.
  std::string precision = "fp32";
  /// What batch norms compute with while training: "as-exported" is what each node says, "training" the statistics of
  /// the batch.
  std::string batchNorm = "as-exported";
};

/// A symbolic size and its value.
struct ImportedDim {
  std::string name;
  int64_t size;
  std::string why; ///< what the default is that was taken; empty: the size was given
};

/// What was found and decided on the way; for people.
struct ImportReport {
  /// Symbolic sizes in the order of their appearance, with the values taken.
  std::vector<ImportedDim> dims;
  /// Names of the parameters, in the order of the file, and whether each is trained.
  std::vector<std::pair<std::string, bool>> parameters;
  /// Sentences that say what was taken for what.
  std::vector<std::string> remarks;
};

/// Reads a model into a module with one function @forward and a weft.param for
/// every parameter (docs/import.md). Faults of the file or of the request are
/// errors on the context's diagnostic engine, and the result is null.
mlir::OwningOpRef<mlir::ModuleOp> importOnnx(mlir::MLIRContext &context, const ImportOptions &options,
                                             ImportReport &report);

/// A symbolic size of a model and the graph inputs that have it.
struct SymbolicDim {
  std::string name;
  struct Use {
    std::string input;
    int64_t axis;
  };
  std::vector<Use> uses;
  int64_t least = 1;           ///< as the exporter recorded it
  std::optional<int64_t> most; ///< likewise; nothing: any
};

/// The symbolic sizes of a model's inputs in order of appearance. Returns false
/// with a one-line reason if the file cannot be read.
bool listSymbolicDims(const std::string &path, std::vector<SymbolicDim> &dims, std::string &error);

} // namespace weft

#endif // WEFT_COMPILER_IMPORT_ONNX_ONNXIMPORT_H
