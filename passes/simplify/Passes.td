//===- Passes.td - Constant folding -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

include "mlir/Pass/PassBase.td"

def FoldConstants : Pass<"weft-fold-constants", "::mlir::func::FuncOp"> {
  let summary = "Evaluates every op whose operands are all constant";
  let description = [{
    One walk in program order: an op whose operands are constants (or iota) is
    replaced by its value, if the value is a splat or takes at most `limit`
    bytes. Larger values stay computations. Dead ops are removed.
  }];
  let options = [Option<"limit", "limit", "int64_t", "4194304", "Largest folded value, bytes">];
  let statistics = [Statistic<"numFolded", "folded", "Ops replaced by their value">];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}
