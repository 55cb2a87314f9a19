//===- TheorySums.h - The formulas of one plan, summed up -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Inside of Theory: what Theory.cpp (parameters and gradients) and TheoryActivations.cpp share.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_PLAN_THEORYSUMS_H
#define WEFT_COMPILER_PLAN_THEORYSUMS_H

#include "compiler/plan/CheapestReshards.h"
#include "compiler/plan/Theory.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <map>
#include <set>

namespace weft::theory {

/// One collective of a reshard.
struct Step {
  std::string kind;
  std::vector<std::string> axes;
  int64_t elements = 0; ///< of the larger side

  bool operator<(const Step &other) const {
    return std::tie(kind, axes, elements) < std::tie(other.kind, other.axes, other.elements);
  }
};

/// Sums up the formulas of one plan.
class Theory {
public:
  Theory(const Plan &plan, const StepFacts &facts)
      : plan(plan), facts(facts), mesh(axesOf(plan)), cheapest(reshardMesh(plan, mesh)) {
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
  /// The axes of the mesh that have more than one rank, in its order.
  static Axes axesOf(const Plan &plan);
  static ReshardMesh reshardMesh(const Plan &plan, const Axes &mesh);
  /// The collectives by which what lies as `from` says, and is a sum over axes, becomes what `to` says.
  std::vector<Step> reshard(const Layout &from, const Axes &over, const Layout &to, const std::vector<int64_t> &shape);
  /// Adds them up.
  void move(const char *of, const char *region, const std::vector<Step> &steps, double times, double width) {
    for (const Step &step : steps)
      add(of, step.kind.c_str(), region, step.axes, times, static_cast<double>(step.elements) * width);
  }

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
    return product.hasSamples && isAmong(kept, product.parameter, product.layer, which);
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
  const Axes mesh;
  CheapestReshards cheapest;
  llvm::StringMap<const Plan::Parameter *> parameterOf;
  Weights gathered, kept;
  /// Micro-batches that are alike, and how many they are.
  llvm::StringRef microbatches;
  double times = 1;
};

} // namespace weft::theory

#endif // WEFT_COMPILER_PLAN_THEORYSUMS_H
