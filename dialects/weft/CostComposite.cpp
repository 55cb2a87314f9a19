//===- CostComposite.cpp - Work and traffic of composite ops and updates -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/CostModel.h"
#include <algorithm>

using namespace mlir;
using namespace weft;

using Types = ArrayRef<RankedTensorType>;

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// Pairs of a query and a key that it sees, over all batch elements and heads. Under a causal mask query t sees the
/// first t + keys - queries + 1 keys, none if that is negative.
static double seenPairs(RankedTensorType q, RankedTensorType k, bool causal) {
  double queries = q.getDimSize(1), keys = k.getDimSize(1), heads = q.getDimSize(0) * q.getDimSize(2);
  if (!causal)
    return heads * queries * keys;
  // The queries that see anything see from `first` to `keys` keys, one more each.
  double seeing = std::min(queries, keys), first = keys - seeing + 1;
  return heads * seeing * (first + keys) / 2;
}

/// Operations on one score around its product: scale, mask, maximum, difference, exponential, sum.
static constexpr double scoreFlops = functionFlops + 5;

OpCost AttentionOp::getCost(Types operands, Types results) {
  double size = operands[0].getDimSize(3), valueSize = operands[2].getDimSize(3);
  double pairs = seenPairs(operands[0], operands[1], getCausal());
  return costOf(pairs * (2 * size + 2 * valueSize + scoreFlops), operands, results);
}

OpCost AttentionGradOp::getCost(Types operands, Types results) {
  double size = operands[1].getDimSize(3), valueSize = operands[3].getDimSize(3);
  double pairs = seenPairs(operands[1], operands[2], getCausal());
  // The scores again, dq and dk; dv and the gradients of the probabilities. Then the sums of dout * out by row.
  return costOf(pairs * (6 * size + 4 * valueSize + scoreFlops) + 2 * elements(operands[0]), operands, results);
}

//===----------------------------------------------------------------------===//
// Rows and elements
//===----------------------------------------------------------------------===//

OpCost LayerNormOp::getCost(Types operands, Types results) {
  // Sum, difference, sum of squares, scale; gamma and beta one each.
  return costOf((4 + static_cast<double>(operands.size())) * elements(operands[0]), operands, results);
}

OpCost RmsNormOp::getCost(Types operands, Types results) {
  // Sum of squares, scale; gamma.
  return costOf((2 + static_cast<double>(operands.size())) * elements(operands[0]), operands, results);
}

OpCost SoftmaxOp::getCost(Types operands, Types results) {
  // Maximum, difference, exponential, sum, quotient.
  return costOf((functionFlops + 4) * elements(operands[0]), operands, results);
}

OpCost CrossEntropyOp::getCost(Types operands, Types results) {
  // Maximum, difference, exponential, sum.
  return costOf((functionFlops + 3) * elements(operands[0]), operands, results);
}

OpCost GeluOp::getCost(Types operands, Types results) {
  // x/2 * (1 + f(...)), where the argument of tanh is a polynomial of degree three.
  return costOf((functionFlops + (getTanh() ? 8 : 4)) * elements(operands[0]), operands, results);
}

OpCost SiluOp::getCost(Types operands, Types results) {
  return costOf((functionFlops + 3) * elements(operands[0]), operands, results);
}

OpCost RotaryOp::getCost(Types operands, Types results) {
  double size = operands[0].getDimSize(3), rotated = operands[1].getShape().back();
  double rows = size == 0 ? 0 : elements(operands[0]) / size;
  return costOf(3 * rows * rotated, operands, results);
}

OpCost RandomOp::getCost(Types operands, Types results) {
  // Ten rounds of four multiplications, four exclusive ors and two additions.
  return costOf(10 * 10 * elements(results[0]), operands, results);
}

//===----------------------------------------------------------------------===//
// The update
//===----------------------------------------------------------------------===//

OpCost LearningRateOp::getCost(Types operands, Types results) { return costOf(functionFlops + 8, operands, results); }

OpCost AdamOp::getCost(Types operands, Types results) {
  // scale*grad; three for m' and four for v'; two corrections, root, epsilon, quotient, step; two of weight decay.
  return costOf((15 + (getDecay() ? 2 : 0)) * elements(operands[0]), operands, results);
}

OpCost SgdOp::getCost(Types operands, Types results) {
  return costOf((5 + (getDecay() ? 2 : 0)) * elements(operands[0]), operands, results);
}
