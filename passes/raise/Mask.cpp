//===- Mask.cpp - see Mask.h -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/raise/Mask.h"
#include "dialects/weft/Literal.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/raise/Condition.h"
#include "llvm/ADT/bit.h"
#include <cmath>

using namespace mlir;
using namespace weft;

namespace {
/// What a term turned out to be.
struct Analyzed {
  const MaskTerm *term;
  /// Whether the term only hides keys.
  bool hides = false;
  Conjunction seen;
  double hidden = 0;
};

struct Resolver {
  Build &build;
  Raising &raising;
  Factors &factors;
  const ScoreIndices &indices;

  Affine causalBound() const;
  std::optional<Analyzed> analyze(const MaskTerm &term) const;
  DenseFacts scan(const Condition &condition) const;
  bool simplify(Conjunction &seen) const;
  bool everyQuerySees(const Conjunction &seen) const;
  Layout maskLayout(ArrayRef<Layout> layouts) const;
  Value asBoolean(const Condition &condition);
  FailureOr<ResolvedMask> buildBoolean(const Conjunction &seen);
  FailureOr<Value> buildAdditive(ArrayRef<Analyzed> terms, bool skipHiding);
};
} // namespace

/// s - t - (S - T), at most 0 where query t sees key s.
Affine Resolver::causalBound() const {
  Affine bound;
  bound.addIndex(factors, indices.key, 1);
  bound.addIndex(factors, indices.query, -1);
  bound.constant = factors.size(indices.query) - factors.size(indices.key);
  return bound.normalized(factors);
}

std::optional<Analyzed> Resolver::analyze(const MaskTerm &term) const {
  Analyzed result;
  result.term = &term;
  if (term.boolean) {
    std::optional<Conjunction> seen = evaluateCondition(factors, term.view);
    if (term.inverted)
      seen = negate(*seen);
    if (!seen) {
      // No conjunction: the tensor itself is the condition.
      seen.emplace();
      seen->conditions.push_back({term.view, /*inverted=*/true, {}, {}, 1});
    }
    result.hides = true;
    result.seen = std::move(*seen);
    result.hidden = term.hidden;
    return result;
  }
  if (raising.dependsOnParameter(term.view.value))
    return std::nullopt;
  std::optional<TwoValues> values = evaluateTwoValues(factors, term.view);
  if (!values)
    return result;
  double whenTrue = values->whenTrue * term.factor, whenFalse = values->whenFalse * term.factor;
  std::optional<Conjunction> seen;
  if (whenTrue == 0 && (whenFalse <= hiddenScore || values->condition.always())) {
    seen = values->condition;
    result.hidden = whenFalse;
  } else if (whenFalse == 0 && whenTrue <= hiddenScore) {
    seen = negate(values->condition);
    result.hidden = whenTrue;
  }
  if (seen) {
    result.hides = true;
    result.seen = std::move(*seen);
  }
  return result;
}

/// Looks at every element of a constant once: is it true everywhere, is it the
/// causal mask, does every query see a key, also under the causal mask?
DenseFacts Resolver::scan(const Condition &condition) const {
  const View &view = condition.view;
  ArrayRef<int64_t> shape = condition.dense.getType().getShape();
  Affine causal = causalBound();
  FactorList present = factors.leaves(view.layout), keyLeaves = factors.leaves(indices.key);

  // Per dimension and index: what it adds to the causal bound, and to the number of the row.
  std::vector<std::vector<int64_t>> bounds, rowOffsets;
  int64_t rows = 1;
  bool rowsKnown = true;
  std::vector<int64_t> key{llvm::bit_cast<int64_t>(condition.trueValue), condition.inverted};
  for (size_t d = shape.size(); d-- > 0;) {
    int64_t size = shape[d];
    FactorList dim = factors.leaves(view.layout[d]);
    std::vector<int64_t> bound(size), offset(size);
    bool isKey = !dim.empty() && llvm::all_of(dim, [&](int f) { return llvm::is_contained(keyLeaves, f); });
    bool mixed = !isKey && llvm::any_of(dim, [&](int f) { return llvm::is_contained(keyLeaves, f); });
    rowsKnown &= !mixed;
    for (int64_t i = 0; i < size; ++i) {
      int64_t rest = i;
      for (int factor : llvm::reverse(dim)) {
        int64_t index = rest % factors.size(factor);
        rest /= factors.size(factor);
        for (auto [f, coefficient] : causal.terms)
          if (f == factor)
            bound[i] += coefficient * index;
      }
      offset[i] = isKey ? 0 : i * rows;
    }
    if (!isKey)
      rows *= size;
    llvm::append_range(key, bound);
    key.push_back(isKey ? -1 : -2);
    bounds.push_back(std::move(bound));
    rowOffsets.push_back(std::move(offset));
  }
  std::reverse(bounds.begin(), bounds.end());
  std::reverse(rowOffsets.begin(), rowOffsets.end());
  bool complete = llvm::all_of(causal.terms, [&](auto term) { return llvm::is_contained(present, term.first); });
  key.push_back(causal.constant);
  key.push_back(complete);

  auto [known, isNew] = raising.denseFacts.try_emplace({condition.dense.getAsOpaquePointer(), key});
  if (!isNew)
    return known->second;
  DenseFacts facts{true, complete, rowsKnown, rowsKnown && complete};
  std::vector<char> seen(rowsKnown ? rows : 0), seenCausal(rowsKnown ? rows : 0);
  SmallVector<int64_t> strides = rowMajorStrides(shape);
  visitNumbers(condition.dense, [&](int64_t i, double value) {
    bool visible = (value == condition.trueValue) != condition.inverted;
    int64_t bound = causal.constant, row = 0;
    for (size_t d = 0; d < shape.size(); ++d) {
      int64_t index = i / strides[d] % shape[d];
      bound += bounds[d][index];
      row += rowOffsets[d][index];
    }
    facts.all &= visible;
    facts.causal &= visible == (bound <= 0);
    if (rowsKnown && visible) {
      seen[row] = 1;
      if (bound <= 0)
        seenCausal[row] = 1;
    }
    return true;
  });
  facts.rows &= !llvm::is_contained(seen, 0);
  facts.rowsCausal &= !llvm::is_contained(seenCausal, 0);
  known->second = facts;
  return facts;
}

/// Drops what always holds and names what is causal. False if nothing is seen at all.
bool Resolver::simplify(Conjunction &seen) const {
  if (seen.never)
    return false;
  Affine causal = causalBound();
  SmallVector<Condition, 2> kept;
  bool haveCausal = false;
  for (Condition &condition : seen.conditions) {
    if (condition.dense) {
      DenseFacts facts = scan(condition);
      if (facts.all)
        continue;
      if (facts.causal)
        condition.bound = causal;
    }
    if (condition.bound) {
      auto [low, high] = condition.bound->range(factors);
      if (high <= 0)
        continue;
      if (low > 0)
        return false;
      condition.bound = condition.bound->normalized(factors);
      if (*condition.bound == causal) {
        if (haveCausal)
          continue;
        haveCausal = true;
      }
    }
    kept.push_back(condition);
  }
  seen.conditions = std::move(kept);
  return true;
}

/// Whether each query sees at least one key, as far as that is easily known.
bool Resolver::everyQuerySees(const Conjunction &seen) const {
  if (seen.always())
    return true;
  // The last key that the causal mask shows satisfies every bound.
  FactorList query = factors.leaves(indices.query), key = factors.leaves(indices.key);
  int64_t queries = factors.size(indices.query), keys = factors.size(indices.key);
  auto holdsOnDiagonal = [&](const Condition &condition) {
    if (!condition.bound || query.size() > 1 || key.size() > 1 || queries > keys)
      return false;
    Affine onDiagonal;
    onDiagonal.constant = condition.bound->constant;
    for (auto [factor, coefficient] : condition.bound->terms) {
      if (llvm::is_contained(key, factor)) {
        onDiagonal.constant += coefficient * (keys - queries);
        onDiagonal.addIndex(factors, query, coefficient);
      } else {
        onDiagonal.terms.emplace_back(factor, coefficient);
      }
    }
    return onDiagonal.range(factors).second <= 0;
  };
  if (llvm::all_of(seen.conditions, holdsOnDiagonal))
    return true;
  Affine causal = causalBound();
  const Condition *dense = nullptr;
  bool withCausal = false;
  for (const Condition &condition : seen.conditions) {
    if (condition.bound && *condition.bound == causal)
      withCausal = true;
    else if (condition.dense && !dense)
      dense = &condition;
    else
      return false;
  }
  if (!dense)
    return false;
  DenseFacts facts = scan(*dense);
  return withCausal ? facts.rowsCausal : facts.rows;
}

/// [batch or 1, head or 1, query, key]: 1 where none of the layouts varies.
Layout Resolver::maskLayout(ArrayRef<Layout> layouts) const {
  auto varies = [&](const FactorList &list) {
    FactorList wanted = factors.leaves(list);
    return llvm::any_of(layouts, [&](const Layout &layout) {
      return llvm::any_of(factors.leaves(layout), [&](int f) { return llvm::is_contained(wanted, f); });
    });
  };
  return {varies(indices.batch) ? indices.batch : FactorList(), varies(indices.head) ? indices.head : FactorList(),
          indices.query, indices.key};
}

/// The condition as an i1 tensor of its view's layout, not inverted.
Value Resolver::asBoolean(const Condition &condition) {
  Value v = condition.view.value;
  bool inverted = condition.inverted;
  if (condition.dense && !condition.dense.getElementType().isInteger(1)) {
    SmallVector<bool> truth;
    visitNumbers(condition.dense, [&](int64_t, double value) {
      truth.push_back(value == condition.trueValue);
      return true;
    });
    auto type = RankedTensorType::get(condition.dense.getType().getShape(), build.b.getI1Type());
    v = arith::ConstantOp::create(build.b, build.loc, DenseElementsAttr::get(type, truth));
  }
  if (inverted)
    v = arith::XOrIOp::create(build.b, build.loc, v, build.splatLike(v, 1));
  return v;
}

/// Whether `to` has every index that `view` depends on.
static bool covers(const Factors &factors, const Layout &to, const View &view) {
  FactorList have = factors.leaves(view.layout), want = factors.leaves(to);
  return llvm::all_of(have, [&](int factor) { return llvm::is_contained(want, factor); });
}

FailureOr<ResolvedMask> Resolver::buildBoolean(const Conjunction &seen) {
  ResolvedMask result;
  Affine causal = causalBound();
  SmallVector<const Condition *> rest;
  SmallVector<Layout> layouts;
  for (const Condition &condition : seen.conditions) {
    if (condition.bound && *condition.bound == causal) {
      result.causal = true;
      continue;
    }
    rest.push_back(&condition);
    layouts.push_back(varyingLayout(raising, condition.view));
  }
  Layout layout = maskLayout(layouts);
  for (const Condition *condition : rest) {
    View view = varyingView(build, raising, {asBoolean(*condition), condition->view.layout});
    // A mask that varies along something else than batch, head, query and key is none that attention can take.
    if (!covers(factors, layout, view))
      return failure();
    Value mask = materialize(build, factors, view, layout);
    result.mask = result.mask ? arith::AndIOp::create(build.b, build.loc, result.mask, mask).getResult() : mask;
  }
  return result;
}

/// The sum of the terms, which must not be empty.
FailureOr<Value> Resolver::buildAdditive(ArrayRef<Analyzed> terms, bool skipHiding) {
  SmallVector<View> views;
  for (const Analyzed &analyzed : terms) {
    const MaskTerm &term = *analyzed.term;
    if (analyzed.hides && (skipHiding || analyzed.seen.always()))
      continue;
    View view = trace(factors, term.view, {/*broadcasts=*/true});
    if (term.boolean) {
      auto type = RankedTensorType::get(tensorType(view.value).getShape(), build.b.getF32Type());
      Value seen = build.splat(type, 0), hidden = build.splat(type, term.hidden);
      view.value = term.inverted ? build.select(view.value, hidden, seen) : build.select(view.value, seen, hidden);
    } else if (term.factor != 1) {
      view.value = build.mul(view.value, build.splatLike(view.value, term.factor));
    }
    views.push_back(varyingView(build, raising, view));
  }
  SmallVector<Layout> layouts;
  for (const View &view : views)
    layouts.push_back(view.layout);
  Layout layout = maskLayout(layouts);
  Value sum;
  for (const View &view : views) {
    if (!covers(factors, layout, view))
      return failure();
    Value mask = materialize(build, factors, view, layout);
    sum = sum ? build.add(sum, mask) : mask;
  }
  return sum;
}

FailureOr<ResolvedMask> weft::resolveMasks(Build &build, Raising &raising, Factors &factors,
                                           const ScoreIndices &indices, ArrayRef<MaskTerm> terms) {
  Resolver resolver{build, raising, factors, indices};
  std::vector<Analyzed> analyzed;
  Conjunction seen;
  bool allHide = true, allInfinite = true;
  for (const MaskTerm &term : terms) {
    std::optional<Analyzed> result = resolver.analyze(term);
    if (!result || (result->hides && !resolver.simplify(result->seen)))
      return failure();
    allHide &= result->hides;
    if (result->hides && !result->seen.always())
      allInfinite &= std::isinf(result->hidden);
    if (result->hides)
      seen.conditions.append(result->seen.conditions.begin(), result->seen.conditions.end());
    analyzed.push_back(std::move(*result));
  }
  if (!resolver.simplify(seen))
    return failure();
  bool exact = allInfinite || resolver.everyQuerySees(seen);
  if (allHide && exact)
    return resolver.buildBoolean(seen);

  // Adding the numbers computes what the model did, whatever a query sees. A
  // causal mask beside other numbers stays a causal mask.
  ResolvedMask result;
  result.causal = exact && seen.conditions.size() == 1 && seen.conditions.front().bound &&
                  *seen.conditions.front().bound == resolver.causalBound();
  Type element;
  for (const Analyzed &a : analyzed) {
    const MaskTerm &term = *a.term;
    if (a.hides && (result.causal || a.seen.always()))
      continue;
    if (term.boolean && !(term.hidden <= -1e30))
      return failure();
    Type type = term.boolean ? Type(build.b.getF32Type()) : tensorType(term.view.value).getElementType();
    if (element && element != type)
      return failure();
    element = type;
  }
  FailureOr<Value> sum = resolver.buildAdditive(analyzed, result.causal);
  if (failed(sum))
    return failure();
  result.mask = *sum;
  return result;
}
