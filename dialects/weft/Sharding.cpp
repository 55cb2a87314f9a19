//===- Sharding.cpp - Factor rules -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Weft.h"

using namespace mlir;
using namespace weft;

ShardingRule DotGeneralOp::getShardingRule() { return {}; }
ShardingRule ReduceOp::getShardingRule() { return {}; }
ShardingRule CumsumOp::getShardingRule() { return {}; }
ShardingRule BroadcastOp::getShardingRule() { return {}; }
ShardingRule TransposeOp::getShardingRule() { return {}; }
ShardingRule ReshapeOp::getShardingRule() { return {}; }
ShardingRule SliceOp::getShardingRule() { return {}; }
ShardingRule PadOp::getShardingRule() { return {}; }
ShardingRule ConcatOp::getShardingRule() { return {}; }
ShardingRule IotaOp::getShardingRule() { return {}; }
ShardingRule GatherOp::getShardingRule() { return {}; }
ShardingRule ScatterAddOp::getShardingRule() { return {}; }
ShardingRule AttentionOp::getShardingRule() { return {}; }
ShardingRule AttentionGradOp::getShardingRule() { return {}; }
ShardingRule LayerNormOp::getShardingRule() { return {}; }
ShardingRule RmsNormOp::getShardingRule() { return {}; }
ShardingRule SoftmaxOp::getShardingRule() { return {}; }
ShardingRule CrossEntropyOp::getShardingRule() { return {}; }
ShardingRule GeluOp::getShardingRule() { return {}; }
ShardingRule SiluOp::getShardingRule() { return {}; }
ShardingRule RotaryOp::getShardingRule() { return {}; }
ShardingRule RandomOp::getShardingRule() { return {}; }
ShardingRule LearningRateOp::getShardingRule() { return {}; }
ShardingRule AdamOp::getShardingRule() { return {}; }
ShardingRule SgdOp::getShardingRule() { return {}; }
