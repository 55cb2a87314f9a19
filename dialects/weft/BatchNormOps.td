//===- BatchNormOps.td - Normalisation by statistics of the batch -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_BATCHNORMOPS_TD
#define WEFT_BATCHNORMOPS_TD

include "dialects/weft/Base.td"

def ModeOpInterface : OpInterface<"ModeOpInterface"> {
  let cppNamespace = "::weft";
  let description = [{
    An op that means one thing while a model is trained and another while it is
    evaluated. It exists in @forward only: the tasks of a step have what it means there.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds what the op means in training or in evaluation at the insertion
      point; `results` gets one value per result, of its type.
    }], "void", "buildForMode",
      (ins "::mlir::OpBuilder &":$builder, "bool":$training, "::llvm::SmallVectorImpl<::mlir::Value> &":$results)>
  ];
}

def BatchNormOp : TensorOp<"batch_norm", [DeclareOpInterfaceMethods<ModeOpInterface>]> {
  let summary = "(x - mean) / sqrt(variance + eps) * scale + bias per channel, by the batch's own statistics, in f32";
  let description = [{
    x [N, C, ...], the others [C]. In training mean and variance are those of x over
    all dimensions but 1 (the variance by the number of elements n), and
    newMean = momentum * mean + (1 - momentum) * batchMean,
    newVariance = momentum * variance + (1 - momentum) * batchVariance,
    there with n - 1 instead of n if `unbiased` is set (PyTorch; ONNX has n).
    In evaluation they are the operands `mean` and `variance`, which stay.
    Reference evaluation is that of training.
  }];
  let arguments = (ins FloatTensor:$input, FloatTensor:$scale, FloatTensor:$bias, FloatTensor:$mean,
                   FloatTensor:$variance, F64Attr:$eps, F64Attr:$momentum, UnitAttr:$unbiased);
  let results = (outs FloatTensor:$result, FloatTensor:$newMean, FloatTensor:$newVariance);
  let assemblyFormat = [{
    $input `scale` $scale `bias` $bias `mean` $mean `variance` $variance `eps` $eps `momentum` $momentum
    (`unbiased` $unbiased^)? attr-dict `:` functional-type(operands, results)
  }];
}

def DropoutOp : TensorOp<"dropout", [AllTypesMatch<["input", "result"]>, DeclareOpInterfaceMethods<ModeOpInterface>]> {
  let summary = "Elements are dropped with probability `ratio`, the others multiplied by 1 / (1 - ratio)";
  let description = [{
    In training an element is kept where `weft.random` of `seed` and `stream` is at least `ratio`, so that what is dropped
    depends on the element's place in the whole tensor and on nothing else. In evaluation it is the input.
    Reference evaluation is that of training.
  }];
  let arguments = (ins FloatTensor:$input, IntTensor:$seed, F64Attr:$ratio, I64Attr:$stream);
  let results = (outs FloatTensor:$result);
  let assemblyFormat = "$input `seed` $seed `ratio` $ratio `stream` $stream attr-dict `:` type($input) `,` type($seed)";
}

#endif // WEFT_BATCHNORMOPS_TD
