//===- ObjectFile.cpp - LLVM IR to an optimised object file -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/host/ObjectFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

using namespace weft;

static const llvm::Target *hostTarget(std::string &error) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  return llvm::TargetRegistry::lookupTarget(llvm::Triple(llvm::sys::getDefaultTargetTriple()), error);
}

/// Whether kernels can gain by a feature: the others (system instructions, cache control) are no reason for an
/// executable to refuse a machine.
static bool isForKernels(llvm::StringRef feature) {
  static constexpr llvm::StringLiteral families[] = {"avx", "amx-",   "sse",   "ssse3", "fma", "f16c",
                                                     "bmi", "popcnt", "lzcnt", "movbe", "gfni"};
  return llvm::any_of(families, [&](llvm::StringRef family) { return feature.starts_with(family); });
}

static std::string featureString(const std::vector<std::string> &features) {
  std::vector<std::string> signedFeatures;
  for (const std::string &feature : features)
    signedFeatures.push_back("+" + feature);
  return llvm::join(signedFeatures, ",");
}

mlir::FailureOr<HostCpu> HostCpu::get(llvm::StringRef name, std::string &error) {
  const llvm::Target *target = hostTarget(error);
  if (!target)
    return mlir::failure();
  llvm::Triple triple(llvm::sys::getDefaultTargetTriple());
  HostCpu cpu;
  if (name == "native") {
    cpu.name = llvm::sys::getHostCPUName().str();
    for (auto &entry : llvm::sys::getHostCPUFeatures())
      if (entry.getValue() && isForKernels(entry.getKey()))
        cpu.features.push_back(entry.getKey().str());
    llvm::sort(cpu.features);
    return cpu;
  }
  cpu.name = name.str();
  std::unique_ptr<llvm::MCSubtargetInfo> info(target->createMCSubtargetInfo(triple, "", ""));
  if (!info->isCPUStringValid(name)) {
    error = "unknown processor '" + name.str() + "'; known are native";
    for (const llvm::SubtargetSubTypeKV &known : info->getAllProcessorDescriptions())
      if (llvm::StringRef(known.Key).starts_with("x86-64") || llvm::StringRef(known.Key).starts_with("znver") ||
          llvm::StringRef(known.Key).contains("lake"))
        error += ", " + std::string(known.Key);
    return mlir::failure();
  }
  // What the processor's model has, by name: the executable checks it at its start.
  info.reset(target->createMCSubtargetInfo(triple, name, ""));
  for (const llvm::SubtargetFeatureKV &feature : info->getAllProcessorFeatures())
    if (info->getFeatureBits().test(feature.Value) && isForKernels(feature.Key))
      cpu.features.push_back(feature.Key);
  llvm::sort(cpu.features);
  return cpu;
}

bool weft::emitObjectFile(llvm::Module &module, const HostCpu &cpu, llvm::SmallVectorImpl<char> &object,
                          std::string *text, std::string &error) {
  const llvm::Target *target = hostTarget(error);
  if (!target)
    return false;
  llvm::Triple triple(llvm::sys::getDefaultTargetTriple());
  std::string features = featureString(cpu.features);
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, cpu.name, features, llvm::TargetOptions(), llvm::Reloc::PIC_, std::nullopt,
                                  llvm::CodeGenOptLevel::Aggressive));
  module.setTargetTriple(triple);
  module.setDataLayout(machine->createDataLayout());
  bool wide = llvm::is_contained(cpu.features, "avx512f");
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", cpu.name);
    function.addFnAttr("target-features", features);
    function.addFnAttr("prefer-vector-width", wide ? "512" : "256");
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }

  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = true;
  tuning.SLPVectorization = true;
  llvm::PassBuilder passes(machine.get(), tuning);
  passes.registerModuleAnalyses(modules);
  passes.registerCGSCCAnalyses(graphs);
  passes.registerFunctionAnalyses(functions);
  passes.registerLoopAnalyses(loops);
  passes.crossRegisterProxies(loops, functions, graphs, modules);
  passes.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
  if (text) {
    llvm::raw_string_ostream stream(*text);
    module.print(stream, nullptr);
  }

  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager codegen;
  if (machine->addPassesToEmitFile(codegen, stream, nullptr, llvm::CodeGenFileType::ObjectFile)) {
    error = "this LLVM cannot write object files for " + triple.str();
    return false;
  }
  codegen.run(module);
  return true;
}
