//===- Dialects.cpp - The dialects of every rung --------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/pipeline/Dialects.h"
#include "dialects/dist/Dist.h"
#include "dialects/exec/Exec.h"
#include "dialects/weft/Weft.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/Extensions/AllExtensions.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

void weft::registerDialects(DialectRegistry &registry) {
  registry.insert<WeftDialect, dist::DistDialect, exec::ExecDialect, arith::ArithDialect, math::MathDialect,
                  func::FuncDialect, memref::MemRefDialect>();
  func::registerAllExtensions(registry);
  registerExternalModels(registry);
}
