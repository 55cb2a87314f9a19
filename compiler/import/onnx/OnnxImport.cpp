//===- OnnxImport.cpp - From an ONNX file to a weft program -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/OnnxImport.h"
#include "compiler/import/onnx/Branches.h"
#include "compiler/import/onnx/Functions.h"
#include "compiler/import/onnx/GraphOrder.h"
#include "compiler/import/onnx/SymbolicDims.h"
#include "compiler/import/torch/ReadPt2.h"
#include "dialects/weft/Fold.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace weft;

namespace {

class Importer {
public:
  Importer(MLIRContext &mlirContext, const ImportOptions &options, ImportReport &report)
      : mlirContext(mlirContext), options(options), report(report), builder(&mlirContext),
        file(NameLoc::get(StringAttr::get(&mlirContext, options.path))) {
    context.context = &mlirContext;
    context.remarks = &report.remarks;
  }

  OwningOpRef<ModuleOp> run();

private:
  LogicalResult readFile();
  LogicalResult checkOpset();
  LogicalResult checkOperators(const GraphOrder &order);
  LogicalResult bindDims();
  LogicalResult makeFunction(Block *body);
  /// The operators of all families; the same for every import.
  static const OpTable &allOperators();
  LogicalResult setRoles();
  LogicalResult importNode(const onnx::Node &node, Location loc);
  /// Enters what a node's handler made. `unsignedRule` is what the operator's table says of it.
  LogicalResult setResults(NodeImport &import, std::optional<int> unsignedRule);
  LogicalResult importBranch(const onnx::Node &node, Location loc);
  /// Whether a node is of a branch that is not taken, or whose condition is not known.
  FailureOr<bool> isSkipped(const onnx::Node &node, Location loc);
  FailureOr<std::optional<bool>> conditionOf(const std::string &name, Location loc);
  void sayBatchNorms();
  void foldNew(Operation *after, NodeImport &import);
  FailureOr<Value> valueOf(const std::string &name);
  InFlightDiagnostic error() { return emitError(file); }
  /// The version of the standard operators that a node is of.
  int64_t opsetOf(const onnx::Node &node) const { return node.opset ? node.opset : opset; }

  MLIRContext &mlirContext;
  const ImportOptions &options;
  ImportReport &report;
  OpBuilder builder;
  Location file;
  ImportContext context;
  const OpTable &table = allOperators();

  std::unique_ptr<llvm::MemoryBuffer> buffer;
  std::string absolutePath;
  onnx::Model model;
  int64_t opset = 0;
  std::vector<const onnx::ValueInfo *> inputs; ///< without those that are initializers
  std::optional<Parameters> parameters;
  std::map<std::string, int64_t> sizes; ///< symbolic sizes of one micro-batch
  int64_t batch = 1;                    ///< the global one
  func::FuncOp function;
  llvm::StringMap<Value> values;
  llvm::StringSet<> notTaken; ///< values of branches that are not taken
};

} // namespace

const OpTable &Importer::allOperators() {
  static const OpTable operators = [] {
    OpTable table;
    for (auto family :
         {registerElementwise, registerActivation, registerBitwise, registerSelection, registerSequence, registerShape,
          registerMatMul, registerEinsum, registerSorting, registerReduction, registerIndexing, registerNormalization,
          registerChannelNorm, registerConvolution, registerPooling, registerAttention, registerLoss})
      family(table);
    return table;
  }();
  return operators;
}

static bool readWholeFile(const std::string &path, std::unique_ptr<llvm::MemoryBuffer> &buffer, onnx::Model &model,
                          std::string &error) {
  if (llvm::sys::fs::is_directory(path)) {
    error = "it is a folder";
    return false;
  }
  if (llvm::sys::fs::exists(path) && !llvm::sys::fs::is_regular_file(path)) {
    error = "it is not a regular file";
    return false;
  }
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file) {
    error = "it cannot be read: " + file.getError().message();
    return false;
  }
  buffer = std::move(*file);
  if (torch::isArchive(buffer->getBuffer())) {
    if (torch::readPt2(buffer->getBuffer(), model, error))
      return true;
    error = "it is not an archive of torch.export that Weft takes: " + error;
    return false;
  }
  if (onnx::readModel({buffer->getBufferStart(), buffer->getBufferSize()}, model, error))
    return true;
  error = "it is not an ONNX model: " + error;
  return false;
}

LogicalResult Importer::readFile() {
  std::string reason;
  if (!readWholeFile(options.path, buffer, model, reason))
    return error() << reason;
  SmallString<256> absolute(options.path);
  if (std::error_code code = llvm::sys::fs::make_absolute(absolute))
    return error() << "its absolute path is unknown: " << code.message();
  llvm::sys::path::remove_dots(absolute, /*remove_dot_dot=*/true);
  absolutePath = absolute.str().str();
  if (!model.sparseInitializers.empty())
    return error() << "sparse initializers are not supported ('" << model.sparseInitializers.front() << "')";
  return success();
}

LogicalResult Importer::checkOpset() {
  auto it = model.opsets.find("");
  if (it == model.opsets.end())
    return error() << "the file names no version of the standard operators";
  opset = it->second;
  if (opset < kFirstOpset || opset > kLastOpset)
    return error() << "the file uses opset " << opset << ", Weft reads opsets " << kFirstOpset << " to " << kLastOpset
                   << ": export it again or convert it";
  return success();
}

/// Operators that are named in one go when they cannot be taken.
static constexpr size_t kMaxOperatorErrors = 10;

/// One error per operator that cannot be taken, all of them at once.
LogicalResult Importer::checkOperators(const GraphOrder &order) {
  struct Refused {
    const onnx::Node *first;
    int64_t count;
    std::string reason;
  };
  llvm::MapVector<StringRef, Refused> refused;
  std::vector<std::string> keys;
  keys.reserve(order.nodes.size());
  for (const onnx::Node *node : order.nodes) {
    bool standard = node->domain.empty() || node->domain == "ai.onnx";
    std::string reason;
    // A branch need not be taken: what is in it is looked at when it is.
    if (isBranch(*node) || !node->guards.empty())
      continue;
    if (!standard || !table.knows(node->opType))
      reason = "is not supported";
    else if (!table.find(node->opType, opsetOf(*node)))
      reason = "does not exist in opset " + std::to_string(opsetOf(*node));
    else
      continue;
    std::string key = standard ? node->opType : node->domain + "::" + node->opType;
    if (auto it = refused.find(key); it != refused.end()) {
      ++it->second.count;
      continue;
    }
    keys.push_back(std::move(key));
    refused.insert({StringRef(keys.back()), Refused{node, 1, reason}});
  }
  size_t said = 0;
  for (auto &[key, what] : refused) {
    // More than anybody reads at once.
    if (++said > kMaxOperatorErrors) {
      error() << refused.size() - kMaxOperatorErrors << " more operators cannot be taken";
      break;
    }
    InFlightDiagnostic diagnostic = emitError(order.locations.find(what.first)->second);
    diagnostic << "operator " << key << " " << what.reason << " (" << what.count
               << (what.count == 1 ? " node" : " nodes, this is the first") << ")";
  }
  return success(refused.empty());
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

LogicalResult Importer::bindDims() {
  if (options.microbatches < 1)
    return error() << "the number of micro-batches must be at least 1, not " << options.microbatches;
  for (const onnx::ValueInfo *input : inputs) {
    if (!input->isTensor || !input->hasShape)
      return error() << "input '" << input->name << "' " << (input->isTensor ? "has no shape" : "is not a tensor");
    if (!context.convertType(input->type))
      return error() << "input '" << input->name << "' has element type " << onnx::elementTypeName(input->type)
                     << ", which Weft does not have";
  }
  std::vector<SymbolicDim> dims = symbolicDims(model, inputs);
  auto list = [](ArrayRef<SymbolicDim> dims, auto format, const char *separator = ", ") {
    std::string text;
    for (const SymbolicDim &dim : dims)
      text += (text.empty() ? "" : separator) + format(dim);
    return text;
  };
  for (auto &[name, value] : options.dims) {
    if (llvm::none_of(dims, [&, &name = name](const SymbolicDim &dim) { return dim.name == name; }))
      return error() << "the model has no symbolic size '" << name << "'; it has "
                     << (dims.empty() ? "none" : list(dims, [](const SymbolicDim &dim) { return dim.name; }));
    if (value < 1 || value > kMaxElements)
      return error() << "size '" << name << "' cannot be " << value;
  }

  const onnx::ValueInfo *first = nullptr;
  for (const onnx::ValueInfo *input : inputs)
    if (!first && !input->shape.empty())
      first = input;
  std::string batchName = first && first->shape[0].value < 0 ? dimName(*first, 0) : "";
  std::vector<SymbolicDim> lacking;
  for (const SymbolicDim &dim : dims) {
    std::string why;
    std::optional<int64_t> size;
    if (auto given = options.dims.find(dim.name); given != options.dims.end())
      size = given->second;
    else
      size = defaultSize(dim, dim.name == batchName,
                         llvm::SaturatingMultiply<uint64_t>(options.microbatches, options.dataRanks), why);
    if (!size) {
      lacking.push_back(dim);
      continue;
    }
    sizes[dim.name] = *size;
    report.dims.push_back({dim.name, *size, why});
    if (!why.empty())
      report.remarks.push_back("size '" + dim.name + "' is " + std::to_string(*size) + " by default, " + why +
                               "; --dim " + dim.name + "=N gives another");
  }
  if (!lacking.empty())
    return error() << "the model has symbolic sizes that need values: "
                   << list(lacking,
                           [](const SymbolicDim &dim) {
                             return dim.name + " (" + dim.uses.front().input + ", axis " +
                                    std::to_string(dim.uses.front().axis) + ")";
                           })
                   << "; for example: "
                   << list(
                          lacking, [](const SymbolicDim &dim) { return "--dim " + dim.name + "=32"; }, " ");

  if (!batchName.empty()) {
    batch = sizes.at(batchName);
    if (batch % options.microbatches)
      return error() << batchName << "=" << batch << " does not divide into " << options.microbatches
                     << " micro-batches; choose a multiple of " << options.microbatches << " for --dim " << batchName;
    sizes[batchName] = batch / options.microbatches;
  } else if (first) {
    batch = first->shape[0].value;
    if (options.microbatches > 1)
      return error() << "the graph has a fixed batch of " << batch << ": it cannot be cut into " << options.microbatches
                     << " micro-batches; export it with a symbolic batch";
  } else if (options.microbatches > 1) {
    return error() << "the graph has no input with a batch to cut into micro-batches";
  }
  for (const SymbolicDim &dim : dims)
    context.dims.emplace_back(dim.name, sizes.at(dim.name));
  return success();
}

LogicalResult Importer::makeFunction(Block *body) {
  builder.setInsertionPointToEnd(body);
  SmallVector<Type> types;
  for (const onnx::ValueInfo *input : inputs) {
    SmallVector<int64_t> shape;
    for (auto [axis, dim] : llvm::enumerate(input->shape))
      shape.push_back(dim.value >= 0 ? dim.value : sizes.at(dimName(*input, axis)));
    if (!isSaneShape(shape))
      return error() << "the sizes of input '" << input->name << "' are beyond what Weft can hold";
    types.push_back(RankedTensorType::get(shape, context.convertType(input->type)));
  }
  function = func::FuncOp::create(builder, file, "forward", builder.getFunctionType(types, {}));
  Block *entry = function.addEntryBlock();
  for (auto [input, argument] : llvm::zip(inputs, entry->getArguments())) {
    argument.setLoc(NameLoc::get(builder.getStringAttr(input->name)));
    values[input->name] = argument;
    if (onnx::isUnsigned(input->type))
      context.unsignedValues.insert(input->name);
  }
  builder.setInsertionPointToEnd(entry);
  return success();
}

LogicalResult Importer::setRoles() {
  std::map<std::string, std::string> asked;
  for (const std::string &text : options.inputs) {
    auto [name, role] = StringRef(text).split('=');
    if (name.empty() || role.empty())
      return error() << "--input '" << text << "' must be NAME=ROLE";
    if (llvm::none_of(inputs, [&, name = name](const onnx::ValueInfo *input) { return input->name == name; })) {
      InFlightDiagnostic diagnostic = error();
      diagnostic << "the model has no input '" << name << "'; it has ";
      llvm::interleaveComma(inputs, diagnostic, [&](const onnx::ValueInfo *input) { diagnostic << input->name; });
      return diagnostic;
    }
    asked[name.str()] = role.str();
  }
  int tokens = -1;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    auto type = cast<RankedTensorType>(function.getArgumentTypes()[i]);
    bool index = type.getElementType().isInteger(64) || type.getElementType().isInteger(32);
    std::string name = StringRef(input->name).lower(), role, field;
    if (auto it = asked.find(input->name); it != asked.end()) {
      role = it->second;
      if (role != "tokens" && role != "labels" && role != "ones" && role != "zeros" && role != "positions") {
        field = role;
        role = "field";
      }
      if ((role == "tokens" || role == "labels" || role == "positions") && !index)
        return error() << "input '" << input->name << "' of type " << type << " cannot be " << role
                       << ", which are integers of 32 or 64 bits; --input " << input->name
                       << "=FIELD reads it from a tensor of the data";
    } else if (!index || StringRef(name).contains("mask")) {
      role = StringRef(name).contains("mask") ? "ones" : "field";
    } else if (StringRef(name).contains("label") || StringRef(name).contains("target")) {
      role = "labels";
    } else if (StringRef(name).contains("position")) {
      role = "positions";
    } else if (StringRef(name).contains("token_type") || StringRef(name).contains("segment")) {
      // A text that is not a pair is one segment: number 0 throughout.
      role = "zeros";
    } else if (tokens < 0 && type.getRank() == 2) {
      role = "tokens";
    } else if (tokens >= 0 && function.getArgumentTypes()[tokens] == type && !StringRef(name).contains("input")) {
      role = "labels";
    } else {
      role = "field";
    }
    if (role == "tokens" && tokens < 0)
      tokens = i;
    if (role == "field" && field.empty())
      field = input->name;
    function.setArgAttr(i, "weft.name", builder.getStringAttr(input->name));
    function.setArgAttr(i, "weft.role", builder.getStringAttr(role));
    if (!field.empty())
      function.setArgAttr(i, "weft.field", builder.getStringAttr(field));
    if (onnx::isUnsigned(input->type))
      function.setArgAttr(i, "weft.unsigned", builder.getUnitAttr());
    std::string text;
    llvm::raw_string_ostream(text) << "input '" << input->name << "' (" << type << ") is taken as "
                                   << (field.empty() ? role : "field '" + field + "' of the data");
    report.remarks.push_back(text);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

FailureOr<Value> Importer::valueOf(const std::string &name) {
  if (auto it = values.find(name); it != values.end())
    return it->second;
  if (notTaken.contains(name))
    return error() << "'" << name << "' is of a branch that is not taken", failure();
  if (context.sequences.count(name))
    return error() << "'" << name << "' is a list of tensors, where only a tensor can be", failure();
  Value v = parameters->value(name, builder);
  if (!v)
    return failure();
  values[name] = v;
  return v;
}

/// Replaces the ops after `after` by constants where their operands are known.
void Importer::foldNew(Operation *after, NodeImport &import) {
  Block *block = builder.getInsertionBlock();
  Operation *op = after ? after->getNextNode() : (block->empty() ? nullptr : &block->front());
  while (op) {
    Operation *next = op->getNextNode();
    SmallVector<Attribute> constants;
    if (op->getNumResults() && evaluateToConstants(op, defaultFoldLimit, constants)) {
      OpBuilder at(op);
      for (auto [old, attr] : llvm::zip(op->getResults(), constants)) {
        Value constant = arith::ConstantOp::create(at, op->getLoc(), cast<TypedAttr>(attr));
        context.logSoftmax.erase(old);
        old.replaceAllUsesWith(constant);
        llvm::replace(import.getResults(), Value(old), constant);
        if (auto &sequence = import.getSequenceResult())
          llvm::replace(*sequence, Value(old), constant);
      }
      op->erase();
    }
    op = next;
  }
}

FailureOr<std::optional<bool>> Importer::conditionOf(const std::string &name, Location loc) {
  if (name.empty())
    return emitError(loc) << "the condition is left out", failure();
  FailureOr<Value> condition = valueOf(name);
  if (failed(condition))
    return failure();
  DenseElementsAttr known = constantValue(*condition);
  if (!known || known.getNumElements() != 1 || !known.getElementType().isInteger(1))
    return std::optional<bool>();
  return std::optional<bool>(known.getValues<bool>()[0]);
}

FailureOr<bool> Importer::isSkipped(const onnx::Node &node, Location loc) {
  for (const onnx::Guard &guard : node.guards) {
    FailureOr<std::optional<bool>> condition = conditionOf(guard.condition, loc);
    if (failed(condition))
      return failure();
    if (*condition != guard.when)
      return true;
  }
  return false;
}

/// An If, whose branches are already imported as far as they are taken (Branches.h).
LogicalResult Importer::importBranch(const onnx::Node &node, Location loc) {
  FailureOr<std::optional<bool>> condition = conditionOf(node.inputs.front(), loc);
  if (failed(condition))
    return failure();
  if (!*condition)
    return emitError(loc)
           << "the condition ('" << node.inputs.front()
           << "') depends on data: Weft needs it to be known when it compiles, because a program has no branches";
  size_t count = node.outputs.size();
  for (auto [i, output] : llvm::enumerate(node.outputs)) {
    if (output.empty())
      continue;
    const std::string &taken = node.inputs[1 + i + (**condition ? 0 : count)];
    if (taken.empty())
      return emitError(loc) << "what the branch that is taken gives as '" << output << "' is left out";
    if (auto it = context.sequences.find(taken); it != context.sequences.end()) {
      SmallVector<Value> tensors = it->second;
      context.sequences[output] = std::move(tensors);
    } else {
      FailureOr<Value> value = valueOf(taken);
      if (failed(value))
        return failure();
      values[output] = *value;
    }
    if (context.unsignedValues.contains(taken))
      context.unsignedValues.insert(output);
  }
  return success();
}

LogicalResult Importer::importNode(const onnx::Node &node, Location loc) {
  FailureOr<bool> skipped = isSkipped(node, loc);
  if (failed(skipped))
    return failure();
  if (*skipped) {
    for (const std::string &output : node.outputs)
      notTaken.insert(output);
    return success();
  }
  if (isBranch(node))
    return importBranch(node, loc);
  int64_t version = opsetOf(node);
  const OpRule *rule = table.find(node.opType, version);
  if (!rule || !(node.domain.empty() || node.domain == "ai.onnx")) {
    assert(!node.guards.empty() && "checkOperators lets only known operators pass");
    return emitError(loc) << "operator " << (node.domain.empty() ? "" : node.domain + "::") << node.opType
                          << " is not supported";
  }
  size_t given = node.inputs.size();
  while (given && node.inputs[given - 1].empty())
    --given;
  if (given < rule->minInputs || given > rule->maxInputs || node.outputs.empty())
    return emitError(loc) << node.opType << " with " << given << " operands and " << node.outputs.size() << " results";
  SmallVector<Value> operands;
  for (auto [i, name] : llvm::enumerate(ArrayRef(node.inputs).take_front(given))) {
    if (name.empty()) {
      if (i < rule->minInputs)
        return emitError(loc) << "operand " << i << " is left out";
      operands.push_back({});
      continue;
    }
    if (context.sequences.count(name)) {
      if (i != 0 || !table.takesSequence(node.opType))
        return emitError(loc) << "operand '" << name << "' is a list of tensors, which " << node.opType
                              << " does not take there";
      operands.push_back({});
      continue;
    }
    FailureOr<Value> operand = valueOf(name);
    if (failed(operand))
      return failure();
    operands.push_back(*operand);
  }
  Block *block = builder.getInsertionBlock();
  Operation *last = block->empty() ? nullptr : &block->back();
  NodeImport import(context, node, version, builder, loc, operands);
  std::optional<int> unsignedRule = table.unsignedRule(node.opType);
  for (size_t i = 0; i < operands.size(); ++i)
    if (operands[i] && import.isUnsigned(i) && !unsignedRule)
      return emitError(loc) << "operand '" << import.displayName(i) << "' is of unsigned integers, which Weft's "
                            << node.opType << " does not take";
  if (failed(rule->handler(import)) || import.hasFault()) {
    if (!import.hasFault())
      emitError(loc) << "it cannot be imported";
    return failure();
  }
  if (failed(import.checkAttributesUsed()))
    return failure();
  foldNew(last, import);
  return setResults(import, unsignedRule);
}

LogicalResult Importer::setResults(NodeImport &import, std::optional<int> unsignedRule) {
  const onnx::Node &node = import.node;
  bool like = unsignedRule && *unsignedRule >= 0 && import.isUnsigned(*unsignedRule);
  if (auto &sequence = import.getSequenceResult()) {
    const std::string &name = node.outputs.front();
    for (const std::string &other : ArrayRef(node.outputs).drop_front())
      if (!other.empty())
        return emitError(import.e.loc) << "its result '" << other << "' is not supported";
    if (import.isUnsignedResult(0).value_or(like))
      context.unsignedValues.insert(name);
    context.sequences[name] = std::move(*sequence);
    return success();
  }
  MutableArrayRef<Value> results = import.getResults();
  for (auto [i, name] : llvm::enumerate(node.outputs)) {
    if (name.empty())
      continue;
    if (!results[i])
      return emitError(import.e.loc) << "its result '" << name << "' is not supported";
    values[name] = results[i];
    // Only integers wider than booleans can be unsigned.
    Type element = tensorType(results[i]).getElementType();
    if (isa<IntegerType>(element) && !element.isInteger(1) && import.isUnsignedResult(i).value_or(like))
      context.unsignedValues.insert(name);
  }
  return success();
}

/// What a step does with batch norms, which people expect to be one thing or the other.
void Importer::sayBatchNorms() {
  auto norms = [](int64_t count) { return std::to_string(count) + (count == 1 ? " batch norm" : " batch norms"); };
  if (int64_t count = context.trainedBatchNorms)
    report.remarks.push_back(norms(count) +
                             " trained with the statistics of each micro-batch; running statistics are " +
                             "states, which evaluation uses");
  if (int64_t count = context.frozenBatchNorms)
    report.remarks.push_back(norms(count) + " computed with the running statistics of the file, as exported; " +
                             "--batch-norm training trains with those of the batch");
}

/// Constants that folding left without users, and reads of parameters that only sizes were taken of.
static void eraseDead(Block *block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

OwningOpRef<ModuleOp> Importer::run() {
  mlirContext.loadDialect<WeftDialect, arith::ArithDialect, math::MathDialect, func::FuncDialect>();
  if (options.precision != "fp32" && options.precision != "model")
    return error() << "precision '" << options.precision << "' is neither 'fp32' nor 'model'", nullptr;
  context.narrowToF32 = options.precision == "fp32";
  if (options.batchNorm != "as-exported" && options.batchNorm != "training")
    return error() << "batch norm '" << options.batchNorm << "' is neither 'as-exported' nor 'training'", nullptr;
  context.trainBatchNorm = options.batchNorm == "training";
  if (failed(readFile()) || failed(checkOpset()) || failed(flattenBranches(&mlirContext, model)) ||
      failed(inlineFunctions(&mlirContext, model, [&](StringRef name) { return table.knows(name); })) ||
      failed(hoistConstants(&mlirContext, model)))
    return {};
  resolveCopies(model);
  inputs = realInputs(model);
  FailureOr<GraphOrder> order = orderGraph(&mlirContext, options.path, model);
  if (failed(order) || failed(checkOperators(*order)) || failed(bindDims()))
    return {};

  parameters.emplace(model, options, context, TensorFiles{absolutePath, buffer->getBuffer()}, report);
  for (const onnx::Tensor &tensor : model.initializers)
    if (onnx::isUnsigned(tensor.type))
      context.unsignedValues.insert(tensor.name);
  llvm::StringMap<SmallVector<Use, 2>> weightUses;
  for (const onnx::Tensor &tensor : model.initializers)
    if (auto it = order->uses.find(tensor.name); it != order->uses.end())
      weightUses[tensor.name] = it->second;
  if (failed(parameters->classify(weightUses)))
    return {};

  OwningOpRef<ModuleOp> module = ModuleOp::create(builder, file);
  builder.setInsertionPointToEnd(module->getBody());
  if (failed(parameters->declare(builder)) || failed(makeFunction(module->getBody())) || failed(setRoles()))
    return {};
  for (const onnx::Node *node : order->nodes)
    if (failed(importNode(*node, order->locations.find(node)->second)))
      return {};
  sayBatchNorms();
  if (int64_t count = context.trainedDropouts)
    report.remarks.push_back(std::to_string(count) + (count == 1 ? " dropout drops" : " dropouts drop") +
                             " elements in training; evaluation keeps all of them");

  SmallVector<Value> results;
  SmallVector<StringRef> names;
  for (const onnx::ValueInfo &output : model.outputs) {
    FailureOr<Value> result = valueOf(output.name);
    if (failed(result))
      return {};
    results.push_back(*result);
    names.push_back(output.name);
  }
  func::ReturnOp::create(builder, file, results);
  function.setType(builder.getFunctionType(function.getArgumentTypes(), ValueRange(results).getTypes()));
  for (auto [i, name] : llvm::enumerate(names))
    function.setResultAttr(i, "weft.name", builder.getStringAttr(name));
  eraseDead(&function.getBody().front());

  (*module)->setAttr("weft.model", builder.getStringAttr(llvm::sys::path::filename(options.path)));
  (*module)->setAttr("weft.batch", builder.getI64IntegerAttr(batch));
  (*module)->setAttr("weft.microbatches", builder.getI64IntegerAttr(options.microbatches));
  if (failed(verify(*module)))
    return {};
  return module;
}

OwningOpRef<ModuleOp> weft::importOnnx(MLIRContext &context, const ImportOptions &options, ImportReport &report) {
  return Importer(context, options, report).run();
}

bool weft::listSymbolicDims(const std::string &path, std::vector<SymbolicDim> &dims, std::string &error) {
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  onnx::Model model;
  if (!readWholeFile(path, buffer, model, error))
    return false;
  dims = symbolicDims(model, realInputs(model));
  return true;
}
