//===- Evaluate.cpp - Reference evaluation -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Weft.h"

using namespace mlir;
using namespace weft;

LogicalResult DotGeneralOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult ReduceOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult CumsumOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult BroadcastOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult TransposeOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult ReshapeOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult SliceOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult PadOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult ConcatOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult IotaOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult GatherOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult ScatterAddOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult AttentionOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult AttentionGradOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult LayerNormOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult RmsNormOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult SoftmaxOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult CrossEntropyOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult GeluOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult SiluOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult RotaryOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult RandomOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult LearningRateOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult AdamOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
LogicalResult SgdOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) { return failure(); }
