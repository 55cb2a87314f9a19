//===- Build.cpp - Short ways to build tensor ops -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Build.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/APSInt.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace weft;

static bool isFloat(Value v) { return isa<FloatType>(tensorType(v).getElementType()); }

Value Build::splat(RankedTensorType type, double value) {
  Type element = type.getElementType();
  if (auto floatType = dyn_cast<FloatType>(element)) {
    llvm::APFloat number(value);
    bool lost;
    number.convert(floatType.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &lost);
    return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, number));
  }
  // What no 64-bit integer is becomes the nearest that is one.
  llvm::APSInt number(64, /*isUnsigned=*/false);
  bool exact;
  llvm::APFloat(value).convertToInteger(number, llvm::APFloat::rmTowardZero, &exact);
  llvm::APInt bits = number.trunc(element.getIntOrFloatBitWidth());
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, bits));
}

template <typename FloatOp, typename IntOp> static Value binary(Build &e, Value x, Value y) {
  assert(x.getType() == y.getType() && "elementwise operands of different types");
  if (isFloat(x))
    return FloatOp::create(e.b, e.loc, x, y);
  return IntOp::create(e.b, e.loc, x, y);
}

Value Build::add(Value x, Value y) { return binary<arith::AddFOp, arith::AddIOp>(*this, x, y); }
Value Build::sub(Value x, Value y) { return binary<arith::SubFOp, arith::SubIOp>(*this, x, y); }
Value Build::mul(Value x, Value y) { return binary<arith::MulFOp, arith::MulIOp>(*this, x, y); }
Value Build::div(Value x, Value y) { return binary<arith::DivFOp, arith::DivSIOp>(*this, x, y); }
Value Build::max(Value x, Value y) { return binary<arith::MaximumFOp, arith::MaxSIOp>(*this, x, y); }
Value Build::min(Value x, Value y) { return binary<arith::MinimumFOp, arith::MinSIOp>(*this, x, y); }

Value Build::neg(Value x) {
  if (isFloat(x))
    return arith::NegFOp::create(b, loc, x);
  return arith::SubIOp::create(b, loc, splatLike(x, 0), x);
}

Value Build::select(Value condition, Value x, Value y) { return arith::SelectOp::create(b, loc, condition, x, y); }

Value Build::equal(Value x, Value y) {
  if (isFloat(x))
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x, y);
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, y);
}

Value Build::less(Value x, Value y) {
  if (isFloat(x))
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, x, y);
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x, y);
}

Value Build::exp(Value x) { return math::ExpOp::create(b, loc, x); }
Value Build::log(Value x) { return math::LogOp::create(b, loc, x); }
Value Build::sqrt(Value x) { return math::SqrtOp::create(b, loc, x); }
Value Build::rsqrt(Value x) { return math::RsqrtOp::create(b, loc, x); }
Value Build::tanh(Value x) { return math::TanhOp::create(b, loc, x); }
Value Build::erf(Value x) { return math::ErfOp::create(b, loc, x); }

Value Build::sigmoid(Value x) {
  Value one = splatLike(x, 1);
  return div(one, add(one, exp(neg(x))));
}

Value Build::cast(Value x, Type to) {
  RankedTensorType type = tensorType(x), result = type.clone(to);
  Type from = type.getElementType();
  if (from == to)
    return x;
  bool toFloat = isa<FloatType>(to), fromFloat = isa<FloatType>(from);
  unsigned toBits = to.getIntOrFloatBitWidth(), fromBits = from.getIntOrFloatBitWidth();
  if (fromFloat && toFloat) {
    if (toBits > fromBits)
      return arith::ExtFOp::create(b, loc, result, x);
    if (toBits < fromBits)
      return arith::TruncFOp::create(b, loc, result, x);
    // bf16 and f16: through f32.
    return cast(cast(x, b.getF32Type()), to);
  }
  if (to.isInteger(1)) {
    Value zero = splatLike(x, 0);
    if (fromFloat)
      return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, x, zero);
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, x, zero);
  }
  if (fromFloat)
    return arith::FPToSIOp::create(b, loc, result, x);
  if (toFloat) {
    if (from.isInteger(1))
      return arith::UIToFPOp::create(b, loc, result, x);
    return arith::SIToFPOp::create(b, loc, result, x);
  }
  if (toBits < fromBits)
    return arith::TruncIOp::create(b, loc, result, x);
  if (from.isInteger(1))
    return arith::ExtUIOp::create(b, loc, result, x);
  return arith::ExtSIOp::create(b, loc, result, x);
}

/// The shape without the dimensions `dims`.
static SmallVector<int64_t> dropDims(ArrayRef<int64_t> shape, ArrayRef<int64_t> dims) {
  SmallVector<int64_t> kept;
  for (auto [i, size] : llvm::enumerate(shape))
    if (!llvm::is_contained(dims, static_cast<int64_t>(i)))
      kept.push_back(size);
  return kept;
}

Value Build::reduce(ReduceKind kind, Value x, Dims dims) {
  if (dims.empty())
    return x;
  RankedTensorType type = tensorType(x);
  SmallVector<int64_t> sorted(dims);
  llvm::sort(sorted);
  auto result = RankedTensorType::get(dropDims(type.getShape(), sorted), type.getElementType());
  return ReduceOp::create(b, loc, result, kind, x, sorted);
}

Value Build::broadcast(Value x, Dims dims, Dims shape) {
  RankedTensorType type = tensorType(x);
  if (type.getShape() == shape)
    return x;
  return BroadcastOp::create(b, loc, RankedTensorType::get(shape, type.getElementType()), x, dims);
}

Value Build::broadcastAlong(Value x, Dims dims, Dims shape) {
  SmallVector<int64_t> kept;
  for (int64_t i = 0, e = shape.size(); i < e; ++i)
    if (!llvm::is_contained(dims, i))
      kept.push_back(i);
  return broadcast(x, kept, shape);
}

Value Build::broadcastLast(Value x, Dims shape) {
  if (tensorType(x).getRank() == 0)
    return broadcast(x, {}, shape);
  int64_t last = static_cast<int64_t>(shape.size()) - 1;
  return broadcast(x, {last}, shape);
}

Value Build::transpose(Value x, Dims perm) {
  if (llvm::equal(perm, llvm::seq<int64_t>(0, perm.size())))
    return x;
  RankedTensorType type = tensorType(x);
  SmallVector<int64_t> shape;
  for (int64_t p : perm)
    shape.push_back(type.getDimSize(p));
  return TransposeOp::create(b, loc, RankedTensorType::get(shape, type.getElementType()), x, perm);
}

Value Build::reshape(Value x, Dims shape) {
  RankedTensorType type = tensorType(x);
  if (type.getShape() == shape)
    return x;
  return ReshapeOp::create(b, loc, RankedTensorType::get(shape, type.getElementType()), x);
}

Value Build::slice(Value x, Dims offsets, Dims sizes, Dims strides) {
  RankedTensorType type = tensorType(x);
  if (type.getShape() == sizes)
    return x;
  SmallVector<int64_t> steps(strides);
  if (steps.empty())
    steps.assign(type.getRank(), 1);
  return SliceOp::create(b, loc, RankedTensorType::get(sizes, type.getElementType()), x, offsets, steps);
}

Value Build::concat(ArrayRef<Value> xs, int64_t dim) {
  if (xs.size() == 1)
    return xs.front();
  SmallVector<int64_t> shape(tensorType(xs.front()).getShape());
  shape[dim] = 0;
  for (Value x : xs)
    shape[dim] += tensorType(x).getDimSize(dim);
  auto type = RankedTensorType::get(shape, tensorType(xs.front()).getElementType());
  return ConcatOp::create(b, loc, type, xs, dim);
}

Value Build::iota(RankedTensorType type, int64_t dim) { return IotaOp::create(b, loc, type, dim); }

Value Build::gather(Value x, Value indices, int64_t axis) {
  RankedTensorType type = tensorType(x);
  SmallVector<int64_t> shape(type.getShape().take_front(axis));
  llvm::append_range(shape, tensorType(indices).getShape());
  llvm::append_range(shape, type.getShape().drop_front(axis + 1));
  return GatherOp::create(b, loc, RankedTensorType::get(shape, type.getElementType()), x, indices, axis);
}

Value Build::dot(Value lhs, Value rhs, Dims lhsBatch, Dims rhsBatch, Dims lhsContract, Dims rhsContract) {
  RankedTensorType l = tensorType(lhs), r = tensorType(rhs);
  SmallVector<int64_t> shape;
  for (int64_t d : lhsBatch)
    shape.push_back(l.getDimSize(d));
  for (auto [type, batch, contract] : {std::tuple(l, lhsBatch, lhsContract), std::tuple(r, rhsBatch, rhsContract)})
    for (int64_t d = 0, e = type.getRank(); d < e; ++d)
      if (!llvm::is_contained(batch, d) && !llvm::is_contained(contract, d))
        shape.push_back(type.getDimSize(d));
  auto type = RankedTensorType::get(shape, l.getElementType());
  return DotGeneralOp::create(b, loc, type, lhs, rhs, lhsBatch, rhsBatch, lhsContract, rhsContract);
}

Value Build::read(StringRef symbol, Type type) { return ReadOp::create(b, loc, type, symbol); }

void Build::write(StringRef symbol, Value value) { WriteOp::create(b, loc, symbol, value); }
