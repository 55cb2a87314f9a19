//===- DeviceModule.cpp - NVVM to PTX and machine code --------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/cuda/DeviceModule.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/Linker/Linker.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/IPO/Internalize.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace mlir;
using namespace weft;

static constexpr llvm::StringLiteral deviceTriple = "nvptx64-nvidia-cuda";
/// Every buffer's start is a multiple of this (passes/schedule/Arena.h), scratch memory's too.
static constexpr uint64_t bufferAlign = 64;

/// What kernels may take for granted of their arguments: no two are the same memory if one is written. Nothing of
/// addresses that come in an array.
static void describeArguments(ModuleOp device) {
  OpBuilder builder(device.getContext());
  for (auto function : device.getOps<LLVM::LLVMFuncOp>()) {
    for (StringRef name : {"gpu.kernel", "weft.narrow"})
      function->removeAttr(name);
    if (function.isExternal())
      continue;
    if (auto packed = function->getAttrOfType<IntegerAttr>(packedAttr)) {
      auto address = LLVM::LLVMPointerType::get(builder.getContext(), /*addressSpace=*/1);
      function.setArgAttr(0, LLVM::LLVMDialect::getByValAttrName(),
                          TypeAttr::get(LLVM::LLVMArrayType::get(address, packed.getInt())));
      function.setArgAttr(0, LLVM::LLVMDialect::getAlignAttrName(), builder.getI64IntegerAttr(8));
      function->removeAttr(packedAttr);
      continue;
    }
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      function.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
      function.setArgAttr(i, LLVM::LLVMDialect::getNonNullAttrName(), builder.getUnitAttr());
      function.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(), builder.getI64IntegerAttr(bufferAlign));
    }
  }
}

/// Adds the functions of libdevice that `module` calls.
static bool linkLibdevice(llvm::Module &module, const CudaToolkit &toolkit, std::string &error) {
  if (llvm::none_of(module, [](llvm::Function &f) { return f.getName().starts_with("__nv_"); }))
    return true;
  llvm::SMDiagnostic diagnostic;
  std::unique_ptr<llvm::Module> library = llvm::parseIRFile(toolkit.libdevice(), diagnostic, module.getContext());
  if (!library) {
    error = "cannot read '" + toolkit.libdevice() + "': " + diagnostic.getMessage().str();
    return false;
  }
  library->setTargetTriple(module.getTargetTriple());
  library->setDataLayout(module.getDataLayout());
  bool failed = llvm::Linker::linkModules(module, std::move(library), llvm::Linker::LinkOnlyNeeded,
                                          [](llvm::Module &linked, const llvm::StringSet<> &names) {
                                            llvm::internalizeModule(linked, [&](const llvm::GlobalValue &value) {
                                              return !value.hasName() || !names.count(value.getName());
                                            });
                                          });
  if (failed)
    error = "cannot link '" + toolkit.libdevice() + "'";
  return !failed;
}

/// Keeps denormal f32 numbers where bf16 is compared: LLVM 22 writes `setp.ftz.bf16`, which does not exist. Such
/// comparisons come out of the optimiser, which makes them of widened ones.
static void keepDenormals(llvm::Module &module) {
  for (llvm::Function &function : module)
    if (llvm::any_of(llvm::instructions(function), [](const llvm::Instruction &instruction) {
          return llvm::isa<llvm::FCmpInst>(instruction) &&
                 instruction.getOperand(0)->getType()->getScalarType()->isBFloatTy();
        }))
      function.removeFnAttr("denormal-fp-math-f32");
}

static std::unique_ptr<llvm::TargetMachine> machineFor(const llvm::Target &target, StringRef arch) {
  llvm::TargetOptions options;
  // As nvcc does: a product and a sum are one instruction.
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast;
  return std::unique_ptr<llvm::TargetMachine>(
      target.createTargetMachine(llvm::Triple(deviceTriple), arch, /*Features=*/"", options, std::nullopt, std::nullopt,
                                 llvm::CodeGenOptLevel::Aggressive));
}

static bool emitPtx(llvm::Module &module, llvm::TargetMachine &machine, std::string &ptx) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder passes(&machine);
  passes.registerModuleAnalyses(modules);
  passes.registerCGSCCAnalyses(graphs);
  passes.registerFunctionAnalyses(functions);
  passes.registerLoopAnalyses(loops);
  passes.crossRegisterProxies(loops, functions, graphs, modules);
  passes.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
  keepDenormals(module);
  llvm::SmallVector<char> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager codegen;
  if (machine.addPassesToEmitFile(codegen, stream, nullptr, llvm::CodeGenFileType::AssemblyFile))
    return false;
  codegen.run(module);
  ptx.assign(text.begin(), text.end());
  return true;
}

static void addImage(DeviceCode &code, StringRef arch, StringRef kind, ArrayRef<char> bytes) {
  // Each starts where machine code may: ELF headers want 8, the contract says 16.
  while (code.blob.size() % 64 != 0)
    code.blob.push_back(0);
  code.images.push_back(
      {arch.str(), kind.str(), static_cast<int64_t>(code.blob.size()), static_cast<int64_t>(bytes.size())});
  code.blob.insert(code.blob.end(), bytes.begin(), bytes.end());
}

LogicalResult weft::translateDeviceModule(ModuleOp device, const llvm::StringSet<> &narrow,
                                          ArrayRef<std::string> architectures, const CudaToolkit &toolkit,
                                          bool assemble, DeviceCode &code) {
  auto fail = [&](const llvm::Twine &why) { return emitError(device.getLoc()) << "device code: " << why; };
  LLVMInitializeNVPTXTarget();
  LLVMInitializeNVPTXTargetInfo();
  LLVMInitializeNVPTXTargetMC();
  LLVMInitializeNVPTXAsmPrinter();
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(llvm::Triple(deviceTriple), error);
  if (!target)
    return fail(error);

  describeArguments(device);
  registerBuiltinDialectTranslation(*device.getContext());
  registerLLVMDialectTranslation(*device.getContext());
  registerNVVMDialectTranslation(*device.getContext());
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = translateModuleToLLVMIR(device, context, "weft");
  if (!module)
    return failure();
  module->setTargetTriple(llvm::Triple(deviceTriple));
  module->setDataLayout(machineFor(*target, architectures.front())->createDataLayout());
  for (llvm::Function &function : *module)
    if (narrow.contains(function.getName()))
      function.addFnAttr("denormal-fp-math-f32", "preserve-sign,preserve-sign");
  if (!linkLibdevice(*module, toolkit, error))
    return fail(error);

  for (const std::string &arch : architectures) {
    std::unique_ptr<llvm::Module> copy = llvm::CloneModule(*module);
    std::string ptx;
    if (!emitPtx(*copy, *machineFor(*target, arch), ptx))
      return fail("this LLVM cannot write PTX");
    if (code.ptx.empty())
      code.ptx = ptx;
    if (!assemble)
      break;
    llvm::SmallVector<char> cubin;
    std::vector<FunctionResources> resources;
    if (!toolkit.assemble(ptx, arch, cubin, resources, error))
      return fail(error);
    addImage(code, arch, "cubin", cubin);
    for (FunctionResources &used : resources)
      code.resources.emplace_back(arch, std::move(used));
  }
  addImage(code, architectures.front(), "ptx", ArrayRef<char>(code.ptx.data(), code.ptx.size()));
  return success();
}
