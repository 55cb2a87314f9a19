//===- LoopProducts.cpp - Products that no library of the target computes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Build.h"
#include "dialects/weft/DotDims.h"
#include "passes/lower/Passes.h"

namespace weft {
#define GEN_PASS_DEF_LOOPPRODUCTS
#include "passes/lower/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

namespace {

/// An operand of a product with its batch, free and contracted dimensions side by side, in this order.
struct Grouped {
  Value value;
  SmallVector<int64_t> batch, free, contract; ///< sizes
};

Grouped group(Build &e, Value operand, ArrayRef<int64_t> batch, ArrayRef<int64_t> contract) {
  Grouped grouped;
  SmallVector<int64_t> perm(batch), free = freeDims(operand, batch, contract);
  llvm::append_range(perm, free);
  llvm::append_range(perm, contract);
  ArrayRef<int64_t> shape = tensorType(operand).getShape();
  for (auto [dims, sizes] : {std::pair(batch, &grouped.batch), std::pair(ArrayRef<int64_t>(free), &grouped.free),
                             std::pair(contract, &grouped.contract)})
    for (int64_t dim : dims)
      sizes->push_back(shape[dim]);
  grouped.value = e.transpose(operand, perm);
  return grouped;
}

/// The product as a sum of products of elements: a kernel whose rows are the elements of the result and whose columns
/// are what is contracted. Nothing of the size of rows times columns is stored, because kernels pull elements.
Value asSum(Build &e, DotGeneralOp op) {
  Grouped lhs = group(e, op.getLhs(), op.getLhsBatch(), op.getLhsContract());
  Grouped rhs = group(e, op.getRhs(), op.getRhsBatch(), op.getRhsContract());
  RankedTensorType type = op.getType();
  Type element = type.getElementType();
  int64_t contracted = 1;
  for (int64_t size : lhs.contract)
    contracted *= size;
  if (contracted == 0)
    return e.splat(type, 0);
  SmallVector<int64_t> shape, lhsDims, rhsDims, dropped;
  auto place = [&](ArrayRef<int64_t> sizes, bool left, bool right) {
    for (int64_t size : sizes) {
      if (left)
        lhsDims.push_back(shape.size());
      if (right)
        rhsDims.push_back(shape.size());
      shape.push_back(size);
    }
  };
  place(lhs.batch, true, true);
  place(lhs.free, true, false);
  place(rhs.free, false, true);
  int64_t kept = shape.size();
  place(lhs.contract, true, true);
  for (int64_t dim = kept, rank = shape.size(); dim < rank; ++dim)
    dropped.push_back(dim);
  // Products of narrow floats accumulate in f32.
  bool narrow = isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32;
  auto widened = [&](Value v) { return narrow ? e.cast(v, e.b.getF32Type()) : v; };
  Value x = e.broadcast(widened(lhs.value), lhsDims, shape), y = e.broadcast(widened(rhs.value), rhsDims, shape);
  Value sum = e.sum(e.mul(x, y), dropped);
  return e.reshape(e.cast(sum, element), type.getShape());
}

struct LoopProducts : weft::impl::LoopProductsBase<LoopProducts> {
  using Base::Base;
  explicit LoopProducts(const Target *target) : target(target) {}

  void runOnOperation() override {
    if (!target)
      return;
    OpBuilder builder(&getContext());
    getOperation().walk([&](Operation *op) {
      builder.setInsertionPoint(op);
      Build e{builder, op->getLoc()};
      auto dot = dyn_cast<DotGeneralOp>(op);
      if (!dot || isTaken(builder, dot))
        return;
      dot.replaceAllUsesWith(asSum(e, dot));
      dot.erase();
      ++numLoops;
    });
  }

  /// Whether the target has a library for a product: asked about the call it would be, which is made for the question.
  bool isTaken(OpBuilder &builder, DotGeneralOp dot) {
    // Without elements there is nothing for a library to do.
    if (dot.getType().getNumElements() == 0 || tensorType(dot.getLhs()).getNumElements() == 0)
      return false;
    auto question =
        exec::ProductOp::create(builder, dot.getLoc(), dot.getType(), dot.getLhs(), dot.getRhs(), Value(),
                                dot.getLhsBatch(), dot.getRhsBatch(), dot.getLhsContract(), dot.getRhsContract());
    bool taken = target->takes(cast<exec::LibraryOpInterface>(question.getOperation()));
    question.erase();
    return taken;
  }

  const Target *target = nullptr;
};

} // namespace

std::unique_ptr<Pass> weft::createLoopProductsPass(const Target *target) {
  return std::make_unique<LoopProducts>(target);
}
