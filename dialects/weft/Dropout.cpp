//===- Dropout.cpp - Elements that are dropped at random -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/BatchNorm.h"
#include "dialects/weft/CostModel.h"
#include "dialects/weft/Random.h"
#include "dialects/weft/ShardingRule.h"
#include "dialects/weft/VerifySupport.h"

using namespace mlir;
using namespace weft;

LogicalResult DropoutOp::verify() {
  double ratio = getRatio().convertToDouble();
  if (!(ratio >= 0 && ratio < 1))
    return emitOpError() << "drops elements with probability " << ratio << ", which is not in [0, 1)";
  return verifyRank(*this, "seed", typeOf(getSeed()), 0);
}

void DropoutOp::buildForMode(OpBuilder &builder, bool training, SmallVectorImpl<Value> &results) {
  Value x = getInput();
  if (!training)
    return results.push_back(x);
  Build e{builder, getLoc()};
  double ratio = getRatio().convertToDouble();
  // In f32 whatever the data are: the same elements are dropped in every precision.
  RankedTensorType wide = tensorType(x).clone(builder.getF32Type());
  Value number = RandomOp::create(builder, getLoc(), wide, getSeed(), static_cast<int64_t>(getStream()));
  Value isDropped = e.less(number, e.splatLike(number, ratio));
  results.push_back(e.select(isDropped, e.splatLike(x, 0), e.mul(x, e.splatLike(x, 1 / (1 - ratio)))));
}

/// It exists before there is a mesh only; what it means in training knows its place.
ShardingRule DropoutOp::getShardingRule() {
  ShardingRuleBuilder builder(*this);
  for (int64_t dim = 0, rank = builder.rank(result()); dim < rank; ++dim)
    builder.add(ShardingRule::FactorKind::Replicated, {{operand(0), dim}, {result(), dim}});
  return builder.take();
}

OpCost DropoutOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) {
  // The numbers of weft.random, a comparison, a factor and a choice.
  return costOf(103 * elements(results[0]), operands, results);
}

LogicalResult DropoutOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  double ratio = getRatio().convertToDouble(), limit = static_cast<float>(ratio);
  std::vector<double> values(operands[0].getNumElements());
  for (int64_t i = 0, count = values.size(); i < count; ++i)
    if (uniformNumber(operands[1].getInt(0), getStream(), i, 24) >= limit)
      values[i] = operands[0].getFloat(i) / (1 - ratio);
  results.push_back(Literal::ofFloats(typeOf(getResult()), std::move(values)));
  return success();
}
