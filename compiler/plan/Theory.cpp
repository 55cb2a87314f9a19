//===- Theory.cpp - What collectives ought to move -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/Theory.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <map>
#include <set>

using namespace weft;

namespace {

/// One collective of a reshard.
struct Step {
  std::vector<std::string> axes;
  int64_t elements = 0; ///< of the larger side

  bool operator<(const Step &other) const { return std::tie(axes, elements) < std::tie(other.axes, other.elements); }
};

/// Sums up the formulas of one plan.
class Theory {
public:
  Theory(const Plan &plan, const StepFacts &facts) : plan(plan), facts(facts) {
    for (llvm::StringRef axis : Plan::meshOrder(plan.prescaledBatch))
      if (plan.sizeOf(axis) > 1)
        mesh.push_back(axis.str());
    for (const Plan::Parameter &p : plan.parameters)
      parameterOf[p.name] = &p;
    for (const Plan::GatheredWeight &weight : plan.gathered)
      (weight.isWhereStored ? kept : gathered)[{weight.parameter, weight.layer}].push_back(&weight);
  }

  using Key = std::tuple<std::string, std::string, std::string, std::vector<std::string>>;
  std::map<Key, double> sums; ///< by of, kind, region and axes

  void run();

private:
  using Axes = std::vector<std::string>;

  double sizeOf(const Axes &axes) const {
    double size = 1;
    for (const std::string &axis : axes)
      size *= static_cast<double>(plan.sizeOf(axis));
    return size;
  }
  /// Of the axes named, those that the mesh has, in its order.
  Axes axesOf(std::initializer_list<llvm::StringRef> names) const {
    Axes axes;
    for (const std::string &axis : mesh)
      if (llvm::is_contained(names, axis))
        axes.push_back(axis);
    return axes;
  }
  void add(const char *of, const char *kind, const char *region, const Axes &axes, double times, double bytes) {
    if (!axes.empty() && times > 0 && bytes > 0)
      sums[{of, kind, region, axes}] += times * bytesSent(kind, bytes, static_cast<int64_t>(sizeOf(axes)));
  }
  /// Ranks along axes that vary faster are nearer to one another.
  int64_t nearness(const std::string &axis) const {
    return llvm::find_if(plan.axes, [&](const Plan::Axis &a) { return a.name == axis; }) - plan.axes.begin();
  }
  /// As many axes of a dimension, from `begin` on, as one collective goes over: all but the first divide.
  Axes together(const Axes &axes, size_t begin, int64_t size) const;
  std::vector<Step> scatters(const Layout &to, const std::vector<int64_t> &shape, const Axes &over) const;
  std::vector<Step> gathers(const Layout &from, const std::vector<int64_t> &shape, const Axes &kept) const;

  void parameters();
  void storage(const Plan::Parameter &p);
  void reads(const Plan::Parameter &p, const char *region, llvm::ArrayRef<bool> areGathered);
  void gradient(const Plan::Parameter &p, llvm::ArrayRef<bool> areGathered, bool isKept);
  Layout slice(const Plan::Parameter &p, const StepFacts::Use &use, const Layout &from, Axes &over, double width);
  void late(const Plan::Parameter &p);
  void reduce(const Plan::Parameter &p, const char *region, const Axes &over, const Layout &from, const Layout &to,
              double times, double width);
  void products();
  void between(llvm::ArrayRef<const StepFacts::Product *> readers);
  void flat(const std::set<int64_t> &gatheredInputs);
  void ends();
  void repeatedHeads();
  void whereStored();
  void statistics();
  void sampleSums();
  void numbers();

  /// How many times its size something of so many indices takes in equal parts on `tp`.
  double padded(int64_t indices) const {
    int64_t parts = plan.sizeOf("tp");
    return indices > 0 ? static_cast<double>(llvm::divideCeil(indices, parts) * parts) / static_cast<double>(indices)
                       : 1;
  }
  /// The same, for what is between blocks.
  double paddedBetween(int64_t positions) const { return plan.sequenceParallel ? padded(positions) : 1; }
  double count(llvm::StringRef why) const {
    return static_cast<double>(llvm::count_if(plan.cuts, [&](const Plan::Cut &cut) { return cut.why == why; }));
  }
  /// What is between blocks is cut on `tp`. A model without norms of positions has nothing there.
  bool isCutBetween() const { return plan.sequenceParallel ? facts.positions > 0 : !plan.prescaledBatch; }
  /// What a product reads or makes between blocks is: one token of each sample has no positions.
  bool isCutAt(const StepFacts::Product &product) const {
    return plan.sequenceParallel ? product.positions > 0 : !plan.prescaledBatch;
  }
  using Weights = std::map<std::pair<std::string, std::string>, std::vector<const Plan::GatheredWeight *>>;
  bool isAmong(const Weights &weights, const std::string &parameter, const std::string &layer,
               bool Plan::GatheredWeight::*which) const {
    auto it = weights.find({parameter, layer});
    return it != weights.end() && llvm::any_of(it->second, [&](const Plan::GatheredWeight *weight) {
             return weight->*which && (weight->microbatches == "all" || weight->microbatches == microbatches);
           });
  }
  /// Whether the weight is gathered on `tp` at one of a product's three.
  bool isGathered(const StepFacts::Product &product, bool Plan::GatheredWeight::*which) const {
    return isAmong(gathered, product.parameter, product.layer, which);
  }
  /// Whether it is used, or its gradient computed, as `shard` cuts it.
  bool isKept(const StepFacts::Product &product, bool Plan::GatheredWeight::*which) const {
    return isAmong(kept, product.parameter, product.layer, which);
  }

  /// Whether, for one of a product's three, `shard` cuts the weight along what the product sums over.
  bool isSummedOnShard(const StepFacts::Product &product, bool Plan::GatheredWeight::*which) const {
    const Plan::Parameter &p = *parameterOf.lookup(product.parameter);
    bool isStored = p.stored.cuts("shard") && which != &Plan::GatheredWeight::weightGradient; // what is whole is sliced
    const Layout &layout = isStored ? p.stored : p.gradients;
    return llvm::any_of(product.summed, [&](int64_t dim) { return llvm::is_contained(layout.dims[dim], "shard"); });
  }
  /// Whether what the product reads, or makes, is moved to where `shard` has the weight before it is there whole.
  bool isMoved(const StepFacts::Product &product, bool Plan::GatheredWeight::*which, bool isRead) const {
    return isKept(product, which) &&
           (!plan.prescaledBatch || (plan.sequenceParallel && isSummedOnShard(product, which) == isRead));
  }

  const Plan &plan;
  const StepFacts &facts;
  Axes mesh;
  llvm::StringMap<const Plan::Parameter *> parameterOf;
  Weights gathered, kept;
  /// Micro-batches that are alike, and how many they are.
  llvm::StringRef microbatches;
  double times = 1;
};

} // namespace

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

Theory::Axes Theory::together(const Axes &axes, size_t begin, int64_t size) const {
  for (const std::string &axis : llvm::ArrayRef(axes).take_front(begin))
    size = llvm::divideCeil(size, plan.sizeOf(axis));
  Axes taken;
  for (const std::string &axis : llvm::ArrayRef(axes).drop_front(begin)) {
    if (!taken.empty() && size % plan.sizeOf(axis) != 0)
      break;
    taken.push_back(axis);
    size = llvm::divideCeil(size, plan.sizeOf(axis));
  }
  return taken;
}

/// A sum over axes becomes what `to` cuts on them: over near ranks first, so that what goes far is smallest.
std::vector<Step> Theory::scatters(const Layout &to, const std::vector<int64_t> &shape, const Axes &over) const {
  std::set<std::string> open(over.begin(), over.end()), cut;
  for (const Axes &dim : to.dims)
    for (const std::string &axis : dim)
      if (!open.count(axis))
        cut.insert(axis);
  std::vector<Step> steps;
  while (true) {
    std::optional<size_t> best;
    auto next = [&](size_t dim) { return llvm::find_if(to.dims[dim], [&](const auto &a) { return !cut.count(a); }); };
    for (size_t dim = 0; dim < to.dims.size(); ++dim)
      if (next(dim) != to.dims[dim].end() && (!best || nearness(*next(dim)) > nearness(*next(*best))))
        best = dim;
    if (!best)
      return steps;
    Step step{together(to.dims[*best], next(*best) - to.dims[*best].begin(), shape[*best]), 0};
    cut.insert(step.axes.begin(), step.axes.end());
    step.elements = plan.heldOf(onlyOn(to, cut), shape) * static_cast<int64_t>(sizeOf(step.axes));
    steps.push_back(std::move(step));
  }
}

/// What `from` cuts is put together but on the axes kept: over far ranks first, while parts are small.
std::vector<Step> Theory::gathers(const Layout &from, const std::vector<int64_t> &shape, const Axes &kept) const {
  std::set<std::string> cut;
  for (const Axes &dim : from.dims)
    cut.insert(dim.begin(), dim.end());
  std::vector<Step> steps;
  while (true) {
    Layout now = onlyOn(from, cut);
    // Axes that stay are in the way if one that is minor to them does not: they are gathered too, and cut again.
    auto staying = [&](const Axes &axes) {
      return llvm::find_if(axes, [&](const auto &a) { return !llvm::is_contained(kept, a); }) - axes.begin();
    };
    std::optional<size_t> best;
    for (size_t dim = 0; dim < now.dims.size(); ++dim)
      if (const Axes &axes = now.dims[dim]; staying(axes) < static_cast<ptrdiff_t>(axes.size()) &&
                                            (!best || nearness(axes.back()) < nearness(now.dims[*best].back())))
        best = dim;
    if (!best)
      return steps;
    const Axes &axes = now.dims[*best];
    auto begin = static_cast<size_t>(staying(axes));
    while (together(axes, begin, shape[*best]).size() != axes.size() - begin)
      ++begin;
    Step step{Axes(axes.begin() + static_cast<ptrdiff_t>(begin), axes.end()), 0};
    step.elements = plan.heldOf(now, shape) * static_cast<int64_t>(sizeOf(step.axes));
    for (const std::string &axis : step.axes)
      cut.erase(axis);
    steps.push_back(std::move(step));
  }
}

//===----------------------------------------------------------------------===//
// Parameters and gradients
//===----------------------------------------------------------------------===//

/// Of the axes that cut each dimension of `from`, those that cut it in `to` as well before any other.
static std::vector<std::string> commonAxes(const Layout &from, const Layout &to) {
  std::vector<std::string> common;
  for (auto [a, b] : llvm::zip(from.dims, to.dims))
    common.insert(common.end(), a.begin(), std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first);
  return common;
}

/// What is updated in parts is put together for storage. The parts of what is stored are slices, unless an axis that
/// cuts it is minor to one that does not.
void Theory::storage(const Plan::Parameter &p) {
  if (!p.trained || p.stored.cuts("shard") || !p.states.cuts("shard"))
    return;
  auto width = static_cast<double>(bytesOfType(p.dtype));
  for (const Step &step : gathers(p.states, p.shape, axesOf({"tp"})))
    add("parameters", "all_gather", "update", step.axes, 1, static_cast<double>(step.elements) * width);
  if (facts.uses.lookup(p.name).update)
    for (const Step &step : gathers(p.stored, p.shape, commonAxes(p.stored, p.states)))
      add("parameters", "all_gather", "update", step.axes, 1, static_cast<double>(step.elements) * width);
}

/// A parameter that is stored in parts is whole on `shard` where it is used, and on `tp` where it is gathered for a
/// product. Uses of a region that need it alike have one reshard, and reshards what they begin with alike.
void Theory::reads(const Plan::Parameter &p, const char *region, llvm::ArrayRef<bool> areGathered) {
  std::set<Step> steps;
  auto need = [&](const Axes &kept) {
    for (Step &step : gathers(p.stored, p.shape, kept))
      steps.insert(std::move(step));
  };
  bool isKept = areGathered.empty() || llvm::is_contained(areGathered, false);
  if (isKept)
    need(axesOf({"tp"}));
  if (llvm::is_contained(areGathered, true))
    need({});
  for (const Step &step : steps)
    add("parameters", "all_gather", region, step.axes, times,
        static_cast<double>(step.elements * bytesOfType(p.dtype)));
}

/// What is cut as `from` says and is a sum over axes ends as `to` says: scattered where that is cut, else reduced.
void Theory::reduce(const Plan::Parameter &p, const char *region, const Axes &over, const Layout &from,
                    const Layout &to, double times, double width) {
  Axes scattered, reduced;
  for (const std::string &axis : over)
    (to.cuts(axis) ? scattered : reduced).push_back(axis);
  int64_t held = plan.heldOf(from, p.shape);
  // What an axis cuts that is minor to one which is not there yet is put together before, and cut again.
  Axes staying = commonAxes(from, to);
  std::vector<Step> together = gathers(from, p.shape, staying);
  for (const Step &step : together)
    add("gradients", "all_gather", region, step.axes, times, static_cast<double>(step.elements) * width);
  std::set<std::string> known(scattered.begin(), scattered.end());
  known.insert(staying.begin(), staying.end());
  for (const Step &step : scatters(onlyOn(to, known), p.shape, scattered)) {
    add("gradients", "reduce_scatter", region, step.axes, times, static_cast<double>(step.elements) * width);
    held = together.empty() ? step.elements / static_cast<int64_t>(sizeOf(step.axes)) : held;
  }
  // What ends whole is summed before it is put together, or when it is in parts again: whichever is less.
  if (!together.empty())
    held = std::min(held, plan.heldOf(to, p.shape));
  add("gradients", "all_reduce", region, reduced, times, static_cast<double>(held) * width);
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
  bool isSumOnTp = (isCutBetween() && (use.isBetween || !plan.sequenceParallel)) || use.isOfHeads;
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
// Activations
//===----------------------------------------------------------------------===//

/// What products with one weight each send on `tp`. The weight is cut along what a product sums over, and the result
/// is a sum over ranks; or along a dimension of the result, and the gradient of what it reads is.
void Theory::products() {
  Axes tp = axesOf({"tp"});
  double data = sizeOf(axesOf({"shard", "replica"})), parts = sizeOf(tp);
  std::map<int64_t, std::vector<const StepFacts::Product *>> readers;
  std::set<int64_t> cotangents;                           // that are gathered already
  std::set<int64_t> sums;                                 // that are reduced already
  std::set<std::pair<llvm::StringRef, int64_t>> chosenBy; // what lookups choose by, gathered in a region
  for (const StepFacts::Product &product : facts.products) {
    const Plan::Parameter *p = parameterOf.lookup(product.parameter);
    if (tp.empty() || !p || !p->stored.cuts("tp"))
      continue;
    bool isLookup = product.input < 0,
         isSummed = llvm::any_of(
             product.summed, [&](int64_t dim) { return llvm::is_contained(p->stored.dims[dim], "tp"); });
    bool forward = isGathered(product, &Plan::GatheredWeight::forward),
         ofData = product.hasDataGradient && isGathered(product, &Plan::GatheredWeight::dataGradient),
         ofWeight = product.hasWeightGradient && isGathered(product, &Plan::GatheredWeight::weightGradient);
    double between = paddedBetween(product.positions), input = between * product.inputBytes / data,
           output = between * product.outputBytes / data, hidden = 1;
    for (auto [dim, axes] : llvm::enumerate(p->stored.dims))
      if (llvm::is_contained(axes, "tp"))
        hidden = padded(p->shape[dim]);
    auto exchange = [&](const char *region, double bytes, bool is) {
      if (is && !isLookup)
        add("activations", "all_to_all", region, tp, times, hidden * bytes / parts);
    };
    if (!isSummed) {
      readers[product.input].push_back(&product);
      exchange("forward", output, forward);
      exchange("backward", output, forward && product.isOutputReadAgain);
      exchange("backward", output, ofData || ofWeight);
      continue;
    }
    // Logits that are a sum end cut along the vocabulary, as the loss wants them.
    bool isCutOutput = (isCutAt(product) && !(product.isFlat && plan.sequenceParallel)) || product.isHead;
    // Sums that are parts of one sum, attention and MLP side by side, are added before: unless in a wider type, of
    // which one is as much as two of their own.
    if (!forward && (product.isWidened || product.cotangent < 0 || sums.insert(product.cotangent).second))
      add("activations", isCutOutput ? "reduce_scatter" : "all_reduce", "forward", tp, times, output);
    // Samples of others are looked up in a rank's rows too.
    auto gatherChoice = [&](const char *region) {
      if (isLookup && !plan.prescaledBatch && chosenBy.insert({region, product.chosenBy}).second)
        add("inputs", "all_gather", region, tp, times, product.inputBytes / data);
    };
    if (!forward && !isKept(product, &Plan::GatheredWeight::forward))
      gatherChoice("forward");
    if (product.hasWeightGradient && !ofWeight && !isKept(product, &Plan::GatheredWeight::weightGradient))
      gatherChoice("backward");
    exchange("forward", input, forward);
    exchange("backward", input, ofData);
    exchange("backward", input, ofWeight);
    bool isWanted =
        (product.hasDataGradient && !ofData && !isMoved(product, &Plan::GatheredWeight::dataGradient, false)) ||
        (product.hasWeightGradient && !ofWeight && !isMoved(product, &Plan::GatheredWeight::weightGradient, false));
    if (isCutOutput && isWanted && cotangents.insert(product.cotangent).second)
      add("activations", "all_gather", "backward", tp, times, output);
  }
  for (auto &[input, products] : readers)
    between(products);
  std::set<int64_t> gatheredInputs;
  for (auto &[input, products] : readers)
    if (isCutAt(*products.front()) && llvm::any_of(products, [&](const StepFacts::Product *p) {
          return !isGathered(*p, &Plan::GatheredWeight::forward);
        }))
      gatheredInputs.insert(input);
  flat(gatheredInputs);
}

/// Samples and positions that are one dimension are not cut along the positions: what they are made of is gathered,
/// unless products have gathered it already, or have left it whole; and so is the gradient of what is made of them.
void Theory::flat(const std::set<int64_t> &gatheredInputs) {
  if (!plan.sequenceParallel)
    return;
  double data = sizeOf(axesOf({"shard", "replica"})), pad = paddedBetween(facts.positions);
  for (const StepFacts::Flattened &tensor : facts.flattened) {
    const Plan::Parameter *p =
        tensor.product < 0 ? nullptr : parameterOf.lookup(facts.products[tensor.product].parameter);
    if (!gatheredInputs.count(tensor.value) && !(p && p->stored.cuts("tp")))
      add("activations", "all_gather", "forward", axesOf({"tp"}), times, pad * tensor.bytes / data);
  }
  add("activations", "all_gather", "backward", axesOf({"tp"}), times, pad * facts.unflattened / data);
}

/// Where what is cut along the positions begins and ends. A rank has the token that is read of all positions, and all
/// of them read it. What is put together of parts is cut, but its parts are not: neither are their gradients. What is
/// counted along the positions takes all of them.
void Theory::ends() {
  if (!plan.sequenceParallel)
    return;
  Axes tp = axesOf({"tp"});
  double data = sizeOf(axesOf({"shard", "replica"})), pad = paddedBetween(facts.positions);
  add("activations", "all_reduce", "forward", tp, times, facts.tokens / data);
  add("activations", "all_gather", "backward", tp, times, pad * facts.joined / data);
  add("activations", "all_gather", "forward", tp, times, pad * facts.counted / data);
}

/// Every rank of `tp` computes all keys and values, and takes the heads that it repeats. Their gradients come by heads,
/// and are put together; where what is between blocks is cut, both are moved from one cut to the other.
void Theory::repeatedHeads() {
  Axes tp = axesOf({"tp"});
  double bytes = paddedBetween(facts.positions) * facts.repeated / sizeOf(axesOf({"shard", "replica"}));
  if (!isCutBetween())
    return add("activations", "all_gather", "backward", tp, times, bytes);
  add("activations", "all_to_all", "forward", tp, times, bytes / sizeOf(tp));
  // Attention's gradient reads them again.
  add("activations", "all_to_all", "backward", tp, 2 * times, bytes / sizeOf(tp));
}

/// What products with weights that are used as `shard` cuts them send on it, where samples are cut. Along what a
/// product sums over, what it reads is moved to that cut, and what it makes is a sum; along what it makes, the other
/// way round.
void Theory::whereStored() {
  Axes shard = axesOf({"shard"}), samples = axesOf({"shard", "replica"});
  double far = sizeOf(axesOf({"replica"})), parts = sizeOf(shard), tp = sizeOf(axesOf({"tp"}));
  std::set<std::tuple<llvm::StringRef, int64_t, int64_t>> done; // region, tensor, and what it becomes
  enum { Whole = -1, Sum = -2, Cut = 0 };                       // cut: and along which dimension
  Axes behind = axesOf({"shard", "replica", "tp"});
  bool isBehind = false; // samples of what is moved are cut on `tp`, behind `shard`
  auto move = [&](const char *region, int64_t tensor, int64_t to, double bytes, const char *of = "activations") {
    if (tensor >= 0 && !done.insert({region, tensor, isBehind ? Whole : to}).second)
      return false;
    if (isBehind && tensor >= 0 && to != Sum) {
      add(of, "all_gather", region, behind, times, bytes * far);
      return true;
    }
    // What `replica` cuts besides comes together with it, or before samples are cut on both.
    bool isMade = to == Sum || tensor < 0;
    double moved = bytes * far / (to == Cut ? parts : 1);
    if (isMade)
      add(of, "all_gather", region, axesOf({"replica"}), times, moved);
    if (to == Sum)
      add(of, "reduce_scatter", region, shard, times, moved);
    else if (to == Whole || ((far > 1 || plan.halves) && !isMade)) // halves are cut behind it, too
      add(of, "all_gather", region, samples, times, bytes * far);
    else
      add(of, "all_to_all", region, shard, times, moved);
    return true;
  };
  for (const StepFacts::Product &product : facts.products) {
    const Plan::Parameter *p = parameterOf.lookup(product.parameter);
    bool forward = isKept(product, &Plan::GatheredWeight::forward),
         ofData = isKept(product, &Plan::GatheredWeight::dataGradient),
         ofWeight = isKept(product, &Plan::GatheredWeight::weightGradient), isLookup = product.input < 0;
    if (!p || !(forward || ofData || ofWeight))
      continue;
    bool isCutOnTp = p->stored.cuts("tp"),
         isSummedOnTp =
             llvm::any_of(product.summed, [&](int64_t dim) { return llvm::is_contained(p->stored.dims[dim], "tp"); });
    double input = product.inputBytes / far / (isSummedOnTp && !isLookup ? tp : 1),
           output = product.outputBytes / far / (isCutOnTp && !isSummedOnTp ? tp : 1);
    for (auto [dim, axes] : llvm::enumerate(p->stored.dims))
      if (llvm::is_contained(axes, "tp"))
        (isSummedOnTp ? input : output) *= isSummedOnTp && isLookup ? 1 : padded(p->shape[dim]);
    // What is cut along positions is moved as it is, but comes together when they have.
    double part = plan.sequenceParallel && product.positions > 0 ? padded(product.positions) / tp : 1;
    double inputPart = isSummedOnTp || isLookup ? 1 : part, outputPart = isCutOnTp && !isSummedOnTp ? 1 : part;
    int64_t read = isLookup ? product.chosenBy : product.input;
    // Where `tp` gathers the weight, positions stay cut.
    auto staysCut = [&](bool Plan::GatheredWeight::*which) { return part != 1 && isGathered(product, which); };
    auto gatherPositions = [&](const char *region, bool isNew, double bytes, double cut) {
      if (isNew && cut != 1)
        add("activations", "all_gather", region, axesOf({"tp"}), times, bytes * cut * tp / parts);
    };
    auto moveRead = [&](const char *region, bool isCut, bool stays) {
      bool isMoved = isCut && !isLookup;
      isBehind = !plan.prescaledBatch && (isLookup || !isSummedOnTp);
      bool isNew = move(region, read, isMoved ? Cut : Whole,
                        input * (isMoved ? inputPart
                                 : stays ? part
                                         : 1),
                        isLookup ? "inputs" : "activations");
      gatherPositions(region, isNew && isMoved && !stays, input, inputPart);
    };
    auto moveMade = [&](const char *region, int64_t tensor, int64_t to, bool stays) {
      isBehind = !plan.prescaledBatch && (isSummedOnTp || !isCutOnTp);
      bool isNew = move(region, tensor, to, output * (to == Cut ? outputPart : stays ? part : 1));
      gatherPositions(region, isNew && to == Cut && tensor >= 0 && !stays, output, outputPart);
    };
    if (forward) {
      bool summed = isSummedOnShard(product, &Plan::GatheredWeight::forward);
      bool stays = staysCut(&Plan::GatheredWeight::forward);
      moveRead("forward", summed, stays);
      moveMade("forward", -1, summed ? Sum : Cut, stays);
      if (!summed && product.isOutputReadAgain)
        moveMade("backward", -1, Cut, stays);
    }
    if (ofData) {
      bool summed = isSummedOnShard(product, &Plan::GatheredWeight::dataGradient);
      moveMade("backward", product.cotangent, summed ? Whole : Cut, staysCut(&Plan::GatheredWeight::dataGradient));
      move("backward", summed ? -1 : product.input, summed ? Cut : Sum, input * (summed ? inputPart : 1));
    }
    if (ofWeight) {
      bool summed = isSummedOnShard(product, &Plan::GatheredWeight::weightGradient);
      bool stays = staysCut(&Plan::GatheredWeight::weightGradient);
      moveRead("backward", summed, stays);
      moveMade("backward", product.cotangent, summed ? Whole : Cut, stays);
    }
  }
}

/// What is between blocks is gathered once in a region for all products that read it, and the sums that are their
/// parts of its gradient are added before they are reduced.
void Theory::between(llvm::ArrayRef<const StepFacts::Product *> readers) {
  Axes tp = axesOf({"tp"});
  const StepFacts::Product &first = *readers.front();
  double bytes = paddedBetween(first.positions) * first.inputBytes / sizeOf(axesOf({"shard", "replica"}));
  auto anyKeeps = [&](bool StepFacts::Product::*has, bool Plan::GatheredWeight::*which) {
    return llvm::any_of(readers,
                        [&](const StepFacts::Product *p) { return (!has || p->*has) && !isGathered(*p, which); });
  };
  bool isCut = isCutAt(first);
  auto anyReads = [&](bool StepFacts::Product::*has, bool Plan::GatheredWeight::*which) {
    return llvm::any_of(readers, [&](const StepFacts::Product *p) {
      return (!has || p->*has) && !isGathered(*p, which) && !isMoved(*p, which, true);
    });
  };
  if (isCut && anyReads(nullptr, &Plan::GatheredWeight::forward))
    add("activations", "all_gather", "forward", tp, times, bytes);
  if (isCut && anyReads(&StepFacts::Product::hasWeightGradient, &Plan::GatheredWeight::weightGradient))
    add("activations", "all_gather", "backward", tp, times, bytes);
  bool isSum = anyKeeps(&StepFacts::Product::hasDataGradient, &Plan::GatheredWeight::dataGradient);
  add("activations", isCut ? "reduce_scatter" : "all_reduce", "backward", tp, isSum ? times : 0, bytes);
}

/// A row's maximum, its sum of exponentials and the label's logit; the sum once more for the gradient, and the maximum
/// too if the logits come once more. If ranks of `tp` have samples of their own, each needs the loss of its own alone,
/// the labels of all, and what the losses of all are weighted with.
void Theory::statistics() {
  double data = sizeOf(axesOf({"shard", "replica"})), rows = facts.rows / data;
  double heads = count("vocabulary entries of the head");
  auto again = static_cast<double>(llvm::count_if(facts.products, [&](const StepFacts::Product &product) {
    return product.isHead && product.isOutputReadAgain && isGathered(product, &Plan::GatheredWeight::forward);
  }));
  Axes tp = axesOf({"tp"});
  if (tp.empty())
    return;
  add("statistics", "all_reduce", "backward", tp, times * (heads + again), rows);
  if (plan.prescaledBatch)
    return add("statistics", "all_reduce", "forward", tp, times * heads * 3, rows);
  add("statistics", "all_reduce", "forward", tp, times * (heads - again), rows);
  add("statistics", "all_gather", "forward", tp, times * again, rows);
  add("statistics", "reduce_scatter", "forward", tp, times * heads * 2, rows);
  add("inputs", "all_gather", "forward", tp, times * heads, facts.labels / data);
  add("activations", "all_gather", "backward", tp, times * heads, 2 * rows);
}

/// Sums over all samples that activations are made with are whole on all ranks. A sum that is a parameter's gradient
/// too lies as that does, and is put together.
void Theory::sampleSums() {
  Axes samples = plan.prescaledBatch ? axesOf({"shard", "replica"}) : axesOf({"shard", "replica", "tp"});
  add("statistics", "all_reduce", "forward", samples, times, facts.sampleSums);
  add("statistics", "all_reduce", "backward", samples, times, facts.gradientSums);
  for (const Plan::Parameter &p : plan.parameters) {
    double shared = facts.uses.lookup(p.name).shared;
    if (shared <= 0)
      continue;
    double width = shared / static_cast<double>(plan.heldOf({}, p.shape));
    for (const Step &step : gathers(p.gradients, p.shape, {}))
      add("activations", "all_gather", "backward", step.axes, times, static_cast<double>(step.elements) * width);
  }
}

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
    plan.collectives.push_back({of, kind, region, axes, 0, 0, bytes});
  }
}
