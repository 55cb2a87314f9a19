//===- Volume.cpp - What the collectives of a step move -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/shard/Volume.h"
#include "dialects/dist/Dist.h"
#include "dialects/weft/Build.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/shard/Passes.h"
#include "passes/shard/Region.h"
#include "llvm/ADT/TypeSwitch.h"
#include <map>

namespace weft {
#define GEN_PASS_DEF_RECORDVOLUME
#include "passes/shard/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using dist::Mesh;

int64_t weft::runsPerStep(StringRef task, int64_t microbatches) {
  task.consume_front("task_");
  if (task == "eval")
    return 0;
  return task == "next" ? microbatches - 1 : 1;
}

namespace {

/// What is moved, in the order in which it is listed.
enum class Moved { Parameters, Gradients, Activations, Statistics, Inputs, Numbers };

constexpr const char *movedNames[] = {"parameters", "gradients", "activations", "statistics", "inputs", "numbers"};

/// Tells what the collectives of a module move.
class Classifier {
public:
  explicit Classifier(ModuleOp module) : symbols(module) {}

  Moved classify(Value input, Value result) {
    if (tensorType(input).getRank() == 0)
      return Moved::Numbers;
    Value origin = originOf(input);
    if (isa<BlockArgument>(origin))
      return Moved::Inputs;
    if (auto read = origin.getDefiningOp<ReadOp>()) {
      if (isGradient(read.getSymbol()))
        return Moved::Gradients;
      if (isa_and_nonnull<ParamOp>(symbols.lookup(read.getSymbol())))
        return Moved::Parameters;
    }
    llvm::SmallDenseSet<Operation *> seen;
    if (std::optional<Moved> end = endOf(result, seen))
      return *end;
    return isReduced(input) || isReduced(origin) ? Moved::Statistics : Moved::Activations;
  }

private:
  /// Ops that hold the same elements, or a part or a sum of them.
  static bool passes(Operation *op) {
    return isa<ReshapeOp, TransposeOp, PadOp, SliceOp, arith::ExtFOp, arith::TruncFOp, dist::LocalSliceOp,
               dist::AllReduceOp, dist::AllGatherOp, dist::ReduceScatterOp, dist::AllToAllOp>(op);
  }
  /// One number for each row; of rows of one element, which is the row without its last dimension.
  static bool isReduced(Value value) {
    if (value.getDefiningOp<ReduceOp>())
      return true;
    if (auto sum = value.getDefiningOp<arith::AddFOp>()) // of two halves
      return sum.getLhs().getDefiningOp<ReduceOp>() && sum.getRhs().getDefiningOp<ReduceOp>();
    auto reshape = value.getDefiningOp<ReshapeOp>();
    if (!reshape)
      return false;
    ArrayRef<int64_t> from = tensorType(reshape.getInput()).getShape(), to = tensorType(value).getShape();
    size_t before = from.size();
    while (!from.empty() && from.back() == 1)
      from = from.drop_back();
    while (!to.empty() && to.back() == 1)
      to = to.drop_back();
    return from == to && from.size() < before && tensorType(value).getRank() < static_cast<int64_t>(before);
  }
  static Value originOf(Value value) {
    while (Operation *op = value.getDefiningOp()) {
      if (!passes(op))
        break;
      auto result = cast<OpResult>(value);
      value = op->getOperand(op->getNumOperands() == op->getNumResults() ? result.getResultNumber() : 0);
    }
    return value;
  }
  bool isGradient(StringRef symbol) {
    auto state = dyn_cast_or_null<StateOp>(symbols.lookup(symbol));
    return state && state.getKind() == StateKind::accumulator;
  }
  /// What a value becomes part of, if that is a parameter or its gradient.
  std::optional<Moved> endOf(Value value, llvm::SmallDenseSet<Operation *> &seen) {
    for (OpOperand &use : value.getUses()) {
      Operation *user = use.getOwner();
      if (!seen.insert(user).second)
        continue;
      if (auto write = dyn_cast<WriteOp>(user)) {
        Operation *symbol = symbols.lookup(write.getSymbol());
        if (isGradient(write.getSymbol()))
          return Moved::Gradients;
        if (isa_and_nonnull<ParamOp>(symbol))
          return Moved::Parameters;
      } else if ((isa<AdamOp, SgdOp>(user) && use.getOperandNumber() == 1)) {
        return Moved::Gradients;
      } else if (passes(user) || isa<arith::AddFOp, arith::SelectOp, ConcatOp>(user) ||
                 (isa<arith::MulFOp>(user) && tensorType(value).getRank() == 1)) {
        // Padding is filled by a choice. Of a parameter in parts, the gradient is put together. What the scale of a
        // norm is multiplied with, its gradient is.
        for (Value result : user->getResults())
          if (std::optional<Moved> end = endOf(result, seen))
            return end;
      }
    }
    return std::nullopt;
  }

  SymbolTable symbols;
};

} // namespace

/// The name, axes and members of a collective; an empty name if the op is none.
static StringRef kindOf(Operation *op, ArrayAttr &axes) {
  return TypeSwitch<Operation *, StringRef>(op)
      .Case<dist::AllReduceOp, dist::AllGatherOp, dist::ReduceScatterOp, dist::AllToAllOp>([&](auto collective) {
        axes = collective.getAxes();
        return collective->getName().stripDialect();
      })
      .Default([](Operation *) { return StringRef(); });
}

std::vector<Plan::Collective> weft::volumeOf(ModuleOp local) {
  Mesh mesh = dist::meshOf(local);
  auto attr = local->getAttrOfType<IntegerAttr>("weft.microbatches");
  int64_t microbatches = attr ? attr.getInt() : 1;
  Classifier classifier(local);
  std::map<std::tuple<Moved, std::string, std::string, SmallVector<int64_t>>, Plan::Collective> sums;
  for (func::FuncOp task : local.getOps<func::FuncOp>()) {
    int64_t runs = runsPerStep(task.getSymName(), microbatches);
    if (runs == 0)
      continue;
    for (Operation &op : task.getBody().front()) {
      ArrayAttr names;
      StringRef kind = kindOf(&op, names);
      if (kind.empty())
        continue;
      SmallVector<int64_t> axes = dist::axesOf(mesh, names);
      auto tag = op.getAttrOfType<StringAttr>(dist::regionAttr);
      StringRef region = tag ? tag.getValue() : regionOf(op.getLoc());
      llvm::SmallDenseSet<int> counted;
      for (auto [input, result] : llvm::zip_equal(op.getOperands(), op.getResults())) {
        Moved moved = classifier.classify(input, result);
        double bytes = std::max(tensorBytes(tensorType(input)), tensorBytes(tensorType(result)));
        Plan::Collective &sum = sums[{moved, kind.str(), region.str(), axes}];
        // Members of one call are one call, of whatever they are first.
        sum.count += counted.insert(static_cast<int>(moved)).second ? runs : 0;
        sum.bytes += static_cast<double>(runs) * bytesSent(kind, bytes, mesh.sizeOf(axes));
      }
    }
  }
  std::vector<Plan::Collective> result;
  for (auto &[key, sum] : sums) {
    const auto &[moved, kind, region, axes] = key;
    sum.of = movedNames[static_cast<int>(moved)];
    sum.kind = kind;
    sum.region = region;
    for (int64_t axis : axes)
      sum.axes.push_back(mesh.axes[axis]);
    result.push_back(std::move(sum));
  }
  return result;
}

namespace {

struct RecordVolume : weft::impl::RecordVolumeBase<RecordVolume> {
  RecordVolume() = default;
  explicit RecordVolume(std::vector<Plan::Collective> &into) : into(&into) {}
  void runOnOperation() override {
    std::vector<Plan::Collective> volume = volumeOf(getOperation());
    if (into) {
      *into = std::move(volume);
      return markAllAnalysesPreserved();
    }
    for (const Plan::Collective &c : volume)
      getOperation().emitRemark() << c.of << ": " << c.count << " " << c.kind << " over [" << llvm::join(c.axes, ", ")
                                  << "] in " << c.region << ", " << static_cast<int64_t>(c.bytes) << " bytes";
    markAllAnalysesPreserved();
  }

private:
  std::vector<Plan::Collective> *into = nullptr; ///< null: remarks
};

} // namespace

std::unique_ptr<Pass> weft::createRecordVolumePass(std::vector<Plan::Collective> &into) {
  return std::make_unique<RecordVolume>(into);
}
