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
  /// A sequence of collectives, which sends less than another, or has fewer, or sends less over far ranks.
  struct Way {
    double sent = 0, far = 0;
    std::vector<Step> steps;

    void take(const Theory &theory, Step step);
    bool operator<(const Way &other) const {
      return std::make_tuple(sent, steps.size(), far) < std::make_tuple(other.sent, other.steps.size(), other.far);
    }
  };
  template <typename Next> Way best(const Way &way, size_t dims, Next next) const;
  Way scatter(const Layout &to, const std::vector<int64_t> &shape, const std::set<std::string> &cut,
              const Way &way) const;
  Way gather(const Layout &from, const std::vector<int64_t> &shape, const Axes &kept, const Way &way) const;
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

} // namespace weft::theory

#endif // WEFT_COMPILER_PLAN_THEORYSUMS_H
