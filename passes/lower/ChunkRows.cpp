//===- ChunkRows.cpp - Wide intermediate values a part at a time -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Build.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "passes/lower/FusionGraph.h"
#include "passes/lower/Passes.h"

namespace weft {
#define GEN_PASS_DEF_CHUNKROWS
#include "passes/lower/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

/// The dimension of every wide value that is cut: the outermost, whose parts are contiguous.
static constexpr int64_t kCutDim = 0;

namespace {

/// Where an op's tensors have one of its factors.
struct CutFactor {
  ShardingRule rule;
  int64_t index = -1;

  bool isReduction() const { return rule.factors[index].kind == ShardingRule::FactorKind::Reduction; }
  static std::optional<int64_t> dimIn(const ShardingRule::TensorMap &map, int64_t factor) {
    for (auto [dim, factors] : llvm::enumerate(map))
      if (!factors.empty() && factors.front() == factor)
        return dim;
    return std::nullopt;
  }
  std::optional<int64_t> operandDim(int64_t operand) const { return dimIn(rule.operands[operand], index); }
  std::optional<int64_t> resultDim(int64_t result) const { return dimIn(rule.results[result], index); }
};

/// A wide value and all that depends on it, as long as it is as wide.
class WideRegion {
public:
  explicit WideRegion(DotGeneralOp root) : root(root), rootType(root.getType()) {}

  /// Finds the region's ops; false, with a reason, if they cannot be computed a part at a time.
  bool find(std::string &why);
  /// Rewrites the region as `parts` copies of it, one after another.
  void cut(int64_t parts);

  int64_t getCutSize() const { return rootType.getDimSize(kCutDim); }

private:
  bool isWide(Value value) const {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type && 2 * type.getNumElements() >= rootType.getNumElements();
  }
  bool isMadeForPart(Value value) const;
  bool chooseFactor(Operation *op, std::string &why);
  Value partOf(OpBuilder &builder, Value value, int64_t dim, int64_t part, int64_t parts,
               DenseMap<std::pair<Value, int64_t>, Value> &known);
  void replaceOutside(OpResult result, Value whole);

  DotGeneralOp root;
  RankedTensorType rootType;
  llvm::DenseSet<Operation *> dependent; ///< everything that is computed from the wide value
  SmallVector<Operation *> ops;          ///< the region, in program order
  llvm::DenseSet<Operation *> inside;
  DenseMap<Operation *, CutFactor> factors;
  DenseMap<Value, int64_t> cutDims; ///< of the region's values that are cut
};

} // namespace

bool WideRegion::find(std::string &why) {
  SmallVector<Operation *> after;
  for (Operation *op = root; op; op = op->getNextNode()) {
    bool depends = op == root || llvm::any_of(op->getOperands(), [&](Value operand) {
                     return operand.getDefiningOp() && dependent.contains(operand.getDefiningOp());
                   });
    if (!depends)
      continue;
    dependent.insert(op);
    after.push_back(op);
  }
  // Wide ops, and what leads to one: from behind.
  llvm::DenseSet<Operation *> leads;
  auto isWideOp = [&](Operation *op) {
    return op == root || (!isa<DotGeneralOp>(op) && llvm::any_of(op->getResults(), [&](Value v) { return isWide(v); }));
  };
  for (Operation *op : llvm::reverse(after)) {
    bool leading = isWideOp(op) && op != root;
    for (Operation *user : op->getUsers())
      leading |= leads.contains(user);
    if (leading || op == root)
      leads.insert(op);
  }
  // A product that leads to a wide op is a layer between: what is wide lives on, and parts of it would have to as well.
  for (Operation *op : after) {
    bool readsWide = llvm::any_of(op->getOperands(), [&](Value operand) {
      Operation *def = operand.getDefiningOp();
      return def && inside.contains(def) && isWideOp(def);
    });
    if (!leads.contains(op) && !readsWide)
      continue;
    if (op != root && isa<DotGeneralOp>(op) && leads.contains(op)) {
      why = "a product lies between its readers";
      return false;
    }
    ops.push_back(op);
    inside.insert(op);
  }
  for (Operation *op : ops)
    for (Value operand : op->getOperands()) {
      Operation *def = operand.getDefiningOp();
      if (def && inside.contains(def))
        continue;
      if (def && dependent.contains(def)) {
        why = "its readers depend on each other through other ops";
        return false;
      }
      if (!isa<DotGeneralOp>(op) && isWide(operand) && !isMadeForPart(operand)) {
        why = "it is read together with another value as wide";
        return false;
      }
    }
  return llvm::all_of(ops, [&](Operation *op) { return chooseFactor(op, why); });
}

/// Whether a part of a value from outside the region is computed by itself: the whole need not exist.
bool WideRegion::isMadeForPart(Value value) const {
  Operation *def = value.getDefiningOp();
  DenseElementsAttr constant;
  if (!def)
    return false;
  if (isa<IotaOp, BroadcastOp>(def) || (matchPattern(def, m_Constant(&constant)) && constant.isSplat()))
    return true;
  return isElementwise(def) && llvm::all_of(def->getOperands(), [&](Value operand) { return isMadeForPart(operand); });
}

/// Finds the factor of `op` along which its cut operands are cut, and so its results.
bool WideRegion::chooseFactor(Operation *op, std::string &why) {
  auto interface = dyn_cast<ShardingRuleOpInterface>(op);
  if (!interface || op->getNumResults() == 0) {
    why = ("'" + op->getName().getStringRef() + "' reads all of it").str();
    return false;
  }
  CutFactor cut{interface.getShardingRule(), -1};
  if (op == root) {
    ArrayRef<int64_t> first = cut.rule.results[0][kCutDim];
    cut.index = first.size() == 1 ? first.front() : -1;
  }
  for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
    auto it = cutDims.find(operand);
    if (it == cutDims.end())
      continue;
    ArrayRef<int64_t> found = cut.rule.operands[i][it->second];
    int64_t factor = found.empty() ? -1 : found.front();
    if (factor < 0 || (cut.index >= 0 && factor != cut.index)) {
      cut.index = -1;
      break;
    }
    cut.index = factor;
  }
  auto refuse = [&] {
    why = ("'" + op->getName().getStringRef() + "' mixes its rows").str();
    return false;
  };
  if (cut.index < 0 || cut.rule.factors[cut.index].size != getCutSize())
    return refuse();
  const ShardingRule::Factor &factor = cut.rule.factors[cut.index];
  if (factor.kind == ShardingRule::FactorKind::Replicated ||
      (cut.isReduction() && factor.combine != ShardingRule::Combine::Sum))
    return refuse();
  for (int64_t i = 0, count = op->getNumResults(); i < count; ++i) {
    if (std::optional<int64_t> dim = cut.resultDim(i))
      cutDims[op->getResult(i)] = *dim;
    else if (!cut.isReduction())
      return refuse();
    // A sum over all parts is not complete while they are computed.
    else if (llvm::any_of(op->getResult(i).getUsers(), [&](Operation *user) { return inside.contains(user); }))
      return refuse();
  }
  factors[op] = std::move(cut);
  return true;
}

/// A part of a value from outside the region: of what is cheap to compute again, computed for the part alone.
Value WideRegion::partOf(OpBuilder &builder, Value value, int64_t dim, int64_t part, int64_t parts,
                         DenseMap<std::pair<Value, int64_t>, Value> &known) {
  Value &result = known[{value, dim}];
  if (result)
    return result;
  RankedTensorType type = tensorType(value);
  SmallVector<int64_t> shape(type.getShape()), offsets(shape.size(), 0);
  shape[dim] /= parts;
  offsets[dim] = part * shape[dim];
  RankedTensorType local = type.clone(shape);
  Operation *def = value.getDefiningOp();
  Build e{builder, value.getLoc()};
  DenseElementsAttr constant;
  Value made;
  if (def && matchPattern(def, m_Constant(&constant)) && constant.isSplat()) {
    made = arith::ConstantOp::create(builder, e.loc, local,
                                     DenseElementsAttr::get(local, constant.getSplatValue<Attribute>()));
  } else if (auto iota = dyn_cast_or_null<IotaOp>(def); iota && static_cast<int64_t>(iota.getDim()) != dim) {
    made = e.iota(local, iota.getDim());
  } else if (auto broadcast = dyn_cast_or_null<BroadcastOp>(def)) {
    const auto *at = llvm::find(broadcast.getDims(), dim);
    Value input = broadcast.getInput();
    if (at != broadcast.getDims().end())
      input = partOf(builder, input, at - broadcast.getDims().begin(), part, parts, known);
    made = e.broadcast(input, broadcast.getDims(), shape);
  } else if (def && isElementwise(def) && llvm::all_of(def->getOperandTypes(), [&](Type operand) {
               auto tensor = dyn_cast<RankedTensorType>(operand);
               return tensor && tensor.getShape() == type.getShape();
             })) {
    SmallVector<Value> operands;
    for (Value operand : def->getOperands())
      operands.push_back(partOf(builder, operand, dim, part, parts, known));
    Operation *copy = builder.clone(*def);
    copy->setOperands(operands);
    copy->getResult(0).setType(local);
    made = copy->getResult(0);
  } else {
    made = e.slice(value, offsets, shape);
  }
  // The map may have grown since.
  return known[{value, dim}] = made;
}

/// Readers outside the region get the whole; a widened sum is read as it was added up.
void WideRegion::replaceOutside(OpResult result, Value whole) {
  Type own = tensorType(result).getElementType();
  for (OpOperand &use : llvm::make_early_inc_range(result.getUses())) {
    if (inside.contains(use.getOwner()))
      continue;
    if (auto widen = dyn_cast<arith::ExtFOp>(use.getOwner()); widen && widen.getType() == whole.getType()) {
      widen.replaceAllUsesWith(whole);
      widen.erase();
      continue;
    }
    OpBuilder builder(use.getOwner()->getContext());
    builder.setInsertionPointAfterValue(whole);
    use.set(Build{builder, result.getLoc()}.cast(whole, own));
  }
}

void WideRegion::cut(int64_t parts) {
  Operation *last = ops.back();
  // Readers that stand between the region's ops come after all of it; none of the region's ops reads them.
  SmallVector<Operation *> between;
  for (Operation *op = root; op != last; op = op->getNextNode())
    if (dependent.contains(op) && !inside.contains(op))
      between.push_back(op);
  Operation *end = last;
  for (Operation *op : between) {
    op->moveAfter(end);
    end = op;
  }

  OpBuilder builder(last->getContext());
  builder.setInsertionPointAfter(last);
  DenseMap<Value, SmallVector<Value>> pieces;
  for (int64_t part = 0; part < parts; ++part) {
    DenseMap<std::pair<Value, int64_t>, Value> known;
    IRMapping mapping;
    for (Operation *op : ops) {
      const CutFactor &factor = factors.find(op)->second;
      SmallVector<Value> operands;
      for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
        std::optional<int64_t> dim = factor.operandDim(i);
        if (Value mapped = mapping.lookupOrNull(operand))
          operands.push_back(mapped);
        else
          operands.push_back(dim ? partOf(builder, operand, *dim, part, parts, known) : operand);
      }
      Operation *copy = builder.clone(*op);
      copy->setOperands(operands);
      for (auto [i, result] : llvm::enumerate(copy->getResults())) {
        RankedTensorType type = tensorType(result);
        if (std::optional<int64_t> dim = factor.resultDim(i)) {
          SmallVector<int64_t> shape(type.getShape());
          shape[*dim] /= parts;
          result.setType(type.clone(shape));
        }
        mapping.map(op->getResult(i), result);
        pieces[op->getResult(i)].push_back(result);
      }
    }
  }
  for (Operation *op : ops)
    for (OpResult result : op->getResults()) {
      if (llvm::all_of(result.getUsers(), [&](Operation *user) { return inside.contains(user); }))
        continue;
      Build e{builder, op->getLoc()};
      ArrayRef<Value> all = pieces[result];
      if (auto it = cutDims.find(result); it != cutDims.end()) {
        replaceOutside(result, e.concat(all, it->second));
        continue;
      }
      // Partial sums of 16-bit floats are added up in f32.
      Type element = tensorType(result).getElementType();
      bool narrow = isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32;
      Type carried = narrow ? builder.getF32Type() : element;
      Value sum = e.cast(all.front(), carried);
      for (Value piece : all.drop_front())
        sum = e.add(sum, e.cast(piece, carried));
      replaceOutside(result, sum);
    }
  for (Operation *op : llvm::reverse(ops))
    op->erase();
}

namespace {

struct ChunkRows : weft::impl::ChunkRowsBase<ChunkRows> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<DotGeneralOp> roots;
    for (Block &block : getOperation().getBody())
      for (DotGeneralOp dot : block.getOps<DotGeneralOp>())
        if (dot.getType().getRank() > 1 && tensorBytes(dot.getType()) >= bytes)
          roots.push_back(dot);
    llvm::stable_sort(
        roots, [](DotGeneralOp a, DotGeneralOp b) { return tensorBytes(a.getType()) > tensorBytes(b.getType()); });
    // The widest that can be cut: the next ones are layers of the model, which are narrower by far.
    std::string reason;
    for (DotGeneralOp root : roots) {
      WideRegion region(root);
      std::string why;
      if (region.find(why)) {
        int64_t size = region.getCutSize();
        if (int64_t parts = chooseParts(root, size); parts > 1) {
          region.cut(parts);
          ++numCut;
          return;
        }
        why = std::to_string(size) + " rows do not divide into so many";
      }
      if (reason.empty())
        reason = why;
    }
    // Whoever asked for parts is told that there are none.
    if (chunks > 1 && !roots.empty())
      roots.front().emitRemark("is not computed in ") << int64_t(chunks) << " parts: " << reason;
  }

  /// As few parts as make each at most an eighth of the whole and no larger than `bytes`, or the most that the cut
  /// dimension has.
  int64_t chooseParts(DotGeneralOp root, int64_t size) const {
    if (chunks > 0)
      return size % chunks == 0 ? int64_t(chunks) : 1;
    int64_t most = std::max<int64_t>(8, llvm::divideCeil(tensorBytes(root.getType()), std::max<int64_t>(1, bytes) * 4));
    for (int64_t parts = most; parts > 1; --parts)
      if (size % parts == 0)
        return parts;
    return 1;
  }
};

} // namespace
