//===- Compiler.cpp - A compilation in this process, judged ---------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Compiler.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/Sources.h"
#include "compiler/import/onnx/OnnxImport.h"
#include "compiler/manifest/Location.h"
#include "compiler/manifest/Manifest.h"
#include "compiler/pipeline/Dialects.h"
#include "compiler/pipeline/Pipelines.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace weft;

/// A context keeps every type, attribute and location it has seen. With it go the pipelines, one for each choice of
/// training options, whose canonicalisers are dear to make.
static constexpr unsigned kRunsPerContext = 5000;

static const char *const kLosses[] = {"auto", "auto", "auto", "cross-entropy", "mse", "output:y"};
static const char *const kOptimizers[] = {"adamw", "adam", "sgd"};

weft::fuzz::Compiler::Compiler() {
  std::string error;
  // The same code on every machine.
  cpu = *HostCpu::get("x86-64-v3", error);
  renew();
}

weft::fuzz::Compiler::~Compiler() = default;

void weft::fuzz::Compiler::renew() {
  pipelines.clear();
  handler.reset();
  DialectRegistry registry;
  registerDialects(registry);
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  context->printOpOnDiagnostic(false);
  handler = std::make_unique<ScopedDiagnosticHandler>(context.get(), [this](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Remark)
      return success();
    errors += diagnostic.getSeverity() == DiagnosticSeverity::Error;
    auto add = [this](Diagnostic &one) {
      said += toLine(describeLocation(one.getLocation())) + ": " + toLine(one.str()) + "\n";
      ++lines;
    };
    add(diagnostic);
    for (Diagnostic &note : diagnostic.getNotes())
      add(note);
    return success();
  });
}

void weft::fuzz::Compiler::judge(const std::string &step, bool done) {
  const char *fault = nullptr;
  if (done && errors)
    fault = "gives a result and an error";
  else if (!done && !errors)
    fault = "fails without an error";
  else if (lines > kMaxLines)
    fault = "says more than anybody reads";
  if (!fault)
    return;
  llvm::errs() << "fuzz: " << step << " " << fault << ":\n" << said;
  abort();
}

OwningOpRef<ModuleOp> weft::fuzz::Compiler::import(const std::string &path, uint64_t choices) {
  if (++runs % kRunsPerContext == 0)
    renew();
  errors = lines = 0;
  said.clear();

  ImportOptions options;
  options.path = path;
  options.microbatches = choices % 8 == 0 ? 2 : 1;
  if (choices % 32 == 1)
    options.precision = "model";
  std::vector<SymbolicDim> dims;
  std::string reason;
  if (listSymbolicDims(path, dims, reason)) {
    for (const SymbolicDim &dim : dims)
      options.dims[dim.name] = (choices >> 8) % 61 == 0 ? int64_t(1) << 39 : 2 * (1 + (choices >> 16) % 3);
  } else if (reason.empty()) {
    llvm::errs() << "fuzz: the reader fails without a reason\n";
    abort();
  }
  ImportReport report;
  OwningOpRef<ModuleOp> module = importOnnx(*context, options, report);
  judge("the import", static_cast<bool>(module));
  return module;
}

bool weft::fuzz::Compiler::run(const std::string &name, ModuleOp module, Build build) {
  std::unique_ptr<PassManager> &passes = pipelines[name];
  if (!passes) {
    passes = std::make_unique<PassManager>(context.get());
    passes->enableVerifier(false);
    build(*passes);
  }
  bool done = succeeded(passes->run(module));
  judge(name, done);
  if (done && failed(verify(module))) {
    llvm::errs() << "fuzz: " << name << " makes an invalid program:\n" << said;
    abort();
  }
  return done;
}

void weft::fuzz::Compiler::compile(OwningOpRef<ModuleOp> module, uint64_t choices, bool toObjectCode) {
  if (!run("simplify and raise", *module, buildImportPipeline))
    return;
  SourceChoice sources;
  sources.random = choices % 4 != 0;
  bool chosen = succeeded(chooseSources(*module, sources));
  judge("choosing sources", chosen);
  if (!chosen)
    return;

  TrainingOptions training;
  training.loss = kLosses[(choices >> 24) % std::size(kLosses)];
  training.optimizer = kOptimizers[(choices >> 28) % std::size(kOptimizers)];
  training.microbatches = choices % 8 == 0 ? 2 : 1;
  training.keepGradients = training.keepLogits = (choices >> 32) % 8 == 0;
  std::string name = llvm::formatv("train {0} {1} {2} {3}", training.loss, training.optimizer, training.microbatches,
                                   training.keepGradients);
  if (!run(name, *module, [&](OpPassManager &pm) { buildTrainPipeline(pm, training); }))
    return;
  if (!run("schedule", *module, [&](OpPassManager &pm) { buildSchedulePipeline(pm, &target); }))
    return;

  ManifestFacts facts;
  facts.model = "model.onnx";
  facts.target = "host";
  facts.cpu = cpu.name;
  facts.cpuFeatures = cpu.features;
  facts.optimizer = training.optimizer;
  facts.microbatches = training.microbatches;
  std::string manifest = llvm::formatv("{0}", llvm::json::Value(buildManifest(*module, facts)));
  if (!toObjectCode)
    return;
  SmallVector<char> object;
  judge("code generation", succeeded(emitHostObject(*module, manifest, cpu, object)));
}
