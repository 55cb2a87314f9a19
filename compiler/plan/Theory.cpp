//===- Theory.cpp - What collectives ought to move -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/Theory.h"
#include "llvm/ADT/STLExtras.h"
#include <map>

using namespace weft;

namespace {

/// Sums up the formulas of one plan.
class Theory {
public:
  Theory(const Plan &plan, const StepFacts &facts) : plan(plan), facts(facts) {
    for (llvm::StringRef axis : Plan::meshOrder(plan.prescaledBatch))
      if (plan.sizeOf(axis) > 1)
        mesh.push_back(axis.str());
  }

  using Key = std::tuple<std::string, std::string, std::string, std::vector<std::string>>;
  std::map<Key, double> sums; ///< by of, kind, region and axes

  void parameters();
  void blocks();
  void numbers();

private:
  double sizeOf(const std::vector<std::string> &axes) const {
    double size = 1;
    for (const std::string &axis : axes)
      size *= static_cast<double>(plan.sizeOf(axis));
    return size;
  }
  /// Of the axes named, those that the mesh has, in its order.
  std::vector<std::string> axesOf(std::initializer_list<llvm::StringRef> names) const {
    std::vector<std::string> axes;
    for (const std::string &axis : mesh)
      if (llvm::is_contained(names, axis))
        axes.push_back(axis);
    return axes;
  }
  void add(const char *of, const char *kind, const char *region, const std::vector<std::string> &axes, double times,
           double bytes) {
    if (!axes.empty() && times > 0)
      sums[{of, kind, region, axes}] += times * bytesSent(kind, bytes, static_cast<int64_t>(sizeOf(axes)));
  }
  void gathers(const Plan::Parameter &p);
  void gradient(const Plan::Parameter &p);
  double count(llvm::StringRef why) const {
    return static_cast<double>(llvm::count_if(plan.cuts, [&](const Plan::Cut &cut) { return cut.why == why; }));
  }
  bool between() const { return plan.sequenceParallel || !plan.prescaledBatch; }

  const Plan &plan;
  const StepFacts &facts;
  std::vector<std::string> mesh;
};

} // namespace

/// A parameter that is stored in parts is whole on `shard` where it is used; one that is updated in parts is put
/// together for storage.
void Theory::gathers(const Plan::Parameter &p) {
  StepFacts::Use use = facts.uses.lookup(p.name);
  auto times = static_cast<double>(plan.microbatches);
  const Layout &parts = p.stored.cuts("shard") ? p.stored : p.states;
  auto bytes = static_cast<double>(plan.heldOf(parts, p.shape) * plan.sizeOf("shard") * bytesOfType(p.dtype));
  if (p.stored.cuts("shard")) {
    add("parameters", "all_gather", "forward", axesOf({"shard"}), use.forward ? times : 0, bytes);
    add("parameters", "all_gather", "backward", axesOf({"shard"}), use.backward ? times : 0, bytes);
  } else if (p.trained && p.states.cuts("shard")) {
    add("parameters", "all_gather", "update", axesOf({"shard"}), 1, bytes);
  }
}

/// A gradient is a sum over samples, and over what else the ranks of `tp` have parts of; it ends as states are stored.
void Theory::gradient(const Plan::Parameter &p) {
  StepFacts::Use use = facts.uses.lookup(p.name);
  auto width = static_cast<double>(bytesOfType(p.dtype));
  auto summed = static_cast<double>(std::max(bytesOfType(p.dtype), facts.accumulatorBytes));
  bool accumulates = plan.microbatches > 1;
  auto times = static_cast<double>(plan.microbatches);
  // Reductions of each micro-batch; what stays a sum over an axis until the update is reduced there.
  std::vector<std::string> now, late;
  for (const std::string &axis : mesh) {
    if (axis == "tp" ? !between() || p.stored.cuts("tp") : false)
      continue;
    (accumulates && p.gradients.isUnreduced(axis) ? late : now).push_back(axis);
  }
  for (bool isLate : {false, true}) {
    const std::vector<std::string> &axes = isLate ? late : now;
    const char *region = isLate ? "update" : "backward";
    // What is accumulated may be cut already; what comes out of a micro-batch is cut on `tp`.
    int64_t elements = isLate ? plan.heldOf(p.gradients, p.shape) : plan.heldOf(p.stored, p.shape, "tp");
    double runs = isLate ? 1 : times, bytes = static_cast<double>(elements) * (isLate ? summed : width);
    std::vector<std::string> scattered, reduced;
    for (const std::string &axis : axes)
      (p.states.cuts(axis) ? scattered : reduced).push_back(axis);
    // Of a slice the sum is reduced before the rest is filled with zeros, where that is less.
    double slice = static_cast<double>(use.sliced) * width;
    if (!isLate && use.sliced && bytesSent("all_reduce", slice, 2) < bytesSent("reduce_scatter", bytes, 2)) {
      add("gradients", "all_reduce", region, axes, runs, slice);
      continue;
    }
    // Parts may be padded.
    if (!scattered.empty())
      bytes = static_cast<double>(plan.heldOf(p.states, p.shape)) * sizeOf(scattered) * (isLate ? summed : width);
    add("gradients", "reduce_scatter", region, scattered, runs, bytes);
    add("gradients", "all_reduce", region, reduced, runs, bytes / sizeOf(scattered));
  }
}

void Theory::parameters() {
  for (const Plan::Parameter &p : plan.parameters) {
    gathers(p);
    if (p.trained)
      gradient(p);
  }
}

/// Tensor parallelism: a block reads activations that all ranks of `tp` have and makes parts of a sum.
void Theory::blocks() {
  double attention = count("attention heads"), hidden = count("hidden elements"),
         table = count("vocabulary entries of the embedding"), head = count("vocabulary entries of the head");
  std::vector<std::string> tp = axesOf({"tp"});
  if (tp.empty())
    return;
  double times = static_cast<double>(plan.microbatches), data = sizeOf(axesOf({"shard", "replica"}));
  double bytes = facts.block / data, rows = facts.rows / data;
  double in = attention + hidden + head, out = attention + hidden + table;
  if (bytes > 0 && !between()) {
    add("activations", "all_reduce", "forward", tp, times * out, bytes);
    add("activations", "all_reduce", "backward", tp, times * in, bytes);
  } else if (bytes > 0) {
    add("activations", "all_gather", "forward", tp, times * in, bytes);
    add("activations", "reduce_scatter", "forward", tp, times * out, bytes);
    // The gradient of what was scattered, and what was gathered once more, for the weights' gradients.
    add("activations", "all_gather", "backward", tp, times * (out + in), bytes);
    add("activations", "reduce_scatter", "backward", tp, times * in, bytes);
  }
  if (rows > 0 && plan.prescaledBatch) {
    // A row's maximum, its sum of exponentials and the label's logit; the sum once more for the gradient.
    add("statistics", "all_reduce", "forward", tp, times * head * 3, rows);
    add("statistics", "all_reduce", "backward", tp, times * head, rows);
  }
}

/// Sum and count of the loss, and the gradients' squares.
void Theory::numbers() {
  std::vector<std::string> cut;
  for (const std::string &axis : mesh)
    if (llvm::any_of(plan.parameters, [&](const Plan::Parameter &p) { return p.trained && p.states.cuts(axis); }))
      cut.push_back(axis);
  std::vector<std::string> samples =
      plan.prescaledBatch ? axesOf({"shard", "replica"}) : axesOf({"shard", "replica", "tp"});
  add("numbers", "all_reduce", "forward", samples, 2 * static_cast<double>(plan.microbatches), 8);
  add("numbers", "all_reduce", "update", cut, 1, 8);
}

void weft::addTheory(Plan &plan, const StepFacts &facts) {
  Theory theory(plan, facts);
  theory.parameters();
  theory.blocks();
  theory.numbers();
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
