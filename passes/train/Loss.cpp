//===- Loss.cpp - What a model is trained on -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/train/Loss.h"
#include "dialects/weft/Build.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "passes/train/Differentiate.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace weft;

/// Labels of this value cost nothing, as in PyTorch's cross_entropy.
static constexpr int64_t kIgnoredLabel = -100;

std::optional<unsigned> LossChoice::getPredictions(unsigned numOutputs) const {
  if (kind != Kind::Output)
    return output;
  for (unsigned i = 0; i < numOutputs; ++i)
    if (i != output)
      return i;
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

static std::string outputName(func::FuncOp forward, unsigned index) {
  if (auto name = forward.getResultAttrOfType<StringAttr>(index, kNameAttr))
    return name.str();
  return std::to_string(index);
}

/// 'logits' tensor<2x3xf32>, 'hidden' tensor<...>.
static std::string listOutputs(func::FuncOp forward) {
  std::string list;
  llvm::raw_string_ostream os(list);
  for (auto [i, type] : llvm::enumerate(forward.getResultTypes()))
    os << (i ? ", '" : "'") << outputName(forward, i) << "' " << type;
  return list;
}

/// The argument that holds labels, found by role and then by name.
static std::optional<unsigned> findLabels(func::FuncOp forward) {
  for (auto [attr, value] : {std::pair(kRoleAttr, "labels"), std::pair(kNameAttr, "labels")})
    for (unsigned i = 0; i < forward.getNumArguments(); ++i)
      if (auto text = forward.getArgAttrOfType<StringAttr>(i, attr); text && text == value)
        return i;
  return std::nullopt;
}

static unsigned addLabels(func::FuncOp forward, RankedTensorType type) {
  Builder b(forward.getContext());
  unsigned index = forward.getNumArguments();
  auto attrs = b.getDictionaryAttr(
      {b.getNamedAttr(kNameAttr, b.getStringAttr("labels")), b.getNamedAttr(kRoleAttr, b.getStringAttr("labels"))});
  LogicalResult added = forward.insertArgument(index, type, attrs, regionLocation(forward.getLoc(), "loss"));
  assert(succeeded(added) && "a function takes any number of arguments");
  (void)added;
  return index;
}

static std::optional<unsigned> findOutput(func::FuncOp forward, StringRef name) {
  for (unsigned i = 0; i < forward.getNumResults(); ++i)
    if (outputName(forward, i) == name)
      return i;
  return std::nullopt;
}

/// The index of the output called `name`, or if that is empty of the only one that `isWanted`; an error that says why
/// if it is none.
static FailureOr<unsigned> chooseOutput(func::FuncOp forward, StringRef option, StringRef name, StringRef what,
                                        llvm::function_ref<bool(RankedTensorType)> isWanted) {
  std::optional<unsigned> found;
  if (!name.empty()) {
    found = findOutput(forward, name);
    if (!found)
      return forward.emitError("the model has no output '") << name << "'; it has " << listOutputs(forward);
    Type type = forward.getResultTypes()[*found];
    if (!isWanted(cast<RankedTensorType>(type)))
      return forward.emitError("the output '") << name << "' cannot be " << what << ": it is " << type;
    return *found;
  }
  for (auto [i, type] : llvm::enumerate(forward.getResultTypes())) {
    if (!isWanted(cast<RankedTensorType>(type)))
      continue;
    if (found)
      return forward.emitError("the model has several outputs that could be ")
             << what << " (" << listOutputs(forward) << "); choose one with --loss " << option
             << ":NAME, or export the model with one output";
    found = i;
  }
  if (!found)
    return forward.emitError("the model has no output that could be ")
           << what << "; it has " << (forward.getNumResults() ? listOutputs(forward) : std::string("none"));
  return *found;
}

static bool isFloat(RankedTensorType type) { return isa<FloatType>(type.getElementType()); }
static bool isScalar(RankedTensorType type) { return isFloat(type) && type.getRank() == 0; }
static bool isLogits(RankedTensorType type) { return isFloat(type) && type.getRank() >= 2; }

static FailureOr<LossChoice> chooseCrossEntropy(func::FuncOp forward, StringRef name) {
  FailureOr<unsigned> output =
      chooseOutput(forward, "cross-entropy", name, "logits for a cross-entropy loss", isLogits);
  if (failed(output))
    return failure();
  auto logits = cast<RankedTensorType>(forward.getResultTypes()[*output]);
  auto labels = RankedTensorType::get(logits.getShape().drop_back(), IntegerType::get(forward.getContext(), 64));
  std::optional<unsigned> argument = findLabels(forward);
  if (!argument)
    return LossChoice{LossChoice::Kind::CrossEntropy, *output, addLabels(forward, labels)};
  auto given = cast<RankedTensorType>(forward.getArgumentTypes()[*argument]);
  if (!isa<IntegerType>(given.getElementType()) || given.getNumElements() != labels.getNumElements())
    return forward.emitError("cross-entropy of the output '")
           << outputName(forward, *output) << "' " << logits << " needs one integer label per row, but the model's "
           << "input for labels is " << given;
  return LossChoice{LossChoice::Kind::CrossEntropy, *output, *argument};
}

static FailureOr<LossChoice> chooseMeanSquared(func::FuncOp forward, StringRef name) {
  FailureOr<unsigned> output = chooseOutput(forward, "mse", name, "the prediction of a mean squared error", isFloat);
  if (failed(output))
    return failure();
  auto type = cast<RankedTensorType>(forward.getResultTypes()[*output]);
  std::optional<unsigned> argument = findLabels(forward);
  if (!argument)
    return LossChoice{LossChoice::Kind::MeanSquared, *output, addLabels(forward, type)};
  auto given = cast<RankedTensorType>(forward.getArgumentTypes()[*argument]);
  if (!isFloat(given) || given.getNumElements() != type.getNumElements())
    return forward.emitError("mean squared error of the output '")
           << outputName(forward, *output) << "' " << type << " needs one number per element, but the model's "
           << "input for labels is " << given;
  return LossChoice{LossChoice::Kind::MeanSquared, *output, *argument};
}

FailureOr<LossChoice> weft::chooseLoss(func::FuncOp forward, StringRef option) {
  if (option == "auto") {
    if (llvm::none_of(forward.getResultTypes(), [](Type type) { return isScalar(cast<RankedTensorType>(type)); }))
      return chooseCrossEntropy(forward, "");
    FailureOr<unsigned> output = chooseOutput(forward, "output", "", "the loss", isScalar);
    if (failed(output))
      return failure();
    return LossChoice{LossChoice::Kind::Output, *output, 0};
  }
  auto [kind, name] = option.split(':');
  bool named = option.contains(':');
  if (kind == "cross-entropy" && named == !name.empty())
    return chooseCrossEntropy(forward, name);
  if (kind == "mse" && named == !name.empty())
    return chooseMeanSquared(forward, name);
  if (kind != "output" || name.empty())
    return forward.emitError("unknown loss '")
           << option << "'; it is auto, cross-entropy[:NAME], mse[:NAME] or output:NAME";
  auto isNumber = [](RankedTensorType type) { return isFloat(type) && type.getNumElements() == 1; };
  FailureOr<unsigned> output = chooseOutput(forward, "output", name, "the loss, which is one number", isNumber);
  if (failed(output))
    return failure();
  return LossChoice{LossChoice::Kind::Output, *output, 0};
}

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

static Value sumAll(Build &e, Value x) {
  return e.sum(e.cast(x, e.b.getF64Type()), llvm::to_vector(llvm::seq<int64_t>(0, tensorType(x).getRank())));
}

static Value scalar(Build &e, double value) { return e.splat(RankedTensorType::get({}, e.b.getF64Type()), value); }

static Value skipReshapes(Value v) {
  while (auto reshape = v.getDefiningOp<ReshapeOp>())
    v = reshape.getInput();
  return v;
}

/// The value of a constant whose elements are all the same number.
static std::optional<double> constantNumber(Value v) {
  SplatElementsAttr attr;
  if (!matchPattern(v, m_Constant(&attr)) || !isa<FloatType>(attr.getElementType()))
    return std::nullopt;
  return attr.getSplatValue<APFloat>().convertToDouble();
}

/// Whether a number depends on nothing that is trained: it reads no parameter.
static bool readsNoParameter(Value v) {
  SmallVector<Value> worklist = {v};
  llvm::DenseSet<Operation *> seen;
  while (!worklist.empty()) {
    Operation *op = worklist.pop_back_val().getDefiningOp();
    if (!op || !seen.insert(op).second)
      continue;
    if (isa<ReadOp>(op))
      return false;
    llvm::append_range(worklist, op->getOperands());
  }
  return true;
}

/// A model that computes its own loss usually computes a mean: a sum over a
/// number of elements, or over the number of labels that count. The quotient of
/// the two sums over all micro-batches is then the mean over all of them. Null
/// terms if `loss` is not such a mean.
static LossTerms matchMean(Build &e, Value loss) {
  loss = skipReshapes(loss);
  Value total, count;
  std::optional<double> factor;
  if (auto div = loss.getDefiningOp<arith::DivFOp>()) {
    total = div.getLhs();
    count = div.getRhs();
  } else if (auto mul = loss.getDefiningOp<arith::MulFOp>()) {
    total = mul.getLhs();
    factor = constantNumber(mul.getRhs());
    if (!factor) {
      total = mul.getRhs();
      factor = constantNumber(mul.getLhs());
    }
  }
  if (!total || (!count && !factor))
    return {};

  Value terms = skipReshapes(total);
  bool isSum = false;
  for (auto sum = terms.getDefiningOp<ReduceOp>(); sum && sum.getKind() == ReduceKind::sum;
       sum = terms.getDefiningOp<ReduceOp>()) {
    terms = skipReshapes(sum.getInput());
    isSum = true;
  }
  if (!isSum)
    return {};

  LossTerms result{terms, {}, {}};
  if (factor) {
    // 1/n is rounded: recognised by the number of elements it stands for.
    double elements = static_cast<double>(tensorType(terms).getNumElements());
    if (std::abs(*factor * elements - 1) > 1e-6)
      return {};
    result.count = scalar(e, elements);
  } else if (std::optional<double> number = constantNumber(count)) {
    result.count = scalar(e, *number);
  } else if (terms.getDefiningOp<CrossEntropyOp>() && readsNoParameter(count)) {
    result.count = e.reshape(e.cast(count, e.b.getF64Type()), {});
  } else {
    return {};
  }
  result.sum = sumAll(e, terms);
  return result;
}

LossTerms weft::buildLoss(OpBuilder &builder, const LossChoice &choice, ValueRange outputs, ValueRange arguments) {
  Value output = outputs[choice.output];
  Build e{builder, regionLocation(output.getLoc(), "loss")};
  switch (choice.kind) {
  case LossChoice::Kind::Output: {
    if (LossTerms mean = matchMean(e, output); mean.terms)
      return mean;
    return {output, sumAll(e, output), scalar(e, 1)};
  }
  case LossChoice::Kind::CrossEntropy: {
    ArrayRef<int64_t> rows = tensorType(output).getShape().drop_back();
    Value labels = e.reshape(arguments[choice.labels], rows);
    auto type = RankedTensorType::get(rows, builder.getF32Type());
    Value terms = CrossEntropyOp::create(builder, e.loc, type, output, labels);
    Value ignored = e.splatLike(labels, kIgnoredLabel);
    Value counted = arith::CmpIOp::create(builder, e.loc, arith::CmpIPredicate::ne, labels, ignored);
    return {terms, sumAll(e, terms), sumAll(e, counted)};
  }
  case LossChoice::Kind::MeanSquared: {
    RankedTensorType type = tensorType(output);
    Value labels = e.cast(e.reshape(arguments[choice.labels], type.getShape()), type.getElementType());
    Value difference = e.sub(output, labels);
    Value terms = e.mul(difference, difference);
    return {terms, sumAll(e, terms), scalar(e, static_cast<double>(type.getNumElements()))};
  }
  }
  llvm_unreachable("a kind of loss without a case");
}
