//===- TheoryActivations.cpp - What collectives of activations ought to move -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/TheorySums.h"

using namespace weft;
using namespace weft::theory;

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
    // Units are cut by `tp` each, but their heads one unit after another.
    add("parameters", "all_to_all", "forward", tp, times, product.unitBytes / parts);
    // Of both halves, if what they make together waits for other ranks' samples.
    bool areApart = plan.halves && !axesOf({"shard", "replica"}).empty();
    add("gradients", "all_to_all", "backward", tp, times * (areApart ? 2 : 1), product.unitBytes / parts);
    if (!isSummed) {
      if (product.hasSamples)
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
  std::set<int64_t> shared; // of which the gradient is reduced
  for (auto &[input, products] : readers) {
    // Behind scales, gradients of what was normalised once are added before they are reduced.
    int64_t number = products.front()->shared;
    if (number < 0 || isCutAt(*products.front()) || shared.insert(number).second)
      between(products);
  }
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

/// Where ranks of `tp` do not divide their heads, every rank computes all keys and values, and takes those that it
/// repeats. Their gradients come by heads, and are put together; where what is between blocks is cut, both are moved
/// from one cut to the other.
void Theory::repeatedHeads() {
  Axes tp = axesOf({"tp"});
  double repeated = 0;
  for (const StepFacts::Repeated &heads : facts.repeated)
    repeated += heads.heads % plan.sizeOf("tp") == 0 ? 0 : heads.bytes;
  double bytes = paddedBetween(facts.positions) * repeated / sizeOf(axesOf({"shard", "replica"}));
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
  Axes shard = axesOf({"shard"});
  double far = sizeOf(axesOf({"replica"})), parts = sizeOf(shard), tp = sizeOf(axesOf({"tp"}));
  std::set<std::tuple<llvm::StringRef, int64_t, int64_t>> done; // region, tensor, and what it becomes
  constexpr int64_t Whole = -1, Sum = -2, Cut = 0;
  bool isBehind = false; // samples of what is moved are cut on `tp`, behind `shard`
  auto bring = [&](const char *region, int64_t tensor, int64_t to, double bytes, const char *of = "activations") {
    if (tensor >= 0 && !done.insert({region, tensor, to}).second)
      return false;
    // What other axes cut samples by, behind `shard`, comes together before they leave it.
    bool isMade = to == Sum || tensor < 0;
    Axes behind = isBehind && !isMade ? axesOf({"replica", "tp"}) : axesOf({"replica"});
    double all = bytes * far;
    if (to == Whole) {
      behind.insert(behind.begin(), shard.begin(), shard.end());
      add(of, "all_gather", region, behind, times, all);
      return true;
    }
    double moved = to == Cut ? all / parts : all;
    add(of, "all_gather", region, behind, times, moved);
    if (to == Cut)
      add(of, "all_to_all", region, shard, times, moved);
    else if (2 * bytes < all) // what there is before that is less, even in two parts
      add(of, "all_reduce", region, shard, times, bytes);
    else
      add(of, "reduce_scatter", region, shard, times, all);
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
      bool isNew = bring(region, read, isMoved ? Cut : Whole,
                         input * (isMoved ? inputPart
                                  : stays ? part
                                          : 1),
                         isLookup ? "inputs" : "activations");
      gatherPositions(region, isNew && isMoved && !stays, input, inputPart);
    };
    auto moveMade = [&](const char *region, int64_t tensor, int64_t to, bool stays) {
      isBehind = !plan.prescaledBatch && (isSummedOnTp || !isCutOnTp);
      bool isNew = bring(region, tensor, to, output * (to == Cut ? outputPart : stays ? part : 1));
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
      bring("backward", summed ? -1 : product.input, summed ? Cut : Sum, input * (summed ? inputPart : 1));
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
  for (const StepFacts::HeadNorm &norm : facts.headNorms)
    if (norm.heads % plan.sizeOf("tp") == 0) {
      add("statistics", "all_reduce", "forward", tp, times, norm.bytes / data);
      // The same sums again, and those for the gradient's own formula.
      add("statistics", "all_reduce", "backward", tp, times, 2 * norm.bytes / data);
    }
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
    move("activations", "backward", reshard(p.gradients, {}, {}, p.shape), times, width);
  }
}
