//===- ShardingComposite.cpp - Factor rules of composite ops and updates -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/ShardingRule.h"

using namespace mlir;
using namespace weft;

using RuleBuilder = ShardingRuleBuilder;
using Kind = ShardingRule::FactorKind;

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {

/// The positions of an attention's tensors among operands and results, by what their dimensions are.
struct AttentionTensors {
  SmallVector<TensorOf> queries; ///< [B,T,H,D]: q, dq
  SmallVector<TensorOf> keys;    ///< [B,S,G,D]: k, dk
  SmallVector<TensorOf> values;  ///< [B,S,G,E]: v, dv
  SmallVector<TensorOf> outs;    ///< [B,T,H,E]: out, dout
  TensorOf lse;                  ///< [B,H,T]
  std::optional<TensorOf> mask;  ///< [B or 1, H or 1, T, S]
};

/// How an attention's factors behave where they are not Parallel in the forward and the backward pass alike.
struct AttentionKinds {
  Kind group, query, key, value;
};

/// One dimension of each of several tensors.
struct Dims : SmallVector<RuleBuilder::Dim> {
  Dims &of(ArrayRef<TensorOf> tensors, int64_t dim) {
    for (TensorOf tensor : tensors)
      push_back({tensor, dim});
    return *this;
  }
};

} // namespace

static ShardingRule attentionRule(Operation *op, const AttentionTensors &t, AttentionKinds kinds) {
  RuleBuilder builder(op);
  // A mask dimension of size 1 is repeated: it has no factor.
  auto ofMask = [&](Dims &dims, int64_t dim) -> Dims & {
    return t.mask && (dim >= 2 || builder.size({*t.mask, dim}) != 1) ? dims.of(*t.mask, dim) : dims;
  };
  RuleBuilder::Dim heads{t.queries[0], 2}, groups{t.keys[0], 2};

  Dims batch;
  batch.of(t.queries, 0).of(t.keys, 0).of(t.values, 0).of(t.outs, 0).of(t.lse, 0);
  builder.add(Kind::Parallel, ofMask(batch, 0));
  Dims query;
  query.of(t.queries, 1).of(t.outs, 1).of(t.lse, 2);
  builder.add(kinds.query, ofMask(query, 2));
  // Query head h reads key/value head h / (heads per group): groups are the major factor of the query heads.
  Dims group, inGroup;
  group.of(t.keys, 2).of(t.values, 2).of(t.queries, 2).of(t.outs, 2).of(t.lse, 1);
  builder.add(Kind::Parallel, ofMask(group, 1));
  inGroup.of(t.queries, 2).of(t.outs, 2).of(t.lse, 1);
  builder.add(kinds.group, builder.size(heads) / builder.size(groups), ofMask(inGroup, 1));
  Dims key;
  key.of(t.keys, 1).of(t.values, 1);
  builder.add(kinds.key, ofMask(key, 3));
  // The contraction of q and k is inside of the exponential.
  builder.add(Kind::Replicated, Dims().of(t.queries, 3).of(t.keys, 3));
  builder.add(kinds.value, Dims().of(t.values, 3).of(t.outs, 3));
  return builder.take();
}

ShardingRule AttentionOp::getShardingRule() {
  AttentionTensors tensors{{operand(0)}, {operand(1)}, {operand(2)}, {result(0)}, result(1), std::nullopt};
  if (getMask())
    tensors.mask = operand(3);
  // A causal mask compares positions in the whole sequence. The softmax over the keys needs all of them. Not linear in
  // v: `lse` does not depend on it, so that of a partial v is not partial.
  return attentionRule(
      *this, tensors,
      {Kind::Parallel, getCausal() ? Kind::Replicated : Kind::Parallel, Kind::Replicated, Kind::Parallel});
}

ShardingRule AttentionGradOp::getShardingRule() {
  AttentionTensors tensors{{operand(1), result(0)},
                           {operand(2), result(1)},
                           {operand(3), result(2)},
                           {operand(0), operand(4)},
                           operand(5),
                           std::nullopt};
  if (getMask())
    tensors.mask = operand(6);
  // With `lse` and out known, every pair of a query and a key is on its own: dk and dv are sums over queries and the
  // heads of a group, dq over keys. dq and dk are linear in products of out and v with dout, sums over their elements.
  Kind position = getCausal() ? Kind::Replicated : Kind::Reduction;
  ShardingRule rule = attentionRule(*this, tensors, {Kind::Reduction, position, position, Kind::Reduction});
  rule.linear.push_back({0});
  return rule;
}

//===----------------------------------------------------------------------===//
// Rows: norms, softmax, cross-entropy
//===----------------------------------------------------------------------===//

/// Rows are independent. A row is whole: each of its elements depends on statistics of all, which shards would have
/// to exchange in the midst of the op. To shard rows is to decompose the op first.
static RuleBuilder rowRule(Operation *op) {
  RuleBuilder builder(op);
  int64_t last = builder.rank(operand(0)) - 1;
  for (int64_t dim = 0; dim < last; ++dim)
    builder.add(Kind::Parallel, {{operand(0), dim}, {result(), dim}});
  Dims row;
  row.of({operand(0), result()}, last);
  for (int64_t i = 1, count = op->getNumOperands(); i < count; ++i)
    row.of(operand(i), 0);
  builder.add(Kind::Replicated, row);
  return builder;
}

ShardingRule LayerNormOp::getShardingRule() {
  RuleBuilder builder = rowRule(*this);
  // normalised * gamma + beta; without gamma, the normalised input is added to beta, which is not linear.
  if (getGamma() && getBeta())
    builder.linear({1, 2});
  else if (getGamma())
    builder.linear({1});
  return builder.take();
}

ShardingRule RmsNormOp::getShardingRule() {
  RuleBuilder builder = rowRule(*this);
  if (getGamma())
    builder.linear({1});
  return builder.take();
}

ShardingRule SoftmaxOp::getShardingRule() { return rowRule(*this).take(); }

ShardingRule CrossEntropyOp::getShardingRule() {
  RuleBuilder builder(*this);
  int64_t last = builder.rank(operand(0)) - 1;
  for (int64_t dim = 0; dim < last; ++dim)
    builder.add(Kind::Parallel, {{operand(0), dim}, {operand(1), dim}, {result(), dim}});
  // Labels are positions in the whole vocabulary, over which the softmax runs.
  builder.add(Kind::Replicated, {{operand(0), last}});
  return builder.take();
}

ShardingRule GeluOp::getShardingRule() { return elementwiseRule(*this); }
ShardingRule SiluOp::getShardingRule() { return elementwiseRule(*this); }

//===----------------------------------------------------------------------===//
// Positions and random numbers
//===----------------------------------------------------------------------===//

ShardingRule RotaryOp::getShardingRule() {
  RuleBuilder builder(*this);
  int64_t angleRank = builder.rank(operand(1)), rotated = builder.size({operand(1), angleRank - 1});
  bool whole = rotated == builder.size({operand(0), 3});
  Dims batch, position, head, element, angle;
  batch.of({operand(0), result()}, 0);
  if (angleRank == 3)
    batch.of({operand(1), operand(2)}, 0);
  builder.add(Kind::Parallel, batch);
  builder.add(Kind::Parallel, position.of({operand(0), result()}, 1).of({operand(1), operand(2)}, angleRank - 2));
  builder.add(Kind::Parallel, head.of({operand(0), result()}, 2));
  // The halves of a head are mixed, and where they are depends on its size.
  element.of({operand(0), result()}, 3);
  angle.of({operand(1), operand(2)}, angleRank - 1);
  if (whole)
    element.append(angle);
  builder.add(Kind::Replicated, element);
  if (!whole)
    builder.add(Kind::Replicated, angle);
  builder.linear({0});
  // Elements that are not rotated pass whatever the angles are.
  if (whole)
    builder.linear({1, 2});
  return builder.take();
}

ShardingRule RandomOp::getShardingRule() {
  RuleBuilder builder(*this);
  // A number is a function of its position in the whole tensor.
  for (int64_t dim = 0, rank = builder.rank(result()); dim < rank; ++dim)
    builder.add(Kind::Replicated, {{result(), dim}});
  return builder.take();
}

//===----------------------------------------------------------------------===//
// The update
//===----------------------------------------------------------------------===//

ShardingRule LearningRateOp::getShardingRule() {
  RuleBuilder builder(*this);
  builder.add(Kind::Replicated, {{operand(1), 0}});
  return builder.take();
}

/// Every element of the first `count` operands and of the results on its own; `hyper` is a table.
static RuleBuilder updateRule(Operation *op, int64_t count, int64_t hyper) {
  RuleBuilder builder(op);
  for (int64_t dim = 0, rank = builder.rank(result()); dim < rank; ++dim) {
    Dims dims;
    for (int64_t i = 0; i < count; ++i)
      dims.of(operand(i), dim);
    for (int64_t i = 0, results = op->getNumResults(); i < results; ++i)
      dims.of(result(i), dim);
    builder.add(Kind::Parallel, dims);
  }
  builder.add(Kind::Replicated, {{operand(hyper), 0}});
  return builder;
}

ShardingRule AdamOp::getShardingRule() { return updateRule(*this, 4, 7).take(); }
ShardingRule SgdOp::getShardingRule() { return updateRule(*this, 3, 5).linear({0, 1, 2}).take(); }
