//===- CudaTarget.cpp - What schedules ask of NVIDIA GPUs -----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/cuda/CudaTarget.h"
#include "compiler/codegen/WorkspaceBounds.h"
#include "compiler/codegen/cuda/KernelGeometry.h"
#include "dialects/exec/AttentionCalls.h"
#include "dialects/exec/ProductCalls.h"
#include "dialects/weft/Sort.h"
#include "weft/attention.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft;

/// Workspaces of cuBLASLt, which wants 32 MiB on Hopper (its documentation, cublasSetWorkspace), and of a convolution.
static constexpr int64_t productWorkspace = int64_t(32) << 20, convolutionWorkspace = int64_t(64) << 20;

/// What an instantiated graph takes for a node with its parameters, and for a third branch that runs beside two others.
static constexpr int64_t nodeBytes = 2304, forkBytes = int64_t(120) << 10;

int64_t weft::outsideArenaBytes(const ProcessNeeds &needs) {
  int64_t mebibytes = (needs.several ? 1480 : 600) + (needs.exchanges ? 512 : 0) + (needs.copies ? 64 : 0);
  // An entry of 8 bytes for a page of 4 KiB.
  int64_t pageTables = (needs.mappedBytes + needs.hostBytes) / 512;
  return (mebibytes << 20) + pageTables + needs.graphNodes * nodeBytes + needs.graphForks * forkBytes;
}

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

namespace {
/// Any op of attention, forward or backward.
struct AttentionParts {
  Value q, k, v, mask;
  bool causal = false, backward = false;

  template <typename Op>
  AttentionParts(Op op, bool backward)
      : q(op.getQ()), k(op.getK()), v(op.getV()), mask(op.getMask()), causal(op.getCausal()), backward(backward) {}

  static std::optional<AttentionParts> of(Operation *op) {
    return llvm::TypeSwitch<Operation *, std::optional<AttentionParts>>(op)
        .Case([](AttentionOp attention) { return AttentionParts(attention, false); })
        .Case<AttentionGradOp, exec::PackedAttentionGradOp>([](auto grad) { return AttentionParts(grad, true); })
        .Default([](Operation *) { return std::nullopt; });
  }

  AttentionDesc sizes() const {
    ArrayRef<int64_t> query = typeOf(q).getShape(), key = typeOf(k).getShape();
    return {query[0], query[2], key[2], query[1], key[1], query[3], typeOf(v).getDimSize(3)};
  }
};
} // namespace

/// What cuDNN's fused attention can compute (its developer guide, scaled dot product attention).
static bool takesAttention(const AttentionParts &attention) {
  Type element = typeOf(attention.q).getElementType();
  if (!element.isBF16() && !element.isF16())
    return false;
  AttentionDesc sizes = attention.sizes();
  for (int64_t head : {sizes.head, sizes.valueHead})
    if (head % 8 != 0 || head > 128)
      return false;
  // Causal from the top left corner, which is ours where there are as many keys as queries.
  if (attention.causal && sizes.queries != sizes.keys)
    return false;
  // A mask is added, in f32 or the type of the scores' operands; one of booleans there is not.
  if (!attention.mask)
    return true;
  Type mask = typeOf(attention.mask).getElementType();
  return mask.isF32() || mask == element;
}

bool CudaTarget::takes(exec::LibraryOpInterface op) const {
  if (isa<TopKOp>(op) || isCollective(op))
    return true;
  if (std::optional<AttentionParts> attention = AttentionParts::of(op))
    return takesAttention(*attention);
  Type element = typeOf(op->getOperand(0)).getElementType();
  // cuBLASLt has GELU and its derivative with products of 16-bit operands.
  if (isa<exec::GeluProductOp, exec::GeluGradProductOp>(op))
    return element.isBF16() || element.isF16();
  return element.isF32() || element.isBF16() || element.isF16();
}

int64_t CudaTarget::workspaceBytes(exec::LibraryOpInterface op) const {
  if (isCollective(op))
    return deviceCollectiveWorkspaceBytes(op, !carrier(op).empty());
  if (isa<TopKOp>(op))
    return 0;
  if (std::optional<AttentionParts> attention = AttentionParts::of(op))
    return attentionWorkspaceBytes(attention->sizes(), attention->backward, choices.deterministic);
  return isa<exec::ProductOp, exec::GeluProductOp, exec::GeluGradProductOp>(op) ? productWorkspace
                                                                                : convolutionWorkspace;
}

StepRates CudaTarget::rates() const {
  // bf16 products, f32 in kernels, copies, NVLink, PCIe, and the host's memory for 32 processors; the last, of a
  // collective, is what NCCL takes about.
  StepRates rates{650e12, 40e12, 3.6e12, 250e9, 55e9, 150e9, 20e-6};
  rates.launchSeconds = 4e-6;
  rates.besideLibrary = 0.7;
  rates.besideCopies = 0.4;
  rates.products = {781e12, 60e12, 128, 256, 132, 2e-6};
  return rates;
}

/// Copies cost a rank and the host more than the library's kernels do where there is little to move.
static constexpr int64_t leastCopiedBytes = int64_t(1) << 20;

llvm::StringRef CudaTarget::carrier(exec::LibraryOpInterface op) const {
  if (!isCollective(op) || choices.collectives == "nccl")
    return "";
  StepRates cost = rates();
  CopyChoice choice = copyChoiceOf(op, choices.ranksPerNode, cost);
  // Half of what is communicated is taken to be hidden, where it costs what computing loses.
  double longer = (1 + cost.besideLibrary / cost.besideCopies) / 2;
  bool gains = choice.blockBytes >= leastCopiedBytes && choice.copySeconds <= choice.ncclSeconds * longer;
  return choice.possible && (gains || choices.collectives == "copy") ? "copy" : "";
}

int64_t CudaTarget::scratchBytes(exec::FusedOp kernel) const { return kernelScratchBytes(KernelShape::of(kernel)); }
