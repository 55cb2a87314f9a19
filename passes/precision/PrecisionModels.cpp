//===- PrecisionModels.cpp - Which ops keep f32 in a narrow program -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/BatchNorm.h"
#include "dialects/weft/Weft.h"
#include "passes/precision/Precision.h"

#include "passes/precision/PrecisionInterface.cpp.inc"

using namespace mlir;
using namespace weft;

namespace {

/// Operands and results are f32: what adds up many numbers, and losses.
template <typename Op> struct FullModel : PrecisionOpInterface::ExternalModel<FullModel<Op>, Op> {
  Precision getOperandPrecision(Operation *, OpOperand &) const { return Precision::Full; }
  Precision getResultPrecision(Operation *, OpResult) const { return Precision::Full; }
};

/// The first `Narrow` operands and the first result are data; the others, such as scales, masks, angles and
/// statistics, keep their types.
template <typename Op, unsigned Narrow>
struct DataModel : PrecisionOpInterface::ExternalModel<DataModel<Op, Narrow>, Op> {
  Precision getOperandPrecision(Operation *, OpOperand &operand) const {
    return operand.getOperandNumber() < Narrow ? Precision::Narrow : Precision::Any;
  }
  Precision getResultPrecision(Operation *, OpResult result) const {
    return result.getResultNumber() == 0 ? Precision::Narrow : Precision::Full;
  }
};

/// Logits of any type, a loss in f32.
struct CrossEntropyModel : PrecisionOpInterface::ExternalModel<CrossEntropyModel, CrossEntropyOp> {
  Precision getOperandPrecision(Operation *, OpOperand &) const { return Precision::Any; }
  Precision getResultPrecision(Operation *, OpResult) const { return Precision::Full; }
};

} // namespace

void weft::registerPrecisionModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, WeftDialect *) {
    ReduceOp::attachInterface<FullModel<ReduceOp>>(*context);
    CumsumOp::attachInterface<FullModel<CumsumOp>>(*context);
    RandomOp::attachInterface<FullModel<RandomOp>>(*context);
    CrossEntropyOp::attachInterface<CrossEntropyModel>(*context);
    LayerNormOp::attachInterface<DataModel<LayerNormOp, 1>>(*context);
    RmsNormOp::attachInterface<DataModel<RmsNormOp, 1>>(*context);
    RotaryOp::attachInterface<DataModel<RotaryOp, 1>>(*context);
    BatchNormOp::attachInterface<DataModel<BatchNormOp, 1>>(*context);
    DropoutOp::attachInterface<DataModel<DropoutOp, 1>>(*context);
    AttentionOp::attachInterface<DataModel<AttentionOp, 3>>(*context);
  });
}
