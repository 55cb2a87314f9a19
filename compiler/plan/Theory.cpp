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

void Theory::Way::take(const Theory &theory, Step step) {
  double ranks = theory.sizeOf(step.axes), bytes = static_cast<double>(step.elements) * (ranks - 1) / ranks;
  int64_t distance = 0;
  for (const std::string &axis : step.axes)
    distance = std::max(distance, static_cast<int64_t>(theory.plan.axes.size()) - theory.nearness(axis));
  sent += bytes;
  far += bytes * static_cast<double>(distance);
  steps.push_back(std::move(step));
}

/// The best way that goes on with one of the dimensions that `steps` has something for.
template <typename Next> Theory::Way Theory::best(const Way &way, size_t dims, Next next) const {
  std::optional<Way> best;
  for (size_t dim = 0; dim < dims; ++dim)
    if (std::optional<Way> other = next(dim); other && (!best || *other < *best))
      best = std::move(other);
  return best ? *best : way;
}

/// A sum over axes becomes what `to` cuts on them: in the order in which least is sent, which padding can decide, and
/// else over near ranks first, so that what goes far is smallest.
Theory::Way Theory::scatter(const Layout &to, const std::vector<int64_t> &shape, const std::set<std::string> &cut,
                            const Way &way) const {
  return best(way, to.dims.size(), [&](size_t dim) -> std::optional<Way> {
    auto next = llvm::find_if(to.dims[dim], [&](const auto &axis) { return !cut.count(axis); });
    if (next == to.dims[dim].end())
      return std::nullopt;
    Step step{together(to.dims[dim], next - to.dims[dim].begin(), shape[dim]), 0};
    std::set<std::string> more = cut;
    more.insert(step.axes.begin(), step.axes.end());
    step.elements = plan.heldOf(onlyOn(to, more), shape) * static_cast<int64_t>(sizeOf(step.axes));
    Way longer = way;
    longer.take(*this, std::move(step));
    return scatter(to, shape, more, longer);
  });
}

std::vector<Step> Theory::scatters(const Layout &to, const std::vector<int64_t> &shape, const Axes &over) const {
  std::set<std::string> cut;
  for (const Axes &dim : to.dims)
    for (const std::string &axis : dim)
      if (!llvm::is_contained(over, axis))
        cut.insert(axis);
  return scatter(to, shape, cut, {}).steps;
}

/// What `from` cuts is put together but on the axes kept: likewise, or else over far ranks first, while parts are
/// small. Axes that stay are in the way if one that is minor to them does not: they are gathered too, and cut again.
Theory::Way Theory::gather(const Layout &from, const std::vector<int64_t> &shape, const Axes &kept,
                           const Way &way) const {
  return best(way, from.dims.size(), [&](size_t dim) -> std::optional<Way> {
    const Axes &axes = from.dims[dim];
    size_t begin =
        llvm::find_if(axes, [&](const auto &axis) { return !llvm::is_contained(kept, axis); }) - axes.begin();
    if (begin == axes.size())
      return std::nullopt;
    while (together(axes, begin, shape[dim]).size() != axes.size() - begin)
      ++begin;
    Step step{Axes(axes.begin() + static_cast<ptrdiff_t>(begin), axes.end()), 0};
    step.elements = plan.heldOf(from, shape) * static_cast<int64_t>(sizeOf(step.axes));
    Layout next = from;
    next.dims[dim].resize(begin);
    Way longer = way;
    longer.take(*this, std::move(step));
    return gather(next, shape, kept, longer);
  });
}

std::vector<Step> Theory::gathers(const Layout &from, const std::vector<int64_t> &shape, const Axes &kept) const {
  return gather(from, shape, kept, {}).steps;
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
  std::set<std::string> known(scattered.begin(), scattered.end());
  known.insert(staying.begin(), staying.end());
  std::vector<Step> scatterings = scatters(onlyOn(to, known), p.shape, scattered);
  auto sent = [&](const char *kind, const Axes &axes, int64_t elements) {
    return bytesSent(kind, static_cast<double>(elements), static_cast<int64_t>(sizeOf(axes)));
  };
  // Then it can be less, or one collective instead of two, to reduce what there is on all axes.
  int64_t least = together.empty() ? held : std::min(held, plan.heldOf(to, p.shape));
  double apart = sent("all_reduce", reduced, least);
  for (const Step &step : scatterings)
    apart += sent("reduce_scatter", step.axes, step.elements);
  size_t steps = scatterings.size() + !reduced.empty();
  if (!together.empty() && std::make_tuple(sent("all_reduce", over, held), size_t(1)) < std::tie(apart, steps)) {
    reduced = over;
    scatterings.clear();
    least = held;
  }
  for (const Step &step : together)
    add("gradients", "all_gather", region, step.axes, times, static_cast<double>(step.elements) * width);
  for (const Step &step : scatterings) {
    add("gradients", "reduce_scatter", region, step.axes, times, static_cast<double>(step.elements) * width);
    held = together.empty() ? step.elements / static_cast<int64_t>(sizeOf(step.axes)) : held;
  }
  // What ends whole is summed before it is put together, or when it is in parts again: whichever is less.
  add("gradients", "all_reduce", region, reduced, times, static_cast<double>(together.empty() ? held : least) * width);
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
