//===- HostCodegen.cpp - From a schedule to an object file for the host -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/host/HostCodegen.h"
#include "compiler/codegen/host/HostTasks.h"
#include "compiler/codegen/host/KernelEmitter.h"
#include "compiler/codegen/host/ObjectFile.h"
#include "dialects/exec/Exec.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

using namespace mlir;
using namespace weft;

namespace {

/// exp, tanh, erf, log, sin and cos of f32 by polynomials that LLVM can put into vector lanes.
struct ApproximateMath : PassWrapper<ApproximateMath, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ApproximateMath)
  StringRef getName() const override { return "ApproximateMath"; }
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateMathPolynomialApproximationPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

/// Rounds f64 to bf16 by way of f32, for which there is an expansion.
struct TruncateInSteps : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::TruncFOp op, PatternRewriter &rewriter) const override {
    if (!op.getType().isBF16() || !op.getIn().getType().isF64())
      return failure();
    Value single = arith::TruncFOp::create(rewriter, op.getLoc(), rewriter.getF32Type(), op.getIn());
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, op.getType(), single);
    return success();
  }
};

/// A choice between bf16 values as one between their bits: LLVM would widen them and round the result again, by that
/// same function.
struct SelectBits : OpRewritePattern<arith::SelectOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::SelectOp op, PatternRewriter &rewriter) const override {
    if (!op.getType().isBF16())
      return failure();
    auto bits = [&](Value value) {
      return arith::BitcastOp::create(rewriter, op.getLoc(), rewriter.getI16Type(), value);
    };
    Value chosen = arith::SelectOp::create(rewriter, op.getLoc(), op.getCondition(), bits(op.getTrueValue()),
                                           bits(op.getFalseValue()));
    rewriter.replaceOpWithNewOp<arith::BitcastOp>(op, op.getType(), chosen);
    return success();
  }
};

/// Conversions between bf16 and f32 as integer arithmetic: LLVM would call a function of the compiler's library for
/// every element, which not every version of that library has.
struct ExpandBFloat16 : PassWrapper<ExpandBFloat16, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ExpandBFloat16)
  StringRef getName() const override { return "ExpandBFloat16"; }
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<TruncateInSteps, SelectBits>(&getContext());
    arith::populateExpandBFloat16Patterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

OwningOpRef<ModuleOp> weft::lowerHostKernels(ModuleOp scheduled, llvm::StringMap<ParallelExtent> &extents) {
  MLIRContext *context = scheduled.getContext();
  context->loadDialect<memref::MemRefDialect, scf::SCFDialect, LLVM::LLVMDialect, arith::ArithDialect,
                       math::MathDialect, func::FuncDialect>();

  SmallVector<func::FuncOp> kernels;
  for (func::FuncOp function : scheduled.getOps<func::FuncOp>())
    if (function->hasAttr(exec::kindAttr))
      kernels.push_back(function);
  for (func::FuncOp kernel : kernels) {
    extents[kernel.getSymName()] = parallelExtent(kernel);
    emitHostKernel(kernel);
  }

  // Only kernels go through the conversions; tasks become LLVM functions directly.
  OwningOpRef<ModuleOp> module = ModuleOp::create(scheduled.getLoc());
  for (func::FuncOp kernel : llvm::make_early_inc_range(scheduled.getOps<func::FuncOp>()))
    kernel->moveBefore(module->getBody(), module->getBody()->end());
  PassManager manager(context);
  manager.addNestedPass<func::FuncOp>(createCanonicalizerPass());
  manager.addNestedPass<func::FuncOp>(createCSEPass());
  // Narrow floats are only storage: arithmetic is in f32.
  manager.addNestedPass<func::FuncOp>(math::createMathExtendToSupportedTypes());
  arith::ArithEmulateUnsupportedFloatsOptions narrow;
  narrow.sourceTypeStrs = {"bf16"};
  narrow.targetTypeStr = "f32";
  manager.addNestedPass<func::FuncOp>(arith::createArithEmulateUnsupportedFloats(narrow));
  manager.addNestedPass<func::FuncOp>(std::make_unique<ApproximateMath>());
  manager.addNestedPass<func::FuncOp>(std::make_unique<ExpandBFloat16>());
  manager.addNestedPass<func::FuncOp>(createCSEPass());
  manager.addPass(createSCFToControlFlowPass());
  manager.addPass(createConvertMathToLLVMPass());
  // What LLVM has no intrinsic for, such as erf of f64, is a function of the C library.
  manager.addPass(createConvertMathToLibmPass());
  manager.addPass(createArithToLLVMConversionPass());
  manager.addPass(createFinalizeMemRefToLLVMConversionPass());
  ConvertFuncToLLVMPassOptions bare;
  bare.useBarePtrCallConv = true;
  manager.addPass(createConvertFuncToLLVMPass(bare));
  manager.addPass(createConvertControlFlowToLLVMPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
  if (failed(manager.run(*module)))
    return {};
  return module;
}

LogicalResult weft::emitHostObject(ModuleOp scheduled, StringRef manifest, const HostCpu &cpu,
                                   SmallVectorImpl<char> &object, std::string *llvmIr) {
  MLIRContext *context = scheduled.getContext();
  llvm::StringMap<ParallelExtent> extents;
  OwningOpRef<ModuleOp> module = lowerHostKernels(scheduled, extents);
  if (!module)
    return failure();
  for (Operation &op : llvm::make_early_inc_range(*scheduled.getBody()))
    op.moveBefore(module->getBody(), module->getBody()->end());
  lowerHostTasks(*module, manifest, extents);

  registerBuiltinDialectTranslation(*context);
  registerLLVMDialectTranslation(*context);
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> llvmModule = translateModuleToLLVMIR(*module, llvmContext, "weft");
  if (!llvmModule)
    return failure();
  std::string error;
  if (!emitObjectFile(*llvmModule, cpu, object, llvmIr, error))
    return scheduled.emitError("code generation: ") << error;
  return success();
}
