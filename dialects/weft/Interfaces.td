//===- Interfaces.td - What every op of a program answers ---*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_INTERFACES_TD
#define WEFT_INTERFACES_TD

include "mlir/IR/OpBase.td"

def DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::weft";
  let description = [{
    Reverse-mode differentiation, one op at a time. Gradients exist for operands
    of floating-point element type only.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds the vector-Jacobian product after the current insertion point.
      `resultGrads` has one entry per result, null where no gradient arrives;
      `operandGrads` comes in with one null entry per operand and gets a value of
      the operand's type wherever a gradient flows. Only operands for which
      `needed` is true have to be filled in.
    }], "::llvm::LogicalResult", "buildVjp",
      (ins "::mlir::OpBuilder &":$builder, "::llvm::ArrayRef<::mlir::Value>":$resultGrads,
           "::llvm::ArrayRef<bool>":$needed, "::llvm::SmallVectorImpl<::mlir::Value> &":$operandGrads)>,
    InterfaceMethod<[{
      The operands and results that the product reads: what has to be kept or
      recomputed until the backward pass.
    }], "void", "getSavedValues", (ins "::llvm::SmallVectorImpl<::mlir::Value> &":$saved)>
  ];
}

def ShardingRuleOpInterface : OpInterface<"ShardingRuleOpInterface"> {
  let cppNamespace = "::weft";
  let description = [{
    How the dimensions of operands and results correspond: an einsum-like factor
    rule. Propagation and partitioning know an op by nothing else.
  }];
  let methods = [
    InterfaceMethod<"The factor rule at the op's present shapes.", "::weft::ShardingRule", "getShardingRule", (ins)>
  ];
}

def CostOpInterface : OpInterface<"CostOpInterface"> {
  let cppNamespace = "::weft";
  let description = [{ Work and traffic of an op, at shapes that need not be its own (local ones, say). }];
  let methods = [
    InterfaceMethod<[{
      Operations (a multiply-add is two) and bytes read and written, if every
      element that the op needs is read once and every result written once.
    }], "::weft::OpCost", "getCost",
      (ins "::llvm::ArrayRef<::mlir::RankedTensorType>":$operands, "::llvm::ArrayRef<::mlir::RankedTensorType>":$results)>
  ];
}

def EvaluateOpInterface : OpInterface<"EvaluateOpInterface"> {
  let cppNamespace = "::weft";
  let description = [{
    Reference evaluation on small tensors: constant folding and property tests.
    Written for clarity; never on the path of a training step.
  }];
  let methods = [
    InterfaceMethod<[{
      Computes the results from literal operands, in order. Fails, without a
      diagnostic, if the op cannot be evaluated on these.
    }], "::llvm::LogicalResult", "evaluate",
      (ins "::llvm::ArrayRef<::weft::Literal>":$operands, "::llvm::SmallVectorImpl<::weft::Literal> &":$results)>
  ];
}

#endif // WEFT_INTERFACES_TD
