//===- Parameters.h - Which initializers are parameters -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_IMPORT_ONNX_PARAMETERS_H
#define WEFT_COMPILER_IMPORT_ONNX_PARAMETERS_H

#include "compiler/import/onnx/NodeImport.h"
#include "compiler/import/onnx/OnnxImport.h"

namespace weft {

/// An operand of a node.
struct Use {
  const onnx::Node *node;
  size_t operand;
};

/// Where the bytes of tensors are.
struct TensorFiles {
  /// The model file: its absolute path and its bytes.
  std::string path;
  llvm::StringRef bytes;
};

/// Decides what every initializer is, declares parameters, and hands out values.
class Parameters {
public:
  Parameters(const onnx::Model &model, const ImportOptions &options, ImportContext &context, TensorFiles files,
             ImportReport &report)
      : model(model), options(options), context(context), files(std::move(files)), report(report) {}

  /// Classifies the initializers in `uses` (those that reach a result), by name, and enters people's names into the
  /// context. Faults are errors.
  mlir::LogicalResult classify(const llvm::StringMap<llvm::SmallVector<Use, 2>> &uses);
  /// Creates the weft.param ops.
  mlir::LogicalResult declare(mlir::OpBuilder &builder);
  /// The value of an initializer: a constant, or a read of its parameter, created where the builder stands on the first
  /// call. Null after an error.
  mlir::Value value(llvm::StringRef initializer, mlir::OpBuilder &builder);
  bool contains(llvm::StringRef name) const { return entries.count(name); }

private:
  /// How a parameter's value becomes the initializer's.
  enum class Fold { None, Transpose, Reshape };
  struct Entry {
    const onnx::Tensor *tensor;
    bool isParameter = false;
    bool isStatistic = false; ///< a state
    std::string symbol;
    Fold fold = Fold::None;
    mlir::Value value;
  };
  struct Param {
    std::string name;
    const onnx::Tensor *tensor; ///< where the value lies
    bool trainable;
    bool transposed; ///< the file holds the transpose of the parameter
    mlir::RankedTensorType type;
    std::vector<std::string> aliases;
    mlir::Value read;
  };

  mlir::Location location(llvm::StringRef name) const;
  void readSignature();
  /// The parameter that an initializer was folded from; empty if none or if that is unclear.
  std::string foldedFrom(const onnx::Tensor &tensor);
  /// The same for a file by the tracing exporter, where names and values are all there is: the parameter of a weight
  /// that it transposed, or of which it is a copy.
  std::string tracedSource(const onnx::Tensor &tensor, llvm::ArrayRef<Use> uses);
  /// Finds what is added to what, for tracedLeaf.
  void findTracedBiases();
  /// What a module calls the weight of a product: `in_proj_weight` if `in_proj_bias` is added to it, else `weight`.
  std::string tracedLeaf(llvm::StringRef module, llvm::ArrayRef<Use> uses);
  mlir::LogicalResult checkTensor(const onnx::Tensor &tensor);
  /// The state that holds a running statistic; `isVariance` says what it starts as without a file.
  void addStatistic(Entry &entry, bool isVariance);
  mlir::LogicalResult addParameter(Entry &entry, llvm::StringRef name, Fold fold, bool trainable);
  void findAliases();
  mlir::FailureOr<std::string> externalPath(const onnx::Tensor &tensor);
  mlir::Attribute source(const Param &param);
  mlir::DenseElementsAttr decode(const onnx::Tensor &tensor);

  const onnx::Model &model;
  const ImportOptions &options;
  ImportContext &context;
  TensorFiles files;
  ImportReport &report;
  /// torch.export's signature: the kind of every parameter and buffer of the exported module.
  std::map<std::string, std::string> signature;
  llvm::StringMap<const onnx::ValueInfo *> infos;
  llvm::StringMap<Entry> entries;
  /// Of weights that the tracing exporter transposed: the parameter of each, the names given, and ties that were found.
  llvm::StringMap<std::string> tracedOwner;
  /// The modules' own names, by the paths of nodes that read their other parameters.
  llvm::StringMap<std::string> tracedModules;
  /// The bias that is added to a value, by the value's name.
  llvm::StringMap<std::string> tracedBiases;
  llvm::StringSet<> tracedNames;
  std::vector<std::pair<std::string, std::string>> tied;
  /// Running statistics that a step moves; a variance starts as 1, a mean as 0.
  std::vector<std::pair<Param, bool>> statistics;
  std::vector<Param> params;
  llvm::StringMap<size_t> paramIndex;
};

/// The strings of a Python list of strings as exporters write it: "['a', 'b']".
std::vector<std::string> parsePythonStrings(llvm::StringRef text);
/// The innermost module that a node belongs to; empty if the file does not say.
std::string nodeScope(const onnx::Node &node);

} // namespace weft

#endif // WEFT_COMPILER_IMPORT_ONNX_PARAMETERS_H
