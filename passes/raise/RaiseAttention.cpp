//===- RaiseAttention.cpp - Attention from products and a softmax -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The root is the product of probabilities and values. From there: probabilities
// back to the softmax, scores back to the product of queries and keys, through
// masks and scales, then each operand back through its views. The same ending
// serves attentions that the model had as one op: their masks and repeated heads
// are simplified.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/raise/Mask.h"
#include <cmath>

using namespace mlir;
using namespace weft;

namespace {
/// An attention in terms of indices.
struct Parts {
  Factors factors;
  View q, k, v;
  /// The dimensions of the softmax: [..., query, key].
  Layout scores;
  FactorList query, key, element, valueElement;
  std::vector<MaskTerm> masks;
  double scale = 1;
  bool causal = false;
  /// The dimensions of the result that is replaced.
  Layout result;
};
} // namespace

/// Elements of `list` that are in `other` (or, with `keep` false, are not).
static FactorList filter(const FactorList &list, const FactorList &other, bool keep) {
  FactorList out;
  for (int factor : list)
    if (llvm::is_contained(other, factor) == keep)
      out.push_back(factor);
  return out;
}

static bool sameSet(FactorList a, FactorList b) {
  llvm::sort(a);
  llvm::sort(b);
  return a == b;
}

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

/// The result dimensions of a product from those of its operands.
static Layout productLayout(DotGeneralOp dot, const Layout &lhs, const Layout &rhs) {
  Layout layout;
  for (int64_t d : dot.getLhsBatch())
    layout.push_back(lhs[d]);
  for (int64_t d : dot.getLhsFree())
    layout.push_back(lhs[d]);
  for (int64_t d : dot.getRhsFree())
    layout.push_back(rhs[d]);
  return layout;
}

/// `x` of select(isnan(x), 0, x), or null.
static Value withoutNanGuard(Value v) {
  auto select = v.getDefiningOp<arith::SelectOp>();
  auto cmp = select ? select.getCondition().getDefiningOp<arith::CmpFOp>() : nullptr;
  if (!cmp || cmp.getLhs() != cmp.getRhs())
    return {};
  bool isNan = cmp.getPredicate() == arith::CmpFPredicate::UNO || cmp.getPredicate() == arith::CmpFPredicate::UNE;
  bool isNumber = cmp.getPredicate() == arith::CmpFPredicate::ORD || cmp.getPredicate() == arith::CmpFPredicate::OEQ;
  Value zero = isNan ? select.getTrueValue() : select.getFalseValue();
  Value x = isNan ? select.getFalseValue() : select.getTrueValue();
  if ((!isNan && !isNumber) || splatOf(zero) != 0.0 || x != cmp.getLhs())
    return {};
  return x;
}

/// Follows the scores back to the product, collecting masks and scale. The
/// product may be on either side of an addition: `order` says which to try
/// first, bit i for the i-th.
static DotGeneralOp traceScores(Parts &parts, View scores, unsigned order, View &product) {
  constexpr int maxSteps = 16;
  int additions = 0;
  for (int step = 0; step < maxSteps; ++step) {
    scores = trace(parts.factors, scores, {/*broadcasts=*/false, /*casts=*/true, &parts.scale});
    Operation *op = scores.value.getDefiningOp();
    if (!op)
      return {};
    if (auto dot = dyn_cast<DotGeneralOp>(op)) {
      product = scores;
      return dot;
    }
    if (isa<arith::AddFOp>(op)) {
      bool second = (order >> additions++) & 1;
      MaskTerm &term = parts.masks.emplace_back();
      term.view = {op->getOperand(second ? 0 : 1), scores.layout};
      term.factor = parts.scale;
      scores.value = op->getOperand(second ? 1 : 0);
      continue;
    }
    if (auto select = dyn_cast<arith::SelectOp>(op)) {
      std::optional<double> yes = splatOf(select.getTrueValue()), no = splatOf(select.getFalseValue());
      bool inverted = yes.has_value();
      std::optional<double> hidden = inverted ? yes : no;
      if (!hidden || !(*hidden * parts.scale <= hiddenScore))
        return {};
      MaskTerm &term = parts.masks.emplace_back();
      term.view = {select.getCondition(), scores.layout};
      term.boolean = true;
      term.inverted = inverted;
      term.hidden = *hidden * parts.scale;
      scores.value = inverted ? select.getFalseValue() : select.getTrueValue();
      continue;
    }
    // A floor under the scores that keeps them finite.
    if (isa<arith::MaximumFOp, arith::MaxNumFOp>(op)) {
      std::optional<double> floor = splatOf(op->getOperand(1));
      if (!floor || !(*floor <= -1e30))
        return {};
      scores.value = op->getOperand(0);
      continue;
    }
    return {};
  }
  return {};
}

/// Names the indices of the product of queries and keys and traces its
/// operands. `kIsRhs`: the keys are the right operand.
static bool matchProduct(Parts &parts, DotGeneralOp dot, const View &product, bool kIsRhs) {
  Factors &factors = parts.factors;
  Value q = kIsRhs ? dot.getLhs() : dot.getRhs(), k = kIsRhs ? dot.getRhs() : dot.getLhs();
  Layout qLayout(tensorType(q).getRank()), kLayout(tensorType(k).getRank());
  Layout &lhs = kIsRhs ? qLayout : kLayout, &rhs = kIsRhs ? kLayout : qLayout;
  size_t next = 0;
  for (auto [l, r] : llvm::zip_equal(dot.getLhsBatch(), dot.getRhsBatch()))
    lhs[l] = rhs[r] = product.layout[next++];
  for (int64_t l : dot.getLhsFree())
    lhs[l] = product.layout[next++];
  for (int64_t r : dot.getRhsFree())
    rhs[r] = product.layout[next++];
  for (auto [l, r] : llvm::zip_equal(dot.getLhsContract(), dot.getRhsContract())) {
    lhs[l] = rhs[r] = factors.fresh(tensorType(dot.getLhs()).getDimSize(l));
    llvm::append_range(parts.element, lhs[l]);
  }
  FactorList kFree;
  for (int64_t d : kIsRhs ? dot.getRhsFree() : dot.getLhsFree())
    llvm::append_range(kFree, kLayout[d]);
  if (!sameSet(factors.leaves(kFree), factors.leaves(parts.key)))
    return false;
  parts.q = {q, std::move(qLayout)};
  parts.k = {k, std::move(kLayout)};
  return true;
}

/// The root as probabilities times values, with the probabilities on the given
/// side; fills all of `parts`.
static bool matchAttention(Parts &parts, DotGeneralOp root, bool pIsLhs, unsigned order, bool kIsRhs) {
  Factors &factors = parts.factors;
  Layout lhs = factors.freshLayout(root.getLhs()), rhs = factors.freshLayout(root.getRhs());
  for (auto [l, r] : llvm::zip_equal(root.getLhsBatch(), root.getRhsBatch()))
    rhs[r] = lhs[l];
  FactorList contracted;
  for (auto [l, r] : llvm::zip_equal(root.getLhsContract(), root.getRhsContract())) {
    rhs[r] = lhs[l];
    llvm::append_range(contracted, lhs[l]);
  }
  parts.result = productLayout(root, lhs, rhs);
  for (int64_t d : pIsLhs ? root.getRhsFree() : root.getLhsFree())
    llvm::append_range(parts.valueElement, pIsLhs ? rhs[d] : lhs[d]);
  parts.v = {pIsLhs ? root.getRhs() : root.getLhs(), pIsLhs ? rhs : lhs};

  View p{pIsLhs ? root.getLhs() : root.getRhs(), pIsLhs ? lhs : rhs};
  Trace views{/*broadcasts=*/false, /*casts=*/true};
  p = trace(factors, std::move(p), views);
  if (Value unguarded = withoutNanGuard(p.value))
    p = trace(factors, {unguarded, p.layout}, views);
  auto softmax = p.value.getDefiningOp<SoftmaxOp>();
  if (!softmax || p.layout.size() < 2 || !factors.same(p.layout.back(), contracted) || contracted.empty())
    return false;
  parts.scores = p.layout;
  parts.key = contracted;

  View product;
  DotGeneralOp dot = traceScores(parts, {softmax.getInput(), p.layout}, order, product);
  return dot && parts.scale > 0 && matchProduct(parts, dot, product, kIsRhs);
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

namespace {
/// How the indices other than key and element are shared out.
struct Heads {
  FactorList batch, groups, repeats;

  FactorList all() const {
    FactorList head = groups;
    llvm::append_range(head, repeats);
    return head;
  }
};
} // namespace

/// Which indices are batch and which heads. Any choice computes the same, as
/// long as repeated heads are heads; this one needs the fewest transposes.
static std::optional<Heads> shareOut(const Parts &parts, const View &q, const FactorList &common,
                                     const FactorList &repeats) {
  const Factors &factors = parts.factors;
  Heads heads;
  if (parts.scores.size() >= 4) {
    heads.batch = factors.leaves(parts.scores.front());
  } else {
    // Merged: what comes before the positions in the queries is the batch.
    FactorList source = factors.leaves(q.layout), query = factors.leaves(parts.query);
    auto *position = llvm::find_if(source, [&](int f) { return llvm::is_contained(query, f); });
    FactorList before(source.begin(), position);
    heads.batch = filter(common, before, /*keep=*/true);
    if (heads.batch.size() == common.size() && common.size() > 1)
      heads.batch = {common.front()};
    heads.batch = filter(heads.batch, repeats, /*keep=*/false);
  }
  FactorList inHead = filter(common, heads.batch, /*keep=*/false);
  heads.groups = filter(inHead, repeats, /*keep=*/false);
  heads.repeats = filter(inHead, repeats, /*keep=*/true);
  if (heads.repeats.size() != repeats.size())
    return std::nullopt;
  return heads;
}

/// Whether a view names exactly these indices.
static bool covers(const Factors &factors, const View &view, std::initializer_list<FactorList> lists) {
  FactorList wanted;
  for (const FactorList &list : lists)
    llvm::append_range(wanted, factors.leaves(list));
  return sameSet(factors.leaves(view.layout), wanted);
}

/// Builds the op in front of `root` and gives the value that replaces its
/// result, or null if the parts do not make an attention. With `present`, that
/// op is returned if nothing would change.
static Value buildAttention(Parts &parts, Operation *root, Raising &raising, AttentionOp present = {}) {
  Factors &factors = parts.factors;
  Type element = tensorType(parts.q.value).getElementType();
  for (const View *view : {&parts.q, &parts.k, &parts.v})
    if (tensorType(view->value).getElementType() != element)
      return {};

  View q = trace(factors, parts.q, {false, false, &parts.scale});
  // Keys and values repeated over heads are used unrepeated; both or none.
  std::optional<Heads> heads;
  View k, v;
  for (bool broadcasts : {true, false}) {
    double scale = parts.scale;
    k = trace(factors, parts.k, {broadcasts, false, &scale});
    v = trace(factors, parts.v, {broadcasts});
    // The query index: what the dimension before the key holds, or else all that keys lack.
    FactorList scoresLeaves = factors.leaves(parts.scores), key = factors.leaves(parts.key);
    FactorList kLeaves = factors.leaves(parts.k.layout), query = factors.leaves(parts.scores[parts.scores.size() - 2]);
    FactorList lacking = filter(filter(scoresLeaves, key, false), kLeaves, false);
    if (filter(query, kLeaves, true).size() != 0)
      query = lacking;
    parts.query = query;
    FactorList common = filter(filter(scoresLeaves, key, false), query, false);
    FactorList kRepeats = filter(common, factors.leaves(k.layout), false);
    FactorList vRepeats = filter(common, factors.leaves(v.layout), false);
    if (!sameSet(kRepeats, vRepeats))
      continue;
    heads = shareOut(parts, q, common, kRepeats);
    if (heads && (!covers(factors, k, {heads->batch, heads->groups, parts.key, parts.element}) ||
                  !covers(factors, v, {heads->batch, heads->groups, parts.key, parts.valueElement})))
      heads.reset();
    if (heads) {
      parts.scale = scale;
      break;
    }
  }
  if (!heads)
    return {};
  FactorList head = heads->all();
  if (!covers(factors, q, {heads->batch, head, parts.query, parts.element}) || !std::isfinite(parts.scale))
    return {};

  Build build = raising.at(root);
  ScoreIndices indices{heads->batch, head, parts.query, parts.key};
  FailureOr<ResolvedMask> mask = resolveMasks(build, raising, factors, indices, parts.masks);
  if (failed(mask))
    return {};
  bool causal = parts.causal || mask->causal;
  bool regrouped = present && factors.size(heads->groups) != present.getK().getType().getDimSize(2);
  if (present && causal == present.getCausal() && mask->mask == present.getMask() && !regrouped)
    return present.getOut();

  Value qValue = materialize(build, factors, q, {heads->batch, parts.query, head, parts.element});
  Value kValue = materialize(build, factors, k, {heads->batch, parts.key, heads->groups, parts.element});
  Value vValue = materialize(build, factors, v, {heads->batch, parts.key, heads->groups, parts.valueElement});
  int64_t b = factors.size(heads->batch), t = factors.size(parts.query), h = factors.size(head);
  auto out = RankedTensorType::get({b, t, h, factors.size(parts.valueElement)}, element);
  auto lse = RankedTensorType::get({b, h, t}, build.b.getF32Type());
  auto attention = AttentionOp::create(build.b, build.loc, TypeRange{out, lse}, qValue, kValue, vValue, mask->mask,
                                       build.b.getF64FloatAttr(parts.scale), causal ? build.b.getUnitAttr() : nullptr);
  return materialize(build, factors, {attention.getOut(), {heads->batch, parts.query, head, parts.valueElement}},
                     parts.result);
}

/// Simplifies the mask and the repeated heads of an attention that is one op already.
static LogicalResult simplifyAttention(AttentionOp op, Raising &raising) {
  if (!op.getLse().use_empty())
    return failure();
  Parts parts;
  Factors &factors = parts.factors;
  ArrayRef<int64_t> q = op.getQ().getType().getShape(), k = op.getK().getType().getShape();
  FactorList batch = factors.fresh(q[0]), groups = factors.fresh(k[2]), head = groups;
  llvm::append_range(head, factors.fresh(q[2] / k[2]));
  parts.query = factors.fresh(q[1]);
  parts.key = factors.fresh(k[1]);
  parts.element = factors.fresh(q[3]);
  parts.valueElement = factors.fresh(op.getV().getType().getDimSize(3));
  if (parts.key.empty())
    return failure();
  parts.q = {op.getQ(), {batch, parts.query, head, parts.element}};
  parts.k = {op.getK(), {batch, parts.key, groups, parts.element}};
  parts.v = {op.getV(), {batch, parts.key, groups, parts.valueElement}};
  parts.scores = {batch, head, parts.query, parts.key};
  parts.result = {batch, parts.query, head, parts.valueElement};
  parts.scale = op.getScale().convertToDouble();
  parts.causal = op.getCausal();
  if (Value mask = op.getMask()) {
    MaskTerm &term = parts.masks.emplace_back();
    ArrayRef<int64_t> shape = tensorType(mask).getShape();
    term.view = {mask,
                 {shape[0] == 1 ? FactorList() : batch, shape[1] == 1 ? FactorList() : head, parts.query, parts.key}};
    term.boolean = tensorType(mask).getElementType().isInteger(1);
    term.hidden = -INFINITY;
  }
  Value replacement = buildAttention(parts, op, raising, op);
  if (!replacement || replacement == op.getOut())
    return failure();
  op.getOut().replaceAllUsesWith(replacement);
  return success();
}

LogicalResult weft::raiseAttention(Operation *root, Raising &raising) {
  if (auto op = dyn_cast<AttentionOp>(root))
    return simplifyAttention(op, raising);
  auto dot = dyn_cast<DotGeneralOp>(root);
  if (!dot)
    return failure();
  // Most products have no softmax in front and fail at once.
  for (bool pIsLhs : {true, false}) {
    bool masked = true;
    for (unsigned order = 0; order < 4 && masked; ++order) {
      masked = false;
      for (bool kIsRhs : {true, false}) {
        Parts parts;
        Value replacement;
        if (matchAttention(parts, dot, pIsLhs, order, kIsRhs))
          replacement = buildAttention(parts, root, raising);
        if (replacement) {
          dot.getResult().replaceAllUsesWith(replacement);
          return success();
        }
        masked |= !parts.masks.empty();
      }
    }
  }
  return failure();
}
