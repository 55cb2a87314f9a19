//===- Convolution.h - Convolution and its transposes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_WEFT_CONVOLUTION_H
#define WEFT_DIALECTS_WEFT_CONVOLUTION_H

#include "dialects/weft/Weft.h"

namespace weft {

/// Which of its three tensors an op of the family computes from the other two.
enum class ConvolutionKind { Forward, InputGrad, WeightGrad };

/// The sizes of a convolution, whichever of its three tensors an op computes.
/// Spatial lists have one entry per spatial dimension.
struct ConvolutionGeometry {
  ConvolutionKind kind;
  mlir::RankedTensorType inputType, filterType, outputType;
  llvm::ArrayRef<int64_t> strides, low, high, dilations;

  int64_t spatialRank() const { return inputType.getRank() - 2; }
  int64_t batch() const { return inputType.getDimSize(0); }
  int64_t inputChannels() const { return inputType.getDimSize(1); }
  int64_t outputChannels() const { return outputType.getDimSize(1); }
  /// Channels of one group of the input.
  int64_t groupChannels() const { return filterType.getDimSize(1); }
  int64_t groups() const { return groupChannels() ? inputChannels() / groupChannels() : 1; }
  llvm::ArrayRef<int64_t> inputSizes() const { return inputType.getShape().drop_front(2); }
  llvm::ArrayRef<int64_t> kernelSizes() const { return filterType.getShape().drop_front(2); }
  llvm::ArrayRef<int64_t> outputSizes() const { return outputType.getShape().drop_front(2); }
  /// Whether the windows along spatial dimension `d` neither overlap nor leave anything out nor reach outside.
  bool isTiledBy(int64_t d) const;
};

/// (in + low + high - (kernel-1)*dilation - 1) / stride + 1; 0 if no window fits.
int64_t convolvedSize(int64_t in, int64_t kernel, int64_t stride, int64_t low, int64_t high, int64_t dilation);

} // namespace weft

#define GET_OP_CLASSES
#include "dialects/weft/ConvolutionOps.h.inc"

#endif // WEFT_DIALECTS_WEFT_CONVOLUTION_H
