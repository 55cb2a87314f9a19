//===- Vjp.cpp - Vector-Jacobian products -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Weft.h"

using namespace mlir;
using namespace weft;

LogicalResult DotGeneralOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void DotGeneralOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
LogicalResult ReduceOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void ReduceOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
LogicalResult CumsumOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void CumsumOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
LogicalResult BroadcastOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void BroadcastOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
LogicalResult TransposeOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void TransposeOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
LogicalResult ReshapeOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void ReshapeOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
LogicalResult SliceOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void SliceOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
LogicalResult PadOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void PadOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
LogicalResult ConcatOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void ConcatOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
LogicalResult GatherOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void GatherOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
LogicalResult ScatterAddOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void ScatterAddOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
LogicalResult AttentionOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void AttentionOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
LogicalResult LayerNormOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void LayerNormOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
LogicalResult RmsNormOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void RmsNormOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
LogicalResult SoftmaxOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void SoftmaxOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
LogicalResult CrossEntropyOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void CrossEntropyOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
LogicalResult GeluOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void GeluOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
LogicalResult SiluOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void SiluOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
LogicalResult RotaryOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
    SmallVectorImpl<Value> &operandGrads) { return failure(); }
void RotaryOp::getSavedValues(SmallVectorImpl<Value> &saved) {}
