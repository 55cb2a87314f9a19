//===- Match.cpp - see Match.h -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/raise/Match.h"
#include "dialects/weft/Literal.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include <cmath>

using namespace mlir;
using namespace weft;

DenseElementsAttr weft::denseOf(Value v) {
  DenseElementsAttr attr;
  if (!matchPattern(v, m_Constant(&attr)))
    return {};
  return attr;
}

std::optional<double> weft::splatOf(Value v) {
  constexpr int depth = 8;
  for (int i = 0; i < depth; ++i) {
    Operation *op = v.getDefiningOp();
    if (!op)
      return std::nullopt;
    if (!isa<BroadcastOp, ReshapeOp, TransposeOp, arith::ExtFOp, arith::TruncFOp>(op))
      break;
    v = op->getOperand(0);
  }
  DenseElementsAttr attr = denseOf(v);
  if (!attr || attr.getNumElements() == 0)
    return std::nullopt;
  bool splat = attr.isSplat() || attr.getNumElements() == 1;
  if (!splat)
    return std::nullopt;
  if (isa<FloatType>(attr.getElementType())) {
    APFloat number = *attr.getValues<APFloat>().begin();
    bool lost;
    number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
    return number.convertToDouble();
  }
  if (!isa<IntegerType>(attr.getElementType()))
    return std::nullopt;
  APInt number = *attr.getValues<APInt>().begin();
  return number.getBitWidth() == 1 ? static_cast<double>(number.getZExtValue())
                                   : static_cast<double>(number.getSExtValue());
}

double weft::roundTo(double value, const llvm::fltSemantics &semantics) {
  APFloat number(value);
  bool lost;
  number.convert(semantics, APFloat::rmNearestTiesToEven, &lost);
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
  return number.convertToDouble();
}

bool weft::isNear(double value, double ideal) {
  auto close = [](double a, double b) { return std::abs(a - b) <= 2e-6 * std::abs(b); };
  return close(value, ideal) || close(value, roundTo(ideal, APFloat::BFloat())) ||
         close(value, roundTo(ideal, APFloat::IEEEhalf()));
}

Value weft::negated(Value v) {
  Operation *op = v.getDefiningOp();
  if (!op)
    return {};
  if (auto neg = dyn_cast<arith::NegFOp>(op))
    return neg.getOperand();
  if (auto sub = dyn_cast<arith::SubFOp>(op))
    return splatOf(sub.getLhs()) == 0.0 ? sub.getRhs() : Value();
  if (isa<arith::MulFOp>(op))
    for (auto [x, constant] : bothOrders(op))
      if (splatOf(constant) == -1.0)
        return x;
  return {};
}

bool Raising::dependsOnParameter(Value v) {
  // Depth first with an explicit stack: a graph may be tens of thousands of ops deep.
  SmallVector<Operation *> stack;
  auto known = [&](Value value) {
    Operation *op = value.getDefiningOp();
    return !op || parameterUsers.contains(op);
  };
  if (!known(v))
    stack.push_back(v.getDefiningOp());
  while (!stack.empty()) {
    Operation *op = stack.back();
    size_t before = stack.size();
    bool depends = isa<ReadOp>(op);
    for (Value operand : op->getOperands()) {
      if (!known(operand))
        stack.push_back(operand.getDefiningOp());
      else if (Operation *def = operand.getDefiningOp())
        depends |= parameterUsers.lookup(def);
    }
    if (stack.size() != before)
      continue;
    stack.pop_back();
    parameterUsers[op] = depends;
  }
  Operation *op = v.getDefiningOp();
  return op && parameterUsers.lookup(op);
}

//===----------------------------------------------------------------------===//
// Repetitive constants
//===----------------------------------------------------------------------===//

const ShrunkConstant &Raising::shrink(DenseElementsAttr attr) {
  auto [entry, isNew] = shrunk.try_emplace(attr);
  ShrunkConstant &result = entry->second;
  if (!isNew)
    return result;
  ArrayRef<int64_t> shape = attr.getType().getShape();
  result.attr = attr;
  result.repeats.assign(shape.size(), false);
  unsigned bits = attr.getElementType().isIntOrFloat() ? attr.getElementType().getIntOrFloatBitWidth() : 0;
  if (attr.isSplat() || attr.getNumElements() == 0 || bits == 0 || (bits != 1 && bits % 8 != 0))
    return result;

  // As bytes, so that a NaN repeats too.
  int64_t width = std::max(1u, bits / 8), count = attr.getNumElements();
  std::vector<char> bytes;
  if (bits == 1)
    for (bool value : attr.getValues<bool>())
      bytes.push_back(value);
  else
    bytes.assign(attr.getRawData().begin(), attr.getRawData().end());
  SmallVector<int64_t> strides = rowMajorStrides(shape), kept(shape);
  for (size_t d = 0; d < shape.size(); ++d) {
    // The first of every line along d stands for the line.
    auto isFirst = [&](int64_t i) { return i / strides[d] % shape[d] == 0; };
    bool repeats = shape[d] > 1;
    for (int64_t i = 0; i < count && repeats; ++i)
      if (!isFirst(i))
        repeats = std::equal(&bytes[i * width], &bytes[i * width] + width, &bytes[(i - strides[d]) * width]);
    result.repeats[d] = repeats;
    if (repeats)
      kept[d] = 1;
  }
  std::vector<char> keptBytes;
  for (int64_t i = 0; i < count; ++i) {
    bool keep = true;
    for (size_t d = 0; d < shape.size(); ++d)
      keep &= !result.repeats[d] || i / strides[d] % shape[d] == 0;
    if (keep)
      keptBytes.insert(keptBytes.end(), &bytes[i * width], &bytes[i * width] + width);
  }
  auto type = RankedTensorType::get(kept, attr.getElementType());
  if (bits == 1) {
    SmallVector<bool> values(keptBytes.begin(), keptBytes.end());
    result.attr = DenseElementsAttr::get(type, values);
  } else {
    result.attr = DenseElementsAttr::getFromRawBuffer(type, keptBytes);
  }
  return result;
}

Layout weft::varyingLayout(Raising &raising, const View &view) {
  Layout layout = view.layout;
  if (DenseElementsAttr attr = denseOf(view.value))
    for (auto [dim, repeats] : llvm::zip_equal(layout, raising.shrink(attr).repeats))
      if (repeats)
        dim.clear();
  return layout;
}

View weft::varyingView(Build &build, Raising &raising, const View &view) {
  DenseElementsAttr attr = denseOf(view.value);
  if (!attr || !llvm::is_contained(raising.shrink(attr).repeats, true))
    return view;
  Value small = arith::ConstantOp::create(build.b, build.loc, raising.shrink(attr).attr);
  return {small, varyingLayout(raising, view)};
}
