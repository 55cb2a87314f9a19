//===- NodeImport.cpp - What an operator's handler sees of a node -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/NodeImport.h"
#include "compiler/import/onnx/Counts.h"
#include "dialects/weft/Fold.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace weft;

Type ImportContext::convertType(onnx::ElementType type) const {
  switch (type) {
  case onnx::ElementType::Float:
    return Float32Type::get(context);
  case onnx::ElementType::Double:
    return Float64Type::get(context);
  case onnx::ElementType::Float16:
    return narrowToF32 ? Type(Float32Type::get(context)) : Type(Float16Type::get(context));
  case onnx::ElementType::BFloat16:
    return narrowToF32 ? Type(Float32Type::get(context)) : Type(BFloat16Type::get(context));
  case onnx::ElementType::Int64:
  case onnx::ElementType::UInt64:
    return IntegerType::get(context, 64);
  case onnx::ElementType::Int32:
  case onnx::ElementType::UInt32:
    return IntegerType::get(context, 32);
  case onnx::ElementType::Int16:
  case onnx::ElementType::UInt16:
    return IntegerType::get(context, 16);
  case onnx::ElementType::Int8:
  case onnx::ElementType::UInt8:
    return IntegerType::get(context, 8);
  case onnx::ElementType::Bool:
    return IntegerType::get(context, 1);
  default:
    return Type();
  }
}

bool weft::isSaneShape(ArrayRef<int64_t> shape) {
  int64_t elements = 1;
  for (int64_t size : shape) {
    if (size < 0 || size > kMaxElements)
      return false;
    // A size of 0 must not hide sizes that overflow without it.
    if (size > 1 && llvm::MulOverflow(elements, size, elements))
      return false;
    if (elements > kMaxElements)
      return false;
  }
  return true;
}

DenseElementsAttr weft::constantValue(Value v) {
  DenseElementsAttr attr;
  if (v && matchPattern(v, m_Constant(&attr)))
    return attr;
  // An iota stays an op because later passes know it by that, but its values are known.
  if (v && v.getDefiningOp<IotaOp>())
    if (std::optional<Literal> literal = constantLiteral(v, defaultFoldLimit))
      return literal->toAttr();
  return {};
}

NodeImport::NodeImport(ImportContext &context, const onnx::Node &node, int64_t opset, OpBuilder &builder, Location loc,
                       ArrayRef<Value> inputs)
    : context(context), node(node), opset(opset), e{builder, loc}, inputs(inputs), results(node.outputs.size()),
      unsignedResults(node.outputs.size()) {}

bool NodeImport::isUnsigned(size_t i) const {
  return i < node.inputs.size() && context.unsignedValues.contains(node.inputs[i]);
}

Value NodeImport::ordered(Value v, bool isUnsigned) {
  if (!isUnsigned)
    return v;
  auto type = cast<IntegerType>(tensorType(v).getElementType());
  auto sign = DenseElementsAttr::get(tensorType(v), llvm::APInt::getSignMask(type.getWidth()));
  return arith::XOrIOp::create(e.b, e.loc, v, arith::ConstantOp::create(e.b, e.loc, sign));
}

FailureOr<ArrayRef<Value>> NodeImport::sequence() {
  auto it = context.sequences.find(node.inputs.front());
  if (it == context.sequences.end()) {
    error() << "operand '" << displayName(0) << "' is a tensor and not a list of tensors";
    return failure();
  }
  return ArrayRef<Value>(it->second);
}

InFlightDiagnostic NodeImport::error() {
  InFlightDiagnostic diagnostic = emitError(e.loc);
  // The first fault is enough: others may follow from it.
  if (fault)
    diagnostic.abandon();
  fault = true;
  return diagnostic;
}

std::string NodeImport::displayName(size_t i) const {
  const std::string &name = node.inputs[i];
  auto it = context.displayNames.find(name);
  return it == context.displayNames.end() ? name : it->second;
}

/// Elements of a constant that stands for a shape, for axes, sizes or places.
static constexpr int64_t kMaxListed = 1 << 16;

FailureOr<NodeImport::Shape> NodeImport::constantInts(size_t i, StringRef what) {
  DenseElementsAttr attr = constantValue(input(i));
  if (!attr) {
    error() << "the " << what << " ('" << node.inputs[i]
            << "') depends on data: Weft needs it to be known when it compiles";
    return failure();
  }
  auto type = cast<RankedTensorType>(attr.getType());
  if (!isa<IntegerType>(type.getElementType()) || type.getRank() > 1) {
    error() << "the " << what << " ('" << node.inputs[i] << "') must be a list of integers, not " << type;
    return failure();
  }
  // All equal, they may be any number.
  if (type.getNumElements() > kMaxListed) {
    error() << "the " << what << " ('" << node.inputs[i] << "') has " << type.getNumElements()
            << " elements, which is beyond what Weft can hold";
    return failure();
  }
  Shape values;
  for (const APInt &value : attr.getValues<APInt>())
    values.push_back(isUnsigned(i) ? static_cast<int64_t>(value.getZExtValue()) : value.getSExtValue());
  return values;
}

FailureOr<double> NodeImport::constantNumber(size_t i, StringRef what) {
  DenseElementsAttr attr = constantValue(input(i));
  if (!attr || attr.getNumElements() != 1) {
    error() << "the " << what << " ('" << node.inputs[i] << "') must be one number that is known when compiling";
    return failure();
  }
  if (isa<FloatType>(attr.getElementType())) {
    APFloat value = *attr.getValues<APFloat>().begin();
    bool lost;
    value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
    return value.convertToDouble();
  }
  APInt value = *attr.getValues<APInt>().begin();
  return value.roundToDouble(/*isSigned=*/!isUnsigned(i) && value.getBitWidth() > 1);
}

FailureOr<int64_t> weft::constantCount(NodeImport &n, size_t i, StringRef what) {
  FailureOr<double> number = n.constantNumber(i, what);
  if (failed(number))
    return failure();
  // Also false for what is no number; a cast of either would be undefined.
  if (std::fabs(*number) < 0x1p62)
    return static_cast<int64_t>(*number);
  return n.error() << "the " << what << " ('" << n.displayName(i) << "') is " << *number << ", which counts nothing";
}

LogicalResult NodeImport::needFloat(size_t i) {
  if (isFloat(i))
    return success();
  return error() << "operand '" << displayName(i) << "' must be of a float type, not " << elementType(i);
}

LogicalResult NodeImport::needSameElementType(size_t a, size_t b) {
  if (elementType(a) == elementType(b) && isUnsigned(a) == isUnsigned(b))
    return success();
  return error() << "operands '" << displayName(a) << "' and '" << displayName(b) << "' must have one type, not "
                 << elementType(a) << " and " << elementType(b);
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

bool NodeImport::hasAttr(StringRef name) const {
  return llvm::any_of(node.attributes, [&](const onnx::Attribute &a) { return a.name == name; });
}

const onnx::Attribute *NodeImport::attribute(StringRef name, onnx::Attribute::Kind kind) {
  asked.insert(name);
  for (const onnx::Attribute &a : node.attributes) {
    if (a.name != name)
      continue;
    if (a.kind == kind)
      return &a;
    if (!fault)
      error() << "attribute '" << name << "' has the wrong type";
    return nullptr;
  }
  return nullptr;
}

int64_t NodeImport::getInt(StringRef name, int64_t defaultValue) {
  const onnx::Attribute *a = attribute(name, onnx::Attribute::Kind::Int);
  return a ? a->i : defaultValue;
}

double NodeImport::getFloat(StringRef name, double defaultValue) {
  const onnx::Attribute *a = attribute(name, onnx::Attribute::Kind::Float);
  return a ? a->f : defaultValue;
}

std::string NodeImport::getString(StringRef name, StringRef defaultValue) {
  const onnx::Attribute *a = attribute(name, onnx::Attribute::Kind::String);
  return a ? a->s : defaultValue.str();
}

std::optional<NodeImport::Shape> NodeImport::getInts(StringRef name) {
  const onnx::Attribute *a = attribute(name, onnx::Attribute::Kind::Ints);
  if (!a)
    return std::nullopt;
  return Shape(a->ints.begin(), a->ints.end());
}

LogicalResult NodeImport::checkAttributesUsed() {
  for (const onnx::Attribute &a : node.attributes)
    if (!asked.contains(a.name))
      return error() << "attribute '" << a.name << "' means nothing to Weft's " << node.opType << " in opset " << opset;
  return success();
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

FailureOr<int64_t> NodeImport::axis(int64_t axis, int64_t rank, StringRef what) {
  if (axis >= -rank && axis < rank)
    return axis < 0 ? axis + rank : axis;
  error() << what << " " << axis << " is out of range for a tensor of rank " << rank;
  return failure();
}

FailureOr<NodeImport::Shape> NodeImport::axes(Dims list, int64_t rank) {
  Shape result;
  for (int64_t one : list) {
    FailureOr<int64_t> normal = axis(one, rank);
    if (failed(normal))
      return failure();
    if (llvm::is_contained(result, *normal)) {
      error() << "axis " << one << " is given twice";
      return failure();
    }
    result.push_back(*normal);
  }
  llvm::sort(result);
  return result;
}

LogicalResult NodeImport::checkShape(Dims shape) {
  if (isSaneShape(shape))
    return success();
  InFlightDiagnostic diagnostic = error();
  diagnostic << "a result of shape [";
  llvm::interleaveComma(shape, diagnostic);
  return diagnostic << "] is beyond what Weft can hold";
}

FailureOr<NodeImport::Shape> NodeImport::commonShape(ArrayRef<Value> values) {
  Shape common;
  for (Value v : values) {
    ArrayRef<int64_t> shape = tensorType(v).getShape();
    if (shape.size() > common.size())
      common.insert(common.begin(), shape.size() - common.size(), 1);
    size_t lead = common.size() - shape.size();
    for (auto [i, size] : llvm::enumerate(shape)) {
      int64_t &other = common[lead + i];
      if (other == 1) {
        other = size;
      } else if (size != 1 && size != other) {
        InFlightDiagnostic diagnostic = error();
        diagnostic << "shapes do not fit together:";
        for (Value operand : values)
          diagnostic << ' ' << tensorType(operand);
        return failure();
      }
    }
  }
  if (failed(checkShape(common)))
    return failure();
  return common;
}

FailureOr<Value> NodeImport::stretch(Value v, Dims shape) {
  RankedTensorType type = tensorType(v);
  int64_t lead = static_cast<int64_t>(shape.size()) - type.getRank();
  // weft.broadcast repeats along dimensions the operand lacks, so sizes of 1 that grow are reshaped away.
  Shape kept, dims;
  bool fits = lead >= 0;
  for (int64_t i = 0; fits && i < type.getRank(); ++i) {
    int64_t from = type.getDimSize(i), to = shape[lead + i];
    if (from == to) {
      kept.push_back(from);
      dims.push_back(lead + i);
    } else {
      fits = from == 1;
    }
  }
  if (!fits) {
    InFlightDiagnostic diagnostic = error();
    diagnostic << "a tensor of type " << type << " does not stretch to shape [";
    llvm::interleaveComma(shape, diagnostic);
    diagnostic << "]";
    return failure();
  }
  if (failed(checkShape(shape)))
    return failure();
  if (DenseElementsAttr constant = constantValue(v); constant && constant.isSplat())
    return Value(arith::ConstantOp::create(e.b, e.loc, constant.resizeSplat(type.clone(shape))));
  return e.broadcast(e.reshape(v, kept), dims, shape);
}

LogicalResult NodeImport::stretchTogether(MutableArrayRef<Value> values) {
  FailureOr<Shape> common = commonShape(values);
  if (failed(common))
    return failure();
  for (Value &v : values) {
    FailureOr<Value> stretched = stretch(v, *common);
    if (failed(stretched))
      return failure();
    v = *stretched;
  }
  return success();
}

Value NodeImport::i64Constant(Dims values, Dims shape) {
  auto type = RankedTensorType::get(shape, e.b.getI64Type());
  return arith::ConstantOp::create(e.b, e.loc, DenseElementsAttr::get(type, values));
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

void OpTable::add(StringRef opType, NodeHandler handler, size_t minInputs, size_t maxInputs, size_t maxOutputs,
                  int64_t since, int64_t until) {
  rules[opType.str()].push_back({handler, minInputs, maxInputs, maxOutputs, since, until});
}

void OpTable::takeUnsigned(int operand, llvm::ArrayRef<StringRef> opTypes) {
  for (StringRef opType : opTypes)
    unsignedRules[opType.str()] = operand;
}

void OpTable::takeSequence(llvm::ArrayRef<StringRef> opTypes) {
  for (StringRef opType : opTypes)
    sequenceOps.insert(opType);
}

std::optional<int> OpTable::unsignedRule(StringRef opType) const {
  auto it = unsignedRules.find(opType.str());
  return it == unsignedRules.end() ? std::nullopt : std::optional(it->second);
}

const OpRule *OpTable::find(StringRef opType, int64_t opset) const {
  auto it = rules.find(opType.str());
  if (it == rules.end())
    return nullptr;
  for (const OpRule &rule : it->second)
    if (opset >= rule.since && opset <= rule.until)
      return &rule;
  return nullptr;
}
