//===- weft-opt.cpp - Runs passes on textual IR, for tests -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/pipeline/Dialects.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"
#include "passes/analysis/Passes.h"
#include "passes/lower/Passes.h"
#include "passes/memory/Passes.h"
#include "passes/precision/Passes.h"
#include "passes/raise/Passes.h"
#include "passes/schedule/Passes.h"
#include "passes/shard/Passes.h"
#include "passes/simplify/Passes.h"
#include "passes/train/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  weft::registerDialects(registry);
  mlir::registerTransformsPasses();
  weft::registerWeftAnalysisPasses();
  weft::registerWeftLowerPasses();
  weft::registerWeftMemoryPasses();
  weft::registerWeftShardPasses();
  weft::registerWeftSimplifyPasses();
  weft::registerWeftRaisePasses();
  weft::registerWeftSchedulePassesPasses();
  weft::registerWeftTrainPasses();
  weft::registerWeftPrecisionPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Weft pass driver\n", registry));
}
