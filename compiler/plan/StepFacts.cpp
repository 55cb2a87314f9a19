//===- StepFacts.cpp - Finds what theory needs to know of a step -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/StepFacts.h"
#include "dialects/weft/Build.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "passes/shard/FindCuts.h"
#include "passes/shard/Products.h"
#include "passes/shard/Region.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace weft;

static std::vector<int64_t> shapeOf(RankedTensorType type) { return type.getShape().vec(); }

func::FuncOp weft::firstTask(ModuleOp module) {
  for (StringRef name : {"task_step", "task_first"})
    if (auto task = module.lookupSymbol<func::FuncOp>(name))
      return task;
  return *module.getOps<func::FuncOp>().begin();
}

/// Bytes of the sums over samples that make up what a task reports of its loss.
static double lossNumbersOf(ModuleOp train, func::FuncOp task) {
  SmallVector<Value> worklist;
  for (WriteOp write : task.getOps<WriteOp>())
    if (auto state = train.lookupSymbol<StateOp>(write.getSymbol()); state && state.getKind() == StateKind::metric)
      worklist.push_back(write.getValue());
  llvm::SmallDenseSet<Value> seen;
  double bytes = 0;
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    Operation *op = value.getDefiningOp();
    if (!op || !seen.insert(value).second)
      continue;
    if (isa<ReduceOp>(op) && regionOf(op->getLoc()) == "forward")
      bytes += static_cast<double>(tensorBytes(tensorType(value)));
    else if (!isa<ReduceOp>(op) && tensorType(value).getRank() == 0)
      llvm::append_range(worklist, op->getOperands());
  }
  return bytes;
}

/// Numbers the gradients.
static void numberGradients(ModuleOp train, func::FuncOp task, StepFacts &facts) {
  DenseMap<Value, int64_t> numbers;
  for (Operation &op : task.getBody().front())
    for (OpOperand &operand : op.getOpOperands())
      if (auto use = facts.uses.find(parameterOfGradient(train, operand)); use != facts.uses.end())
        use->second.gradient = numbers.try_emplace(operand.get(), numbers.size()).first->second;
}

namespace {

/// What becomes of a sum over samples.
struct SumUses {
  bool isOfActivations = false;
  std::string parameter; ///< of which it is in the gradient
};

} // namespace

/// Follows a sum through what is computed of it alone, element by element.
static void follow(ModuleOp train, Value sum, SumUses &uses, llvm::SmallDenseSet<Operation *> &seen) {
  for (OpOperand &use : sum.getUses()) {
    Operation *user = use.getOwner();
    if (!seen.insert(user).second)
      continue;
    if (isa<BroadcastOp>(user)) {
      uses.isOfActivations = true;
    } else if (StringRef parameter = parameterOfGradient(train, use); !parameter.empty()) {
      uses.parameter = parameter.str();
    } else if (user->hasTrait<OpTrait::Elementwise>() || isa<ReshapeOp>(user)) {
      for (Value result : user->getResults())
        if (tensorType(result).getNumElements() == tensorType(sum).getNumElements())
          follow(train, result, uses, seen);
    }
  }
}

/// Sums over all samples, one for each channel, of which activations, or their gradients, are made.
static void findSampleSums(ModuleOp train, func::FuncOp task, StepFacts &facts) {
  int64_t samples = task.getNumArguments() ? tensorType(task.getArgument(0)).getDimSize(0) : 0;
  for (auto reduce : task.getOps<ReduceOp>()) {
    RankedTensorType type = tensorType(reduce.getResult());
    if (reduce.getKind() != ReduceKind::sum || !llvm::is_contained(reduce.getDims(), 0) || type.getRank() != 1 ||
        tensorType(reduce.getInput()).getDimSize(0) != samples)
      continue;
    SumUses uses;
    llvm::SmallDenseSet<Operation *> seen;
    follow(train, reduce.getResult(), uses, seen);
    auto bytes = static_cast<double>(tensorBytes(type));
    bool isForward = regionOf(reduce.getLoc()) == "forward"; // what is computed there is in gradients as a factor
    auto use = isForward ? facts.uses.end() : facts.uses.find(uses.parameter);
    if (use != facts.uses.end()) {
      use->second.norm |= type.getElementType().isF32();
      use->second.shared = uses.isOfActivations ? bytes : 0;
    } else if (uses.isOfActivations) {
      (isForward ? facts.sampleSums : facts.gradientSums) += bytes;
    }
  }
}

/// The product that makes logits, to which a bias may be added.
static Operation *productOf(Value logits) {
  Operation *op = sourceOf(logits).getDefiningOp();
  while (op && isa<arith::AddFOp>(op)) {
    Operation *left = sourceOf(op->getOperand(0)).getDefiningOp();
    op = left && !isa<BroadcastOp>(left) ? left : sourceOf(op->getOperand(1)).getDefiningOp();
  }
  return op;
}

/// Whether a slice has a row for each position of what is [batch, position, element].
static bool hasPositions(SliceOp slice) {
  return tensorType(slice.getResult()).getRank() == 2 && llvm::any_of(slice->getUsers(), [](Operation *user) {
           auto broadcast = dyn_cast<BroadcastOp>(user);
           return broadcast && broadcast.getDims() == ArrayRef<int64_t>{1, 2};
         });
}

/// The shapes of what norms read between blocks: [batch, position, element]. An encoder and a decoder have one each.
static std::vector<std::vector<int64_t>> shapesBetween(func::FuncOp task) {
  std::vector<std::vector<int64_t>> shapes;
  for (Operation &op : task.getBody().front())
    if (isa<LayerNormOp, RmsNormOp>(op) && tensorType(op.getOperand(0)).getRank() == 3 &&
        tensorType(op.getOperand(0)).getDimSize(1) > 1 && headsMadeOf(&op) == 0)
      if (std::vector<int64_t> shape = shapeOf(tensorType(op.getOperand(0))); !llvm::is_contained(shapes, shape))
        shapes.push_back(std::move(shape));
  return shapes;
}

/// Finds keys or values that are repeated for the queries' heads: [..., head, times, ...] made [..., head * times,
/// ...].
static void findRepeated(Value heads, llvm::SmallDenseSet<Value> &seen, StepFacts &facts) {
  auto reshape = heads.getDefiningOp<ReshapeOp>();
  auto broadcast = reshape ? reshape.getInput().getDefiningOp<BroadcastOp>() : BroadcastOp();
  if (!broadcast || !seen.insert(heads).second)
    return;
  SmallVector<int64_t> shape(tensorType(broadcast.getResult()).getShape());
  ArrayRef<int64_t> dims = broadcast.getDims();
  size_t added = 0;
  while (added < dims.size() && dims[added] == static_cast<int64_t>(added))
    ++added;
  if (dims.size() + 1 != shape.size() || added == 0 || added == dims.size())
    return;
  int64_t count = shape[added - 1];
  shape[added - 1] *= shape[added];
  shape.erase(shape.begin() + static_cast<ptrdiff_t>(added));
  if (tensorType(heads).getShape() == ArrayRef(shape))
    facts.repeated.push_back({count, static_cast<double>(tensorBytes(tensorType(heads)))});
}

/// Whether a change of shape makes samples and positions one dimension.
static bool isFlattened(RankedTensorType from, RankedTensorType to, ArrayRef<int64_t> between) {
  return !between.empty() && from.getRank() > 2 && from.getShape().take_front(2) == between.take_front(2) &&
         between[0] > 1 && between[1] > 1 && to.getRank() > 0 && to.getDimSize(0) == between[0] * between[1];
}

static bool isFlattening(Operation *op, ArrayRef<int64_t> between) {
  auto reshape = dyn_cast<ReshapeOp>(op);
  return reshape && isFlattened(tensorType(reshape.getInput()), tensorType(reshape.getResult()), between);
}

/// Whether all that reads what an op makes in the forward pass is flat.
static bool isOnlyFlattened(Operation *op, ArrayRef<int64_t> between) {
  auto users =
      llvm::make_filter_range(op->getUsers(), [](Operation *user) { return regionOf(user->getLoc()) == "forward"; });
  return !users.empty() && llvm::all_of(users, [&](Operation *user) { return isFlattening(user, between); });
}

/// What the formulas need to know of where positions begin and end.
static void findEnds(func::FuncOp task, ArrayRef<std::vector<int64_t>> betweens, StepFacts &facts) {
  auto isBetween = [&](ArrayRef<int64_t> shape) { return llvm::is_contained(betweens, shape.vec()); };
  auto hasRows = [&](ArrayRef<int64_t> shape) {
    return llvm::any_of(betweens, [&](ArrayRef<int64_t> between) { return shape == between.take_front(2); });
  };
  llvm::SmallDenseSet<Value> seen;
  for (Operation &op : task.getBody().front()) {
    auto dot = dyn_cast<DotGeneralOp>(op);
    if (regionOf(op.getLoc()) == "forward" && (isa<AttentionOp>(op) || (dot && !dot.getLhsBatch().empty())))
      for (Value operand : op.getOperands())
        findRepeated(operand, seen, facts);
    if (int64_t heads = regionOf(op.getLoc()) == "forward" ? headsMadeOf(&op) : 0) {
      RankedTensorType type = tensorType(op.getOperand(0));
      double rows = 4.0 * static_cast<double>(type.getNumElements() / type.getShape().back());
      facts.headNorms.push_back({heads, isa<LayerNormOp>(op) ? 2 * rows : rows}); // of a mean besides
    }
    if (regionOf(op.getLoc()) != "forward" || !isa<SliceOp, ConcatOp, CumsumOp>(op))
      continue;
    RankedTensorType from = tensorType(op.getOperand(0)), to = tensorType(op.getResult(0));
    if (isa<SliceOp>(op) && isBetween(from.getShape()) && 2 * to.getDimSize(1) <= from.getDimSize(1))
      facts.tokens += static_cast<double>(tensorBytes(to));
    // All of an input is there.
    bool isInput = isa<CumsumOp>(op) && isa<BlockArgument>(sourceOf(op.getOperand(0)));
    if (isa<CumsumOp>(op) && hasRows(from.getShape()) && !isInput)
      facts.counted += static_cast<double>(tensorBytes(from));
    if (auto concat = dyn_cast<ConcatOp>(op); concat && isBetween(to.getShape()) && concat.getDim() == 1)
      facts.joined += static_cast<double>(tensorBytes(to));
  }
}

/// Whether an op, or what only changes the shape of what it makes, makes something that has all positions.
static bool hasPositions(Operation *op, ArrayRef<int64_t> between) {
  // Parts along the positions are put together: each has some.
  if (isa<ConcatOp>(op))
    return false;
  // Experts may come before them.
  ArrayRef<int64_t> shape = tensorType(op->getResult(0)).getShape();
  for (size_t dim = 0; dim + 2 < shape.size(); ++dim)
    if (shape.slice(dim, 2) == between.take_front(2))
      return true;
  // One is added to the scale of some norms.
  bool isOfParameter = op->hasTrait<OpTrait::Elementwise>() && shape.size() < 2;
  return (isOfParameter || isa<ReshapeOp, TransposeOp, SliceOp, BroadcastOp>(op)) &&
         llvm::any_of(op->getUsers(),
                      [&](Operation *user) { return user->getNumResults() > 0 && hasPositions(user, between); });
}

/// Whether an op normalises each head of queries or keys: [batch, position, head, element], or heads before positions.
static bool isOfHeads(Operation *op, ArrayRef<int64_t> between) {
  // One is added to the scale of some norms.
  if (op->hasTrait<OpTrait::Elementwise>() && tensorType(op->getResult(0)).getRank() < 2)
    return llvm::any_of(op->getUsers(), [&](Operation *user) { return isOfHeads(user, between); });
  if (!isa<LayerNormOp, RmsNormOp>(op) || between.empty())
    return false;
  ArrayRef<int64_t> shape = tensorType(op->getOperand(0)).getShape();
  bool areLast = shape.size() == 4 && shape[1] == between[1] && shape[2] > 1,
       areFirst = shape.size() == 4 && shape[2] == between[1] && shape[1] > 1;
  return (areLast || areFirst) && shape[0] == between[0];
}

/// What has been normalised without a scale, if a value is that with scale and shift by parameters; else null.
static Value normalizedOf(Value value) {
  auto isOfParameter = [](Value other) {
    auto broadcast = other.getDefiningOp<BroadcastOp>();
    return broadcast && broadcast.getInput().getDefiningOp<ReadOp>();
  };
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<arith::AddFOp, arith::MulFOp>(op))
      break;
    if (isOfParameter(op->getOperand(1)))
      value = op->getOperand(0);
    else if (isOfParameter(op->getOperand(0)))
      value = op->getOperand(1);
    else
      break;
  }
  auto norm = value.getDefiningOp<LayerNormOp>();
  return norm && !norm.getGamma() ? value : Value();
}

/// Finds what is normalised once for several scales, for products that read one each.
static void findShared(ArrayRef<WeightProduct> products, StepFacts &facts) {
  llvm::MapVector<Value, llvm::SmallDenseSet<Value>> scaled;
  DenseMap<Value, SmallVector<size_t>> readers;
  for (auto [i, product] : llvm::enumerate(products))
    if (Value normalized = product.input ? normalizedOf(product.input) : Value()) {
      scaled[normalized].insert(product.input);
      readers[normalized].push_back(i);
    }
  for (auto &[normalized, inputs] : scaled) {
    if (inputs.size() < 2)
      continue;
    int64_t number = static_cast<int64_t>(readers[normalized].front());
    for (size_t i : readers[normalized])
      facts.products[i].shared = number;
    // The parameters that scale and shift it.
    SmallVector<Value> worklist = {normalized};
    while (!worklist.empty())
      for (Operation *user : worklist.pop_back_val().getUsers()) {
        if (!isa<arith::AddFOp, arith::MulFOp>(user) || regionOf(user->getLoc()) != "forward")
          continue;
        for (Value operand : user->getOperands())
          if (auto broadcast = operand.getDefiningOp<BroadcastOp>())
            if (auto read = broadcast.getInput().getDefiningOp<ReadOp>()) {
              if (auto use = facts.uses.find(read.getSymbol()); use != facts.uses.end())
                use->second.isOfShared = true;
              worklist.push_back(user->getResult(0));
            }
      }
  }
}

/// Bytes of a weight that is some of the units in which a parameter was declared ([unit, element, ...]); 0 if it is one
/// unit, or no such part.
static double bytesOfUnits(Value weight) {
  auto reshape = weight.getDefiningOp<ReshapeOp>();
  auto slice = reshape ? reshape.getInput().getDefiningOp<SliceOp>() : SliceOp();
  bool isOfUnits = slice && slice.getInput().getDefiningOp<ReadOp>() && tensorType(slice.getResult()).getRank() == 3 &&
                   tensorType(reshape.getResult()).getRank() == 2 && tensorType(slice.getResult()).getDimSize(0) > 1;
  return isOfUnits ? static_cast<double>(tensorBytes(tensorType(weight))) : 0;
}

StepFacts weft::factsOf(ModuleOp train) {
  StepFacts facts;
  func::FuncOp task = firstTask(train);
  std::vector<std::vector<int64_t>> betweens = shapesBetween(task);
  std::vector<int64_t> between = betweens.empty() ? std::vector<int64_t>() : betweens.front();
  if (!between.empty()) {
    facts.positions = between[1];
    findEnds(task, betweens, facts);
  }
  facts.numbers = lossNumbersOf(train, task);
  for (ReadOp read : task.getOps<ReadOp>()) {
    if (!train.lookupSymbol<ParamOp>(read.getSymbol()))
      continue;
    StepFacts::Use &use = facts.uses[read.getSymbol()];
    bool onlySliced = true;
    std::vector<int64_t> sliced;
    int64_t elements = 0;
    for (Operation *user : read->getUsers()) {
      StringRef region = regionOf(user->getLoc());
      use.forward |= region == "forward";
      use.backward |= region == "backward";
      use.isBetween |= region == "forward" &&
                       llvm::any_of(betweens, [&](ArrayRef<int64_t> shape) { return hasPositions(user, shape); });
      use.norm |= isa<LayerNormOp, RmsNormOp>(user);
      use.isOfHeads |= isOfHeads(user, between);
      auto slice = dyn_cast<SliceOp>(user);
      onlySliced &= slice || region == "update";
      if (slice) {
        sliced = shapeOf(tensorType(slice.getResult()));
        elements += tensorType(slice.getResult()).getNumElements();
      }
      use.rows = slice && hasPositions(slice) ? tensorType(slice.getResult()).getDimSize(0) : use.rows;
    }
    // Of a parameter in parts that are all read, the gradient is put together.
    if (onlySliced && elements < tensorType(read.getResult()).getNumElements())
      use.sliced = sliced;
  }
  for (func::FuncOp any : train.getOps<func::FuncOp>())
    for (ReadOp read : any.getOps<ReadOp>())
      if (auto use = facts.uses.find(read.getSymbol()); use != facts.uses.end())
        use->second.update |=
            llvm::any_of(read->getUsers(), [](Operation *user) { return regionOf(user->getLoc()) == "update"; });
  numberGradients(train, task, facts);
  DenseMap<Operation *, int64_t> places;
  llvm::SmallDenseSet<Operation *> heads;
  for (Operation &op : task.getBody().front()) {
    places[&op] = places.size();
    if (auto loss = dyn_cast<CrossEntropyOp>(op)) {
      RankedTensorType type = tensorType(loss.getLogits());
      heads.insert(productOf(loss.getLogits()));
      facts.labels = static_cast<double>(tensorBytes(tensorType(loss.getLabels())));
      facts.rows = 4.0 * static_cast<double>(type.getNumElements() / type.getShape().back());
    }
  }
  auto bytesOf = [](Value value) { return static_cast<double>(tensorBytes(tensorType(value))); };
  DenseMap<Value, int64_t> inputs;
  DenseMap<Operation *, int64_t> makers;
  std::vector<WeightProduct> products = findWeightProducts(task);
  for (const WeightProduct &product : products) {
    StepFacts::Product fact{product.parameter, product.layer, {}};
    llvm::append_range(fact.summed, summedDims(product));
    if (product.input) {
      fact.input = inputs.try_emplace(product.input, inputs.size()).first->second;
      fact.inputBytes = bytesOf(product.input);
    } else if (auto lookup = dyn_cast<GatherOp>(product.forward.op)) {
      fact.chosenBy = inputs.try_emplace(lookup.getIndices(), inputs.size()).first->second;
      fact.hasSamples = !matchPattern(lookup.getIndices(), m_Constant());
      fact.inputBytes = bytesOf(lookup.getIndices());
    }
    if (product.cotangent)
      fact.cotangent = inputs.try_emplace(product.cotangent, inputs.size()).first->second;
    fact.outputBytes = bytesOf(product.forward.op->getResult(0));
    // What is between blocks is [batch, position, element].
    RankedTensorType type = tensorType(product.forward.op->getResult(0));
    bool isBetween = type.getRank() > 2 &&
                     llvm::any_of(betweens, [&](ArrayRef<int64_t> shape) { return type.getDimSize(1) == shape[1]; });
    fact.positions = isBetween ? type.getDimSize(1) : 0;
    fact.hasDataGradient = product.dataGradient.op != nullptr;
    fact.hasWeightGradient = product.weightGradient.op != nullptr;
    fact.turn = places.lookup(product.dataGradient.op);
    fact.isOutputReadAgain = llvm::any_of(product.forward.op->getUsers(),
                                          [](Operation *user) { return regionOf(user->getLoc()) == "backward"; });
    fact.unitBytes = bytesOfUnits(product.forward.op->getOperand(product.forward.tensor));
    fact.isHead = heads.contains(product.forward.op);
    fact.isWidened = llvm::any_of(product.forward.op->getUsers(), [](Operation *user) {
      return isa<arith::ExtFOp>(user) && regionOf(user->getLoc()) == "forward";
    });
    fact.isFlat = isOnlyFlattened(product.forward.op, between);
    makers[product.forward.op] = facts.products.size();
    facts.products.push_back(std::move(fact));
  }
  findShared(products, facts);
  findSampleSums(train, task, facts);
  llvm::SmallDenseSet<Value> seen;
  for (auto reshape : task.getOps<ReshapeOp>()) {
    if (regionOf(reshape.getLoc()) != "forward")
      continue;
    if (isFlattened(tensorType(reshape.getResult()), tensorType(reshape.getInput()), between))
      facts.unflattened += bytesOf(reshape.getResult());
    Value source = reshape.getInput();
    if (!isFlattening(reshape, between) || bytesOfUnits(reshape.getResult()) > 0 || !seen.insert(source).second)
      continue;
    auto maker = makers.find(source.getDefiningOp());
    facts.flattened.push_back({inputs.try_emplace(source, inputs.size()).first->second,
                               maker == makers.end() ? -1 : maker->second, bytesOf(source)});
  }
  return facts;
}
