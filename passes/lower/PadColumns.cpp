//===- PadColumns.cpp - Products whose rows a library likes aligned -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Build.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "passes/lower/FusionGraph.h"
#include "passes/lower/Passes.h"
#include <limits>

namespace weft {
#define GEN_PASS_DEF_PADCOLUMNS
#include "passes/lower/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

namespace {

/// What is known of the elements of a value that padding adds.
enum class Lane { Lowest, Zero, False, Any };

/// A value with more elements along one dimension than it had.
struct Padded {
  int64_t dim;
  Lane lane;
};

/// A product of odd width, and all that is computed of its columns.
class PaddedRegion {
public:
  PaddedRegion(DotGeneralOp root, int64_t padded)
      : root(root), width(root.getType().getShape().back()), padded(padded) {}

  /// Finds out whether the added columns change nothing that is read elsewhere.
  bool find();
  /// Rewrites the region.
  void rewrite();

private:
  RankedTensorType grown(RankedTensorType type, int64_t dim) const {
    SmallVector<int64_t> shape(type.getShape());
    shape[dim] = padded;
    return type.clone(shape);
  }
  bool visit(Operation *op);
  /// Whether a value from outside the region is false wherever the columns are added: a comparison of column numbers
  /// with labels, which lie below the width.
  bool isFalseBeyond(Value value, int64_t dim) const;
  Lane laneOf(Value value, int64_t dim) const;
  Value grow(Value value, int64_t dim);

  DotGeneralOp root;
  int64_t width, padded;
  SmallVector<Operation *> ops; ///< the region without the root, in program order
  llvm::DenseSet<Operation *> inside;
  DenseMap<Value, Padded> values; ///< what gets wider
  DenseMap<std::pair<Value, int64_t>, Value> known;
};

} // namespace

bool PaddedRegion::isFalseBeyond(Value value, int64_t dim) const {
  auto compare = value.getDefiningOp<arith::CmpIOp>();
  if (!compare || compare.getPredicate() != arith::CmpIPredicate::eq)
    return false;
  for (auto [column, label] : {std::pair(compare.getLhs(), compare.getRhs()), {compare.getRhs(), compare.getLhs()}}) {
    auto iota = column.getDefiningOp<IotaOp>();
    auto repeated = label.getDefiningOp<BroadcastOp>();
    if (iota && repeated && static_cast<int64_t>(iota.getDim()) == dim && !llvm::is_contained(repeated.getDims(), dim))
      return true;
  }
  return false;
}

Lane PaddedRegion::laneOf(Value value, int64_t dim) const {
  if (auto it = values.find(value); it != values.end())
    return it->second.lane;
  return isFalseBeyond(value, dim) ? Lane::False : Lane::Any;
}

/// What an elementwise op makes of the added columns. Values from outside, which are one a row, count as finite.
static Lane combineLanes(Operation *op, ArrayRef<Lane> lanes) {
  if (isa<arith::ExtFOp, arith::TruncFOp>(op))
    return lanes[0];
  if (isa<math::ExpOp>(op))
    return lanes[0] == Lane::Lowest ? Lane::Zero : Lane::Any;
  if (isa<arith::SubFOp>(op))
    return lanes[0] == Lane::Lowest && lanes[1] == Lane::Any ? Lane::Lowest : Lane::Any;
  if (isa<arith::MulFOp>(op))
    return llvm::is_contained(lanes, Lane::Zero) && !llvm::is_contained(lanes, Lane::Lowest) ? Lane::Zero : Lane::Any;
  if (isa<arith::DivFOp>(op))
    return lanes[0] == Lane::Zero ? Lane::Zero : Lane::Any;
  if (isa<arith::SelectOp>(op)) {
    if (lanes[0] == Lane::False)
      return lanes[2];
    return lanes[1] == lanes[2] ? lanes[1] : Lane::Any;
  }
  return Lane::Any;
}

bool PaddedRegion::visit(Operation *op) {
  int64_t dim = -1;
  for (Value operand : op->getOperands())
    if (auto it = values.find(operand); it != values.end()) {
      if (dim >= 0 && dim != it->second.dim && isElementwise(op))
        return false;
      dim = it->second.dim;
    }
  if (isElementwise(op)) {
    SmallVector<Lane> lanes;
    for (Value operand : op->getOperands())
      lanes.push_back(laneOf(operand, dim));
    values[op->getResult(0)] = {dim, combineLanes(op, lanes)};
    return true;
  }
  if (auto reduce = dyn_cast<ReduceOp>(op)) {
    Padded at = values.find(reduce.getInput())->second;
    if (!llvm::is_contained(reduce.getDims(), at.dim)) {
      int64_t before = llvm::count_if(reduce.getDims(), [&](int64_t d) { return d < at.dim; });
      bool stays = at.lane == Lane::Zero && reduce.getKind() == ReduceKind::sum;
      values[reduce.getResult()] = {at.dim - before, stays ? Lane::Zero : Lane::Any};
      return true;
    }
    return (reduce.getKind() == ReduceKind::max && at.lane == Lane::Lowest) ||
           (reduce.getKind() == ReduceKind::sum && at.lane == Lane::Zero);
  }
  if (auto loss = dyn_cast<CrossEntropyOp>(op)) {
    auto it = values.find(loss.getLogits());
    return it != values.end() && it->second.lane == Lane::Lowest &&
           it->second.dim == tensorType(loss.getLogits()).getRank() - 1;
  }
  if (auto dot = dyn_cast<DotGeneralOp>(op)) {
    auto it = values.find(dot.getLhs());
    bool isLhs = it != values.end();
    if (!isLhs)
      it = values.find(dot.getRhs());
    if (isLhs && values.contains(dot.getRhs()))
      return false;
    ArrayRef<int64_t> contract = isLhs ? dot.getLhsContract() : dot.getRhsContract();
    if (llvm::is_contained(contract, it->second.dim))
      return it->second.lane == Lane::Zero;
    ArrayRef<int64_t> batch = isLhs ? dot.getLhsBatch() : dot.getRhsBatch();
    if (llvm::is_contained(batch, it->second.dim))
      return false;
    // A free dimension of the result: behind the batch's and, for the right operand, the left one's.
    int64_t place = isLhs ? batch.size() : dot.getType().getRank() - dot.getRhsFree().size();
    for (int64_t d = 0; d < it->second.dim; ++d)
      place += !llvm::is_contained(contract, d) && !llvm::is_contained(batch, d);
    values[dot.getResult()] = {place, Lane::Any};
    return true;
  }
  return false;
}

bool PaddedRegion::find() {
  // The root's added columns are set to -infinity as soon as they exist.
  values[root.getResult()] = {root.getType().getRank() - 1, Lane::Lowest};
  inside.insert(root);
  for (Operation *op = root->getNextNode(); op; op = op->getNextNode()) {
    if (llvm::none_of(op->getOperands(), [&](Value operand) { return values.contains(operand); }))
      continue;
    // What is one product further is read as it was: a slice of it.
    bool ends = llvm::all_of(op->getOperands(), [&](Value operand) {
      auto it = values.find(operand);
      Operation *def = operand.getDefiningOp();
      return it == values.end() || (def != root && isa<DotGeneralOp>(def)) ||
             (isa<ReduceOp>(def) && it->second.lane == Lane::Zero);
    });
    if (ends)
      continue;
    if (!visit(op))
      return false;
    ops.push_back(op);
    inside.insert(op);
  }
  return !ops.empty();
}

/// A value from outside the region with the added columns. What they hold is of no matter, but that it is finite.
Value PaddedRegion::grow(Value value, int64_t dim) {
  if (Value made = known.lookup({value, dim}))
    return made;
  RankedTensorType type = grown(tensorType(value), dim);
  Operation *def = value.getDefiningOp();
  OpBuilder builder(value.getContext());
  builder.setInsertionPointAfterValue(value);
  Build e{builder, value.getLoc()};
  DenseElementsAttr constant;
  Value made;
  if (def && matchPattern(def, m_Constant(&constant)) && constant.isSplat()) {
    made = arith::ConstantOp::create(builder, e.loc, type,
                                     DenseElementsAttr::get(type, constant.getSplatValue<Attribute>()));
  } else if (auto iota = dyn_cast_or_null<IotaOp>(def)) {
    made = e.iota(type, iota.getDim());
  } else if (auto broadcast = dyn_cast_or_null<BroadcastOp>(def)) {
    const auto *at = llvm::find(broadcast.getDims(), dim);
    Value input = broadcast.getInput();
    if (at != broadcast.getDims().end())
      input = grow(input, at - broadcast.getDims().begin());
    made = e.broadcast(input, broadcast.getDims(), type.getShape());
  } else if (def && isElementwise(def) && llvm::all_of(def->getOperands(), [&](Value operand) {
               return tensorType(operand).getShape() == tensorType(value).getShape();
             })) {
    SmallVector<Value> operands;
    for (Value operand : def->getOperands())
      operands.push_back(grow(operand, dim));
    Operation *copy = builder.clone(*def);
    copy->setOperands(operands);
    copy->getResult(0).setType(type);
    made = copy->getResult(0);
  } else {
    SmallVector<int64_t> none(type.getRank(), 0), high(type.getRank(), 0);
    high[dim] = padded - width;
    made = PadOp::create(builder, e.loc, type, value, none, high, none);
  }
  return known[{value, dim}] = made;
}

void PaddedRegion::rewrite() {
  int64_t last = root.getType().getRank() - 1;
  // The right operand's free dimension is the result's last.
  ArrayRef<int64_t> contract = root.getRhsContract(), batch = root.getRhsBatch();
  int64_t free = 0;
  while (llvm::is_contained(contract, free) || llvm::is_contained(batch, free))
    ++free;
  OpBuilder builder(root);
  Build e{builder, root.getLoc()};
  Operation *wide = builder.clone(*root);
  RankedTensorType type = grown(root.getType(), last);
  wide->setOperand(1, grow(root.getRhs(), free));
  wide->getResult(0).setType(type);
  RankedTensorType numbers = type.clone(builder.getI32Type());
  Value exists = e.less(e.iota(numbers, last), e.splat(numbers, static_cast<double>(width)));
  Value masked = e.select(exists, wide->getResult(0), e.splat(type, -std::numeric_limits<double>::infinity()));

  IRMapping mapping;
  mapping.map(root.getResult(), masked);
  for (Operation *op : ops) {
    builder.setInsertionPoint(op);
    Operation *copy = builder.clone(*op, mapping);
    for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
      if (values.contains(operand))
        continue;
      if (isElementwise(op)) {
        copy->setOperand(i, grow(operand, values.find(op->getResult(0))->second.dim));
      } else if (auto dot = dyn_cast<DotGeneralOp>(op)) {
        // The other operand of a sum over the columns.
        Padded at = values.find(dot->getOperand(1 - i))->second;
        ArrayRef<int64_t> own = i == 0 ? dot.getLhsContract() : dot.getRhsContract(),
                          other = i == 0 ? dot.getRhsContract() : dot.getLhsContract();
        if (const auto *found = llvm::find(other, at.dim); found != other.end())
          copy->setOperand(i, grow(operand, own[found - other.begin()]));
      }
    }
    for (auto [old, made] : llvm::zip(op->getResults(), copy->getResults())) {
      auto it = values.find(old);
      if (it == values.end()) {
        old.replaceUsesWithIf(made, [&](OpOperand &use) { return !inside.contains(use.getOwner()); });
        mapping.map(old, made);
        continue;
      }
      made.setType(grown(tensorType(old), it->second.dim));
      mapping.map(old, made);
      builder.setInsertionPointAfter(copy);
      SmallVector<int64_t> offsets(tensorType(old).getRank(), 0);
      Value part = Build{builder, op->getLoc()}.slice(made, offsets, tensorType(old).getShape());
      old.replaceUsesWithIf(part, [&](OpOperand &use) { return !inside.contains(use.getOwner()); });
      if (part.use_empty())
        part.getDefiningOp()->erase();
    }
  }
  for (Operation *op : llvm::reverse(ops))
    op->erase();
  root.erase();
}

namespace {

struct PadColumns : weft::impl::PadColumnsBase<PadColumns> {
  using Base::Base;
  PadColumns(const PadColumnsOptions &options, const Target *target) : Base(options), target(target) {}

  void runOnOperation() override {
    SmallVector<DotGeneralOp> roots;
    for (Block &block : getOperation().getBody())
      for (DotGeneralOp dot : block.getOps<DotGeneralOp>())
        if (dot.getRhsFree().size() == 1 && dot.getType().getRank() > 1 &&
            isa<FloatType>(dot.getType().getElementType()))
          roots.push_back(dot);
    for (DotGeneralOp root : roots) {
      int64_t multiple = multipleOf(root.getType().getElementType());
      int64_t width = root.getType().getShape().back(), wanted = llvm::alignTo(width, std::max<int64_t>(1, multiple));
      // A narrow result costs less than the copy of its weights.
      if (wanted == width || tensorBytes(root.getType()) < bytes)
        continue;
      PaddedRegion region(root, wanted);
      if (!region.find())
        continue;
      region.rewrite();
      ++numPadded;
      // Later roots may have been rewritten with it; a model has one head.
      return;
    }
  }

private:
  int64_t multipleOf(Type element) const {
    if (multiple > 0)
      return multiple;
    return target ? target->columnMultiple(element) : 1;
  }

  const Target *target = nullptr;
};

} // namespace

std::unique_ptr<Pass> weft::createPadColumnsPass(const PadColumnsOptions &options, const Target *target) {
  return std::make_unique<PadColumns>(options, target);
}
