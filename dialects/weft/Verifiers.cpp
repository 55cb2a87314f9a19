//===- Verifiers.cpp - What must hold for every op -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Weft.h"

using namespace mlir;
using namespace weft;

LogicalResult ParamOp::verify() { return success(); }
LogicalResult StateOp::verify() { return success(); }
LogicalResult ReadOp::verify() { return success(); }
LogicalResult WriteOp::verify() { return success(); }
LogicalResult DotGeneralOp::verify() { return success(); }
LogicalResult ReduceOp::verify() { return success(); }
LogicalResult CumsumOp::verify() { return success(); }
LogicalResult BroadcastOp::verify() { return success(); }
LogicalResult TransposeOp::verify() { return success(); }
LogicalResult ReshapeOp::verify() { return success(); }
LogicalResult SliceOp::verify() { return success(); }
LogicalResult PadOp::verify() { return success(); }
LogicalResult ConcatOp::verify() { return success(); }
LogicalResult IotaOp::verify() { return success(); }
LogicalResult GatherOp::verify() { return success(); }
LogicalResult ScatterAddOp::verify() { return success(); }
LogicalResult AttentionOp::verify() { return success(); }
LogicalResult AttentionGradOp::verify() { return success(); }
LogicalResult LayerNormOp::verify() { return success(); }
LogicalResult RmsNormOp::verify() { return success(); }
LogicalResult SoftmaxOp::verify() { return success(); }
LogicalResult CrossEntropyOp::verify() { return success(); }
LogicalResult GeluOp::verify() { return success(); }
LogicalResult SiluOp::verify() { return success(); }
LogicalResult RotaryOp::verify() { return success(); }
LogicalResult RandomOp::verify() { return success(); }
LogicalResult LearningRateOp::verify() { return success(); }
LogicalResult AdamOp::verify() { return success(); }
LogicalResult SgdOp::verify() { return success(); }
