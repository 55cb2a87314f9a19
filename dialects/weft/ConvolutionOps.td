//===- ConvolutionOps.td - Convolution and its transposes -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A convolution is linear in input and filter. With the sum of output times
// result it is a form that is linear in three tensors; each op here is that
// form with one of the three left out, so that they are closed under
// differentiation: docs/convolution.md.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CONVOLUTIONOPS_TD
#define WEFT_CONVOLUTIONOPS_TD

include "dialects/weft/Base.td"

/// Layouts: input [N, C, spatial...], filter [O, C/groups, kernel...], output [N, O, spatial...], 1 to 3 spatial dimensions.
class ConvolutionFamilyOp<string mnemonic> : DifferentiableOp<mnemonic> {
  let results = (outs FloatTensor:$result);
  let extraClassDeclaration = [{
    /// The sizes of the convolution that this op belongs to.
    ::weft::ConvolutionGeometry getGeometry();
  }];
}

def ConvolutionOp : ConvolutionFamilyOp<"convolution"> {
  let summary = "Sums of products of a filter and the windows of an input, over its channels";
  let description = [{
    input [N, C, in...], filter [O, C/g, k...] -> [N, O, out...], where
    result[n,o,p] = sum over c, q of input[n, group(o)*C/g + c, p*strides + q*dilations - low] * filter[o,c,q];
    outside of the input are `low` and `high` zeros per dimension. The number of
    groups g is that of the channels over those of the filter. out =
    (in + low + high - (k-1)*dilations - 1) / strides + 1, rounded down.
  }];
  let arguments = (ins FloatTensor:$input, FloatTensor:$filter, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$low,
                   DenseI64ArrayAttr:$high, DenseI64ArrayAttr:$dilations);
  let assemblyFormat = [{
    $input `,` $filter `strides` $strides `low` $low `high` $high `dilations` $dilations attr-dict
    `:` functional-type(operands, results)
  }];
}

def ConvolutionInputGradOp : ConvolutionFamilyOp<"convolution_input_grad"> {
  let summary = "The transpose of weft.convolution in its input: the gradient of the input, or a transposed convolution";
  let description = [{
    output [N, O, out...], filter [O, C/g, k...] -> [N, C, in...]. The result type
    says which of the inputs that give `output`'s sizes is meant.
  }];
  let arguments = (ins FloatTensor:$output, FloatTensor:$filter, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$low,
                   DenseI64ArrayAttr:$high, DenseI64ArrayAttr:$dilations);
  let assemblyFormat = [{
    $output `,` $filter `strides` $strides `low` $low `high` $high `dilations` $dilations attr-dict
    `:` functional-type(operands, results)
  }];
}

def ConvolutionWeightGradOp : ConvolutionFamilyOp<"convolution_weight_grad"> {
  let summary = "The transpose of weft.convolution in its filter: the gradient of the filter";
  let description = [{ input [N, C, in...], output [N, O, out...] -> [O, C/g, k...]. The result type says what g is. }];
  let arguments = (ins FloatTensor:$input, FloatTensor:$output, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$low,
                   DenseI64ArrayAttr:$high, DenseI64ArrayAttr:$dilations);
  let assemblyFormat = [{
    $input `,` $output `strides` $strides `low` $low `high` $high `dilations` $dilations attr-dict
    `:` functional-type(operands, results)
  }];
}

#endif // WEFT_CONVOLUTIONOPS_TD
