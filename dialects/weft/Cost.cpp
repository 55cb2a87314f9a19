//===- Cost.cpp - Work and traffic -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Weft.h"

using namespace mlir;
using namespace weft;

OpCost DotGeneralOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost ReduceOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost CumsumOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost BroadcastOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost TransposeOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost ReshapeOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost SliceOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost PadOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost ConcatOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost IotaOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost GatherOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost ScatterAddOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost AttentionOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost AttentionGradOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost LayerNormOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost RmsNormOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost SoftmaxOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost CrossEntropyOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost GeluOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost SiluOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost RotaryOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost RandomOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost LearningRateOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost AdamOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
OpCost SgdOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) { return {}; }
