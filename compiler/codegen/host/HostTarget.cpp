//===- HostTarget.cpp - What schedules ask of the host -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/host/HostTarget.h"
#include "compiler/codegen/Kernel.h"
#include "compiler/codegen/WorkspaceBounds.h"
#include "dialects/exec/ProductCalls.h"
#include "dialects/weft/Convolution.h"
#include "dialects/weft/Sort.h"
#include "weft/convolution.h"
#include "weft/matmul.h"
#include "llvm/ADT/TypeSwitch.h"
#include <algorithm>

using namespace mlir;
using namespace weft;

static std::vector<int64_t> vectorOf(ArrayRef<int64_t> values) { return {values.begin(), values.end()}; }

static int64_t workspaceOf(exec::ProductOp op, const std::vector<std::string> &features) {
  exec::ProductShape product = exec::ProductShape::of(op);
  MatmulDesc desc;
  desc.batch = vectorOf(product.batch);
  desc.m = product.m;
  desc.n = product.n;
  desc.k = product.k;
  desc.dtype = product.elementType.isBF16() ? MatmulType::BF16 : MatmulType::F32;
  desc.aStrides = vectorOf(product.aStrides);
  desc.bStrides = vectorOf(product.bStrides);
  desc.cStrides = vectorOf(product.cStrides);
  desc.bias = product.bias;
  desc.library = chooseMatmulLibrary(desc.dtype, features);
  return matmulScratchBytes(desc);
}

static int64_t workspaceOf(const ConvolutionGeometry &g) {
  ConvolutionDesc desc;
  switch (g.kind) {
  case ConvolutionKind::Forward:
    desc.kind = ConvolutionDesc::Forward;
    break;
  case ConvolutionKind::InputGrad:
    desc.kind = ConvolutionDesc::InputGrad;
    break;
  case ConvolutionKind::WeightGrad:
    desc.kind = ConvolutionDesc::WeightGrad;
    break;
  }
  desc.input = vectorOf(g.inputType.getShape());
  desc.filter = vectorOf(g.filterType.getShape());
  desc.output = vectorOf(g.outputType.getShape());
  desc.strides = vectorOf(g.strides);
  desc.low = vectorOf(g.low);
  desc.high = vectorOf(g.high);
  desc.dilations = vectorOf(g.dilations);
  return convolutionScratchBytes(desc);
}

bool HostTarget::takes(exec::LibraryOpInterface op) const {
  if (isa<TopKOp>(op) || isCollective(op))
    return true;
  // oneDNN would have to compute the activation's input again in the backward pass.
  if (isa<exec::GeluProductOp, exec::GeluGradProductOp>(op))
    return false;
  Type element = cast<RankedTensorType>(op->getOperand(0).getType()).getElementType();
  return element.isF32() || (isa<exec::ProductOp, DotGeneralOp>(op) && element.isBF16());
}

int64_t HostTarget::workspaceBytes(exec::LibraryOpInterface op) const {
  int64_t bytes =
      llvm::TypeSwitch<Operation *, int64_t>(op)
          .Case([&](exec::ProductOp product) { return workspaceOf(product, features); })
          .Case<ConvolutionOp, ConvolutionInputGradOp, ConvolutionWeightGradOp>(
              [](auto convolution) { return workspaceOf(convolution.getGeometry()); })
          .Default([](Operation *other) { return isCollective(other) ? collectiveWorkspaceBytes(other) : 0; });
  return std::max<int64_t>(0, bytes);
}

int64_t HostTarget::scratchBytes(exec::FusedOp kernel) const {
  if (kernel.getKind() != exec::KernelKind::scatter)
    return 0;
  Value result = kernel.getBody().front().getTerminator()->getOperand(0);
  if (!ScatterSource(result.getDefiningOp()).isCarried())
    return 0;
  auto type = cast<RankedTensorType>(result.getType());
  return type.getNumElements() * elementBytes(carriedType(type.getElementType()));
}
