//===- NodeImport.h - What an operator's handler sees of a node -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each family of operators is one file: handlers, and a function that enters
// them in a table. A handler reads operands and attributes through NodeImport,
// which reports what is wrong with them, and builds weft, arith and math ops.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_IMPORT_ONNX_NODEIMPORT_H
#define WEFT_COMPILER_IMPORT_ONNX_NODEIMPORT_H

#include "compiler/import/onnx/OnnxGraph.h"
#include "dialects/weft/Build.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace weft {

/// A running statistic of a batch norm that is trained: a state.
struct RunningStatistic {
  std::string symbol;
  /// The weft.write of its next value, once a node has made it.
  mlir::Operation *write = nullptr;
};

/// What all nodes of an import share.
struct ImportContext {
  mlir::MLIRContext *context;
  /// f16 and bf16 become f32.
  bool narrowToF32 = true;
  /// Symbolic sizes and their (per micro-batch) values, for hints.
  std::vector<std::pair<std::string, int64_t>> dims;
  /// Names of values that are unsigned integers, which are signless in the program.
  llvm::StringSet<> unsignedValues;
  /// The names people know values by, where they are not the graph's.
  llvm::StringMap<std::string> displayNames;
  /// Results of LogSoftmax: the logits (moved so that the classes come last) and the axis of the classes.
  llvm::DenseMap<mlir::Value, std::pair<mlir::Value, int64_t>> logSoftmax;
  /// Lists of tensors, by the graph's names: a program has their tensors only.
  llvm::StringMap<llvm::SmallVector<mlir::Value>> sequences;
  /// The initializers that are states, by the graph's names.
  llvm::StringMap<RunningStatistic> statistics;
  /// Batch norms train by the batch's statistics, also those that were exported for inference.
  bool trainBatchNorm = false;
  /// Batch norms by the batch's statistics, and by those in the file.
  int64_t trainedBatchNorms = 0, frozenBatchNorms = 0;
  /// The seed of what is dropped in this micro-batch, once a node has asked for it, and how many have.
  mlir::Value dropoutSeed;
  int64_t trainedDropouts = 0;
  std::vector<std::string> *remarks = nullptr;

  /// The element type that a type of the format has in the program; null if Weft has none.
  mlir::Type convertType(onnx::ElementType type) const;
};

/// No tensor of a program has more elements than this; sizes beyond it come from corrupt files or mistyped sizes, and
/// products of sizes below it do not overflow.
constexpr int64_t kMaxElements = int64_t(1) << 40;

/// Whether a shape has no negative size and at most kMaxElements elements.
bool isSaneShape(llvm::ArrayRef<int64_t> shape);

/// The values of a constant result, if `v` is one.
mlir::DenseElementsAttr constantValue(mlir::Value v);

/// One node on its way in. Faults that a getter finds are reported there and then, once; the getter returns something
/// harmless, and the import fails after the handler.
class NodeImport {
public:
  using Value = mlir::Value;
  using Dims = llvm::ArrayRef<int64_t>;
  using Shape = llvm::SmallVector<int64_t>;

  NodeImport(ImportContext &context, const onnx::Node &node, int64_t opset, mlir::OpBuilder &builder,
             mlir::Location loc, llvm::ArrayRef<Value> inputs);

  ImportContext &context;
  const onnx::Node &node;
  const int64_t opset;
  Build e;

  //===--- operands ---===//

  size_t numInputs() const { return inputs.size(); }
  /// Whether operand i is there.
  bool has(size_t i) const { return i < inputs.size() && inputs[i]; }
  Value input(size_t i) const { return i < inputs.size() ? inputs[i] : Value(); }
  mlir::RankedTensorType type(size_t i) const { return tensorType(inputs[i]); }
  Dims shape(size_t i) const { return type(i).getShape(); }
  int64_t rank(size_t i) const { return type(i).getRank(); }
  mlir::Type elementType(size_t i) const { return type(i).getElementType(); }
  bool isFloat(size_t i) const { return llvm::isa<mlir::FloatType>(elementType(i)); }
  /// Whether operand i is of unsigned integers. A handler that takes them reads them as such.
  bool isUnsigned(size_t i) const;
  /// Operand i, or `v`, such that the signed order of its elements is their own: the same unless it is unsigned. An
  /// involution.
  Value ordered(size_t i) { return ordered(inputs[i], isUnsigned(i)); }
  Value ordered(Value v, bool isUnsigned);
  /// The name people know operand i by.
  std::string displayName(size_t i) const;
  /// Operand i as a list of integers that is known now (a scalar is a list of one); an error if it is not.
  mlir::FailureOr<Shape> constantInts(size_t i, llvm::StringRef what);
  /// Operand i as a number that is known now; an error if it is not.
  mlir::FailureOr<double> constantNumber(size_t i, llvm::StringRef what);
  /// Operand 0 as a list of tensors, of an operator that takes one (OpTable); an error if it is a tensor.
  mlir::FailureOr<llvm::ArrayRef<Value>> sequence();
  /// An error unless operand i is of float type.
  mlir::LogicalResult needFloat(size_t i = 0);
  /// An error unless operands a and b have one element type.
  mlir::LogicalResult needSameElementType(size_t a, size_t b);

  //===--- attributes ---===//

  int64_t getInt(llvm::StringRef name, int64_t defaultValue);
  double getFloat(llvm::StringRef name, double defaultValue);
  std::string getString(llvm::StringRef name, llvm::StringRef defaultValue);
  /// Absent: nullopt.
  std::optional<Shape> getInts(llvm::StringRef name);
  bool hasAttr(llvm::StringRef name) const;

  //===--- shapes ---===//

  /// An axis in [-rank, rank) as one in [0, rank); an error if it is outside.
  mlir::FailureOr<int64_t> axis(int64_t axis, int64_t rank, llvm::StringRef what = "axis");
  /// The same for a list, which must not repeat an axis; sorted.
  mlir::FailureOr<Shape> axes(Dims axes, int64_t rank);
  /// An error if a shape to be built is beyond all bounds.
  mlir::LogicalResult checkShape(Dims shape);
  /// The shape that all of `values` stretch to by the format's multidirectional broadcasting.
  mlir::FailureOr<Shape> commonShape(llvm::ArrayRef<Value> values);
  /// Stretches `v` to `shape`: missing leading dimensions and sizes of 1 repeat.
  mlir::FailureOr<Value> stretch(Value v, Dims shape);
  /// Stretches all of `values` to their common shape.
  mlir::LogicalResult stretchTogether(llvm::MutableArrayRef<Value> values);
  /// A constant vector or scalar of i64.
  Value i64Constant(Dims values, Dims shape);
  Value i64Vector(Dims values) { return i64Constant(values, {static_cast<int64_t>(values.size())}); }

  //===--- results ---===//

  /// Result i of the node, which may name fewer.
  void set(size_t i, Value v) {
    if (i < results.size())
      results[i] = v;
  }
  /// Says whether result i is of unsigned integers, where that does not follow from the operands (OpTable).
  void setUnsigned(size_t i, bool isUnsigned) { unsignedResults[i] = isUnsigned; }
  std::optional<bool> isUnsignedResult(size_t i) const { return unsignedResults[i]; }
  /// Gives the node's only result.
  mlir::LogicalResult done(Value v) {
    set(0, v);
    return mlir::success();
  }
  mlir::LogicalResult done(mlir::FailureOr<Value> v) {
    if (failed(v))
      return mlir::failure();
    return done(*v);
  }
  /// Gives the node's only result, a list of tensors.
  mlir::LogicalResult doneSequence(llvm::ArrayRef<Value> tensors) {
    sequenceResult.emplace(tensors);
    return mlir::success();
  }
  std::optional<llvm::SmallVector<Value>> &getSequenceResult() { return sequenceResult; }
  /// Whether result i of the node has a name, so that somebody may use it.
  bool wants(size_t i) const { return i < node.outputs.size() && !node.outputs[i].empty(); }
  llvm::MutableArrayRef<Value> getResults() { return results; }

  /// Starts an error at the node; only the first one of a node is said.
  mlir::InFlightDiagnostic error();
  /// Whether a getter has found a fault.
  bool hasFault() const { return fault; }
  /// An error for attributes that no getter has asked for: their meaning would be lost.
  mlir::LogicalResult checkAttributesUsed();

private:
  const onnx::Attribute *attribute(llvm::StringRef name, onnx::Attribute::Kind kind);

  llvm::SmallVector<Value> inputs, results;
  std::optional<llvm::SmallVector<Value>> sequenceResult;
  llvm::SmallVector<std::optional<bool>> unsignedResults;
  llvm::StringSet<> asked;
  bool fault = false;
};

using NodeHandler = llvm::LogicalResult (*)(NodeImport &);

/// How an operator is imported, for a range of opsets.
struct OpRule {
  NodeHandler handler;
  size_t minInputs, maxInputs, maxOutputs;
  int64_t since, until;
};

constexpr int64_t kFirstOpset = 13, kLastOpset = 23;
constexpr size_t kAnyNumber = ~size_t(0);

/// The operators Weft takes, of the standard domain.
class OpTable {
public:
  void add(llvm::StringRef opType, NodeHandler handler, size_t minInputs, size_t maxInputs, size_t maxOutputs = 1,
           int64_t since = kFirstOpset, int64_t until = kLastOpset);
  /// Operators that take unsigned integers too. Their integer results, unless the handler says otherwise, are unsigned
  /// if operand `operand` is; none are if it is negative.
  void takeUnsigned(int operand, llvm::ArrayRef<llvm::StringRef> opTypes);
  /// What takeUnsigned said of an operator; nullopt if it takes signed integers only.
  std::optional<int> unsignedRule(llvm::StringRef opType) const;
  /// Operators whose operand 0 is, or may be, a list of tensors.
  void takeSequence(llvm::ArrayRef<llvm::StringRef> opTypes);
  bool takesSequence(llvm::StringRef opType) const { return sequenceOps.contains(opType); }
  /// The rule of an operator in an opset; null if there is none.
  const OpRule *find(llvm::StringRef opType, int64_t opset) const;
  bool knows(llvm::StringRef opType) const { return rules.count(opType.str()); }

private:
  std::map<std::string, llvm::SmallVector<OpRule, 1>> rules;
  std::map<std::string, int> unsignedRules;
  llvm::StringSet<> sequenceOps;
};

// One per family.
void registerElementwise(OpTable &table);
void registerActivation(OpTable &table);
void registerBitwise(OpTable &table);
void registerShape(OpTable &table);
void registerMatMul(OpTable &table);
void registerEinsum(OpTable &table);
void registerSorting(OpTable &table);
void registerReduction(OpTable &table);
void registerIndexing(OpTable &table);
void registerSelection(OpTable &table);
void registerSequence(OpTable &table);
void registerNormalization(OpTable &table);
void registerChannelNorm(OpTable &table);
void registerConvolution(OpTable &table);
void registerPooling(OpTable &table);
void registerAttention(OpTable &table);
void registerLoss(OpTable &table);

} // namespace weft

#endif // WEFT_COMPILER_IMPORT_ONNX_NODEIMPORT_H
