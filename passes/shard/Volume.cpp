//===- Volume.cpp - What the collectives of a step move -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/shard/Volume.h"
#include "dialects/dist/Dist.h"
#include "dialects/exec/LibraryCalls.h"
#include "dialects/weft/Build.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/shard/Passes.h"
#include "passes/shard/Region.h"
#include "passes/shard/ReshardCost.h"
#include "llvm/ADT/TypeSwitch.h"
#include <map>
#include <set>

namespace weft {
#define GEN_PASS_DEF_RECORDRESHARDS
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
               dist::AllReduceOp, dist::AllGatherOp, dist::ReduceScatterOp, dist::AllToAllOp, dist::ReshardOp>(op);
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

namespace {

/// The rows of a volume by what they are of, in the order in which they are listed.
class Rows {
public:
  explicit Rows(ModuleOp module) : mesh(dist::meshOf(module)), classifier(module) {
    auto attr = module->getAttrOfType<IntegerAttr>("weft.microbatches");
    microbatches = attr ? attr.getInt() : 1;
  }

  /// How often an op of the task is carried out in a step.
  int64_t runsOf(func::FuncOp task) const { return runsPerStep(task.getSymName(), microbatches); }
  Moved classify(Value input, Value result) { return classifier.classify(input, result); }
  static std::string regionOf(Operation *op) {
    auto tag = op->getAttrOfType<StringAttr>(dist::regionAttr);
    return (tag ? tag.getValue() : weft::regionOf(op->getLoc())).str();
  }
  Plan::Collective &at(Moved moved, StringRef kind, const std::string &region, ArrayRef<int64_t> axes) {
    return rows[{moved, kind.str(), region, SmallVector<int64_t>(axes)}];
  }
  std::vector<Plan::Collective> take() {
    std::vector<Plan::Collective> result;
    for (auto &[key, row] : rows) {
      const auto &[moved, kind, region, axes] = key;
      row.of = movedNames[static_cast<int>(moved)];
      row.kind = kind;
      row.region = region;
      for (int64_t axis : axes)
        row.axes.push_back(mesh.axes[axis]);
      result.push_back(std::move(row));
    }
    return result;
  }

  const Mesh mesh;

private:
  Classifier classifier;
  int64_t microbatches;
  std::map<std::tuple<Moved, std::string, std::string, SmallVector<int64_t>>, Plan::Collective> rows;
};

} // namespace

std::vector<Plan::Collective> weft::volumeOf(ModuleOp local) {
  Rows rows(local);
  for (func::FuncOp task : local.getOps<func::FuncOp>()) {
    int64_t runs = rows.runsOf(task);
    if (runs == 0)
      continue;
    for (Operation &op : task.getBody().front()) {
      ArrayAttr names;
      StringRef kind = kindOf(&op, names);
      if (kind.empty())
        continue;
      SmallVector<int64_t> axes = dist::axesOf(rows.mesh, names);
      llvm::SmallDenseSet<int> counted;
      for (auto [input, result] : llvm::zip_equal(op.getOperands(), op.getResults())) {
        Moved moved = rows.classify(input, result);
        double bytes = std::max(tensorBytes(tensorType(input)), tensorBytes(tensorType(result)));
        Plan::Collective &row = rows.at(moved, kind, Rows::regionOf(&op), axes);
        // Members of one call are one call, of whatever they are first.
        row.count += counted.insert(static_cast<int>(moved)).second ? runs : 0;
        row.bytes += static_cast<double>(runs) * bytesSent(kind, bytes, rows.mesh.sizeOf(axes));
      }
    }
  }
  return rows.take();
}

namespace {

/// Follows which values of a task each half of the samples has its own of.
class HalfValues {
public:
  HalfValues(func::FuncOp task, const Mesh &mesh) : half(mesh.indexOf(dist::halfAxis)), mesh(mesh) {
    for (BlockArgument argument : task.getArguments())
      if (auto attr = task.getArgAttrOfType<dist::ShardingAttr>(argument.getArgNumber(), dist::shardingAttr))
        if (half >= 0 && (*dist::fromAttr(mesh, attr))[half] >= 0)
          own.insert(argument);
  }

  void visit(Operation &op) {
    if (half < 0)
      return;
    auto reshard = dyn_cast<dist::ReshardOp>(op);
    ArrayAttr names = op.getAttrOfType<ArrayAttr>("axes");
    bool isOfHalves = names && llvm::is_contained(dist::axesOf(mesh, names), half);
    bool isOwn = reshard      ? (*dist::fromAttr(mesh, reshard.getTo()))[half] != dist::Sharding::Whole
                 : isOfHalves ? isa<dist::AxisIndexOp, dist::LocalSliceOp>(op)
                              : llvm::any_of(op.getOperands(), [&](Value value) { return own.contains(value); });
    if (isOwn)
      own.insert(op.result_begin(), op.result_end());
  }
  bool isOwn(Value value) const { return own.contains(value); }

private:
  int64_t half;
  const Mesh &mesh;
  llvm::DenseSet<Value> own;
};

} // namespace

std::vector<Plan::Collective> weft::leastVolumeOf(ModuleOp partitioned) {
  Rows rows(partitioned);
  const Mesh &mesh = rows.mesh;
  CheapestReshards cheapest(reshardMeshOf(mesh));
  auto add = [&](Moved moved, StringRef kind, const std::string &region, ArrayRef<int64_t> axes, double bytes) {
    Plan::Collective &row = rows.at(moved, kind, region, axes);
    row.leastBytes = row.leastBytes.value_or(0) + bytesSent(kind, bytes, mesh.sizeOf(axes));
  };
  for (func::FuncOp task : partitioned.getOps<func::FuncOp>()) {
    auto runs = static_cast<double>(rows.runsOf(task));
    if (runs == 0)
      continue;
    HalfValues halves(task, mesh);
    // What a tensor has been through, by region: two reshards of it begin with the same once.
    std::set<std::tuple<void *, std::string, std::vector<HeldAs>>> sent;
    for (Operation &op : task.getBody().front()) {
      halves.visit(op);
      std::string region = Rows::regionOf(&op);
      if (auto reshard = dyn_cast<dist::ReshardOp>(op)) {
        Moved moved = rows.classify(reshard.getInput(), reshard.getResult());
        RankedTensorType whole = reshard.wholeType(mesh);
        std::vector<HeldAs> way;
        for (const ReshardStep &step :
             cheapest.find(heldAs(*dist::fromAttr(mesh, reshard.getFrom())),
                           heldAs(*dist::fromAttr(mesh, reshard.getTo())), whole.getShape())) {
          way.push_back(step.after);
          bool isNew = sent.insert({reshard.getInput().getAsOpaquePointer(), region, way}).second;
          if (isNew && step.isCollective())
            add(moved, step.name(), region, step.axes,
                runs * static_cast<double>(step.elements) *
                    static_cast<double>(bytesOfType(exec::dtypeName(whole.getElementType()))));
        }
        continue;
      }
      // Maxima and the like are combined where they are.
      ArrayAttr names;
      StringRef kind = kindOf(&op, names);
      if (kind.empty())
        continue;
      SmallVector<int64_t> axes = dist::axesOf(mesh, names);
      bool areTogether = llvm::is_contained(axes, mesh.indexOf(dist::halfAxis));
      llvm::erase(axes, mesh.indexOf(dist::halfAxis));
      for (auto [input, result] : llvm::zip_equal(op.getOperands(), op.getResults()))
        if (!axes.empty())
          add(rows.classify(input, result), kind, region, axes,
              runs * (halves.isOwn(input) && !areTogether ? 2 : 1) *
                  static_cast<double>(tensorBytes(tensorType(input))));
    }
  }
  return rows.take();
}

namespace {

struct RecordReshards : weft::impl::RecordReshardsBase<RecordReshards> {
  RecordReshards() = default;
  explicit RecordReshards(std::vector<Plan::Collective> &into) : into(&into) {}
  void runOnOperation() override {
    std::vector<Plan::Collective> least = leastVolumeOf(getOperation());
    if (into)
      *into = std::move(least);
    else
      for (const Plan::Collective &c : least)
        getOperation().emitRemark() << c.of << ": " << c.kind << " over [" << llvm::join(c.axes, ", ") << "] in "
                                    << c.region << ", at least " << static_cast<int64_t>(*c.leastBytes) << " bytes";
    markAllAnalysesPreserved();
  }

private:
  std::vector<Plan::Collective> *into = nullptr;
};

struct RecordVolume : weft::impl::RecordVolumeBase<RecordVolume> {
  RecordVolume() = default;
  explicit RecordVolume(std::vector<Plan::Collective> &into) : into(&into) {}
  void runOnOperation() override {
    std::vector<Plan::Collective> volume = volumeOf(getOperation());
    if (into) {
      mergeInto(std::move(volume));
      return markAllAnalysesPreserved();
    }
    for (const Plan::Collective &c : volume)
      getOperation().emitRemark() << c.of << ": " << c.count << " " << c.kind << " over [" << llvm::join(c.axes, ", ")
                                  << "] in " << c.region << ", " << static_cast<int64_t>(c.bytes) << " bytes";
    markAllAnalysesPreserved();
  }

private:
  /// Beside what is there of the reshards.
  void mergeInto(std::vector<Plan::Collective> volume) {
    std::vector<Plan::Collective> least = std::move(*into);
    for (Plan::Collective &row : least) {
      auto same = llvm::find_if(volume, [&](const Plan::Collective &other) {
        return row.of == other.of && row.kind == other.kind && row.region == other.region && row.axes == other.axes;
      });
      if (same != volume.end())
        same->leastBytes = row.leastBytes;
      else
        volume.push_back(std::move(row));
    }
    *into = std::move(volume);
  }

  std::vector<Plan::Collective> *into = nullptr; ///< null: remarks
};

} // namespace

std::unique_ptr<Pass> weft::createRecordReshardsPass(std::vector<Plan::Collective> &into) {
  return std::make_unique<RecordReshards>(into);
}

std::unique_ptr<Pass> weft::createRecordVolumePass(std::vector<Plan::Collective> &into) {
  return std::make_unique<RecordVolume>(into);
}
