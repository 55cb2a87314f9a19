//===- Theory.cpp - What collectives of parameters and gradients ought to move -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/TheorySums.h"

using namespace weft;
using namespace weft::theory;

//===----------------------------------------------------------------------===//
// Reshards
//===----------------------------------------------------------------------===//

/// The layout with those axes alone.
static Layout onlyOn(const Layout &layout, const std::set<std::string> &axes) {
  Layout result;
  for (const std::vector<std::string> &dim : layout.dims) {
    result.dims.emplace_back();
    llvm::copy_if(dim, std::back_inserter(result.dims.back()), [&](const std::string &a) { return axes.count(a); });
  }
  return result;
}

Theory::Axes Theory::axesOf(const Plan &plan) {
  Axes axes;
  for (llvm::StringRef axis : Plan::meshOrder(plan.prescaledBatch))
    if (plan.sizeOf(axis) > 1)
      axes.push_back(axis.str());
  return axes;
}

ReshardMesh Theory::reshardMesh(const Plan &plan, const Axes &mesh) {
  ReshardMesh result;
  for (const std::string &axis : mesh)
    result.sizes.push_back(plan.sizeOf(axis));
  for (const Plan::Axis &axis : plan.axes)
    if (auto it = llvm::find(mesh, axis.name); it != mesh.end())
      result.order.push_back(it - mesh.begin());
  return result;
}

std::vector<Step> Theory::reshard(const Layout &from, const Axes &over, const Layout &to,
                                  const std::vector<int64_t> &shape) {
  auto heldAs = [&](const Layout &layout) {
    HeldAs held;
    for (const std::string &axis : mesh) {
      auto dim = llvm::find_if(layout.dims, [&](const Axes &axes) { return llvm::is_contained(axes, axis); });
      held.push_back(dim == layout.dims.end() ? kHeldWhole : static_cast<int8_t>(dim - layout.dims.begin()));
    }
    return held;
  };
  HeldAs before = heldAs(from);
  for (auto [how, axis] : llvm::zip_equal(before, mesh))
    if (llvm::is_contained(over, axis))
      how = kHeldUnreduced;
  std::vector<Step> steps;
  for (const ReshardStep &step : cheapest.find(before, heldAs(to), shape)) {
    if (!step.isCollective())
      continue;
    Step named{step.name().str(), {}, step.elements};
    for (int64_t axis : step.axes)
      named.axes.push_back(mesh[axis]);
    steps.push_back(std::move(named));
  }
  return steps;
}

//===----------------------------------------------------------------------===//
// Parameters and gradients
//===----------------------------------------------------------------------===//

/// What is updated in parts is put together for storage. The parts of what is stored are slices, unless an axis that
/// cuts it is minor to one that does not.
void Theory::storage(const Plan::Parameter &p) {
  if (!p.trained || p.stored.cuts("shard") || !p.states.cuts("shard"))
    return;
  auto width = static_cast<double>(bytesOfType(p.dtype));
  move("parameters", "update", reshard(p.states, {}, p.stored, p.shape), 1, width);
  if (facts.uses.lookup(p.name).update)
    move("parameters", "update", reshard(p.stored, {}, p.states, p.shape), 1, width);
}

/// A parameter that is stored in parts is whole on `shard` where it is used, and on `tp` where it is gathered for a
/// product. Uses of a region that need it alike have one reshard, and reshards what they begin with alike.
void Theory::reads(const Plan::Parameter &p, const char *region, llvm::ArrayRef<bool> areGathered) {
  std::set<Step> steps;
  auto need = [&](const Layout &layout) {
    for (Step &step : reshard(p.stored, {}, layout, p.shape))
      steps.insert(std::move(step));
  };
  if (areGathered.empty() || llvm::is_contained(areGathered, false))
    need(onlyOn(p.stored, {"tp"}));
  if (llvm::is_contained(areGathered, true))
    need({});
  move("parameters", region, {steps.begin(), steps.end()}, times, static_cast<double>(bytesOfType(p.dtype)));
}

/// What is cut as `from` says and is a sum over axes ends as `to` says.
void Theory::reduce(const Plan::Parameter &p, const char *region, const Axes &over, const Layout &from,
                    const Layout &to, double times, double width) {
  // What was not summed up stays as it is.
  std::set<std::string> known(over.begin(), over.end());
  for (const Axes &axes : from.dims)
    known.insert(axes.begin(), axes.end());
  move("gradients", region, reshard(from, over, onlyOn(to, known), p.shape), times, width);
}

/// Of a slice the sum is reduced before the rest is filled with zeros, on the axes where that is not more: where the
/// gradient ends whole on an axis, or cut along a dimension that the slice has all of. Takes them from `over`, and
/// returns how the gradient lies then.
Layout Theory::slice(const Plan::Parameter &p, const StepFacts::Use &use, const Layout &from, Axes &over,
                     double width) {
  Plan::Parameter part = p;
  part.shape = use.sliced;
  // Of positions that are cut on `tp` each rank has its own, which are put together at last.
  bool hasOwn = plan.sequenceParallel && !p.stored.cuts("tp") && use.rows > 0 && llvm::is_contained(over, "tp");
  if (hasOwn) {
    llvm::erase(over, "tp");
    add("gradients", "all_gather", "backward", axesOf({"tp"}), times,
        static_cast<double>(plan.heldOf(from, part.shape)) * padded(use.rows) * width);
    part.shape[0] = llvm::divideCeil(use.rows, plan.sizeOf("tp"));
  }
  auto elements = static_cast<double>(plan.heldOf(from, part.shape));
  double all = static_cast<double>(plan.heldOf(from, p.shape));
  auto held = static_cast<double>(plan.heldOf(p.gradients, p.shape)); // what is left where the gradient ends
  std::set<std::string> kept = {"tp"};
  auto cutDim = [&](const std::string &axis) {
    return llvm::find_if(p.gradients.dims, [&](const Axes &axes) { return llvm::is_contained(axes, axis); }) -
           p.gradients.dims.begin();
  };
  auto isScattered = [&](const std::string &axis) {
    auto dim = static_cast<size_t>(cutDim(axis));
    return dim < p.gradients.dims.size() && part.shape[dim] == p.shape[dim];
  };
  for (const std::string &axis : over)
    if (isScattered(axis))
      kept.insert(axis);
  auto left = static_cast<double>(plan.heldOf(onlyOn(p.gradients, kept), part.shape));
  Axes early;
  for (const std::string &axis : over) {
    bool isCut = p.gradients.cuts(axis);
    bool isLess = isCut ? bytesSent("all_reduce", elements, 2) <= bytesSent("reduce_scatter", all, 2) : left <= held;
    if (isScattered(axis) || isLess)
      early.push_back(axis);
  }
  llvm::erase_if(over, [&](const std::string &axis) { return llvm::is_contained(early, axis); });
  Layout to = onlyOn(p.gradients, kept);
  reduce(part, "backward", early, from, to, times, width);
  kept.insert(early.begin(), early.end());
  return onlyOn(p.gradients, kept);
}

/// A gradient of a micro-batch is a sum over samples, and over what else the ranks of `tp` have parts of. What
/// activations' gradients are made of too cannot wait for other micro-batches.
void Theory::gradient(const Plan::Parameter &p, llvm::ArrayRef<bool> areGathered, bool isKept) {
  StepFacts::Use use = facts.uses.lookup(p.name);
  auto width = static_cast<double>(use.norm ? std::max<int64_t>(bytesOfType(p.dtype), 4) : bytesOfType(p.dtype));
  if (use.shared > 0)
    width = use.shared / static_cast<double>(plan.heldOf({}, p.shape));
  bool isCut = p.stored.cuts("tp"), isGathered = llvm::is_contained(areGathered, true);
  // What has no positions is the same on all ranks that cut them.
  bool isSumOnTp = (isCutBetween() && (use.isBetween || !plan.sequenceParallel)) || use.isOfHeads ||
                   (use.isOfShared && !isCutBetween());
  Axes now;
  for (const std::string &axis : mesh)
    if (axis == "tp" ? isCut ? isGathered : isSumOnTp
                     : plan.microbatches == 1 || use.shared > 0 || !p.gradients.isUnreduced(axis))
      now.push_back(axis);
  Layout cut = onlyOn(p.stored, {"tp"});
  // Computed where it is stored, of all samples.
  if (isKept) {
    llvm::erase(now, "shard");
    cut = onlyOn(p.gradients, {"tp", "shard"});
  }
  if (!use.sliced.empty())
    cut = slice(p, use, cut, now, width);
  // Of two products' sums that lie differently on `tp`, one is scattered there before they are added.
  if (isGathered && llvm::is_contained(areGathered, false)) {
    reduce(p, "backward", {"tp"}, {}, cut, times, width);
    llvm::erase(now, "tp");
    isGathered = false;
  }
  if (isGathered)
    cut = isKept ? onlyOn(p.gradients, {"shard"}) : Layout();
  reduce(p, "backward", now, cut, p.gradients, times, width);
}

/// What stays a sum until the update is reduced there, once.
void Theory::late(const Plan::Parameter &p) {
  Axes axes;
  for (const std::string &axis : mesh)
    if (plan.microbatches > 1 && p.gradients.isUnreduced(axis))
      axes.push_back(axis);
  auto summed = static_cast<double>(std::max(bytesOfType(p.dtype), facts.accumulatorBytes));
  reduce(p, "update", axes, p.gradients, p.states, 1, summed);
}

void Theory::parameters() {
  llvm::StringMap<std::vector<const StepFacts::Product *>> products;
  for (const StepFacts::Product &product : facts.products)
    products[product.parameter].push_back(&product);
  std::set<std::tuple<int64_t, Axes, std::vector<Axes>>> reduced; // gradients, and to what
  for (const Plan::Parameter &p : plan.parameters) {
    StepFacts::Use use = facts.uses.lookup(p.name);
    llvm::SmallVector<bool, 2> forward, ofData, ofWeight;
    bool isForwardKept = true, isDataKept = true, isWeightKept = true; // at all products
    for (const StepFacts::Product *product : products.lookup(p.name)) {
      isForwardKept &= isKept(*product, &Plan::GatheredWeight::forward);
      isDataKept &= !product->hasDataGradient || isKept(*product, &Plan::GatheredWeight::dataGradient);
      isWeightKept &= !product->hasWeightGradient || isKept(*product, &Plan::GatheredWeight::weightGradient);
      forward.push_back(isGathered(*product, &Plan::GatheredWeight::forward));
      if (product->hasDataGradient)
        ofData.push_back(isGathered(*product, &Plan::GatheredWeight::dataGradient));
      if (product->hasWeightGradient)
        ofWeight.push_back(isGathered(*product, &Plan::GatheredWeight::weightGradient));
    }
    if (use.forward && !(isForwardKept && !forward.empty()))
      reads(p, "forward", forward);
    // Scaled as its gradient lies, if that is a part of what activations' gradients are made of.
    if (use.backward && !(use.shared > 0 && p.gradients.cuts("shard")) && !(isDataKept && !ofData.empty()))
      reads(p, "backward", ofData);
    if (p.trained &&
        (use.gradient < 0 || reduced.insert({use.gradient, p.gradients.unreduced, p.gradients.dims}).second))
      gradient(p, ofWeight,
               ofWeight.empty() ? isAmong(kept, p.name, "", &Plan::GatheredWeight::weightGradient) : isWeightKept);
  }
}

//===----------------------------------------------------------------------===//
// A step
//===----------------------------------------------------------------------===//

void Theory::run() {
  std::vector<std::pair<llvm::StringRef, double>> kinds = {{"all", 1}};
  if (plan.microbatches > 1)
    kinds = {{"first", 1}, {"later", static_cast<double>(plan.microbatches - 1)}};
  for (auto [name, number] : kinds) {
    microbatches = name;
    times = number;
    parameters();
    products();
    ends();
    repeatedHeads();
    whereStored();
    statistics();
    sampleSums();
  }
  for (const Plan::Parameter &p : plan.parameters) {
    storage(p);
    if (p.trained)
      late(p);
  }
  numbers();
}

/// Sum and count of the loss, and the gradients' squares.
void Theory::numbers() {
  std::vector<std::string> cut;
  for (const std::string &axis : mesh)
    if (llvm::any_of(plan.parameters, [&](const Plan::Parameter &p) { return p.trained && p.states.cuts(axis); }))
      cut.push_back(axis);
  std::vector<std::string> samples =
      plan.prescaledBatch ? axesOf({"shard", "replica"}) : axesOf({"shard", "replica", "tp"});
  add("numbers", "all_reduce", "forward", samples, static_cast<double>(plan.microbatches), facts.numbers);
  add("numbers", "all_reduce", "update", cut, 1, 8);
}

void weft::addTheory(Plan &plan, const StepFacts &facts) {
  Theory theory(plan, facts);
  theory.run();
  for (Plan::Collective &c : plan.collectives) {
    auto it = theory.sums.find({c.of, c.kind, c.region, c.axes});
    if (it == theory.sums.end())
      continue;
    c.theory = it->second;
    theory.sums.erase(it);
  }
  for (const auto &[key, bytes] : theory.sums) {
    const auto &[of, kind, region, axes] = key;
    plan.collectives.push_back({of, kind, region, axes, 0, 0, bytes, std::nullopt});
  }
}
