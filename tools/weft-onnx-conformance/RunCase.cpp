//===- RunCase.cpp - A backend test, compiled and run ---------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RunCase.h"
#include "Execute.h"
#include "compiler/codegen/host/HostCodegen.h"
#include "compiler/codegen/host/HostTarget.h"
#include "compiler/import/onnx/OnnxImport.h"
#include "compiler/manifest/Manifest.h"
#include "compiler/pipeline/Dialects.h"
#include "compiler/pipeline/Pipelines.h"
#include "dialects/weft/BatchNorm.h"
#include "dialects/weft/Build.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "passes/train/InputLimits.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include <fstream>

using namespace mlir;
using namespace weft;
using namespace weft::conformance;

namespace {

/// One case on its way from the model to its outputs. Every step is false when the outcome is known.
class Runner {
public:
  Runner(TestCase &test, const std::string &scratch)
      : test(test), scratch(scratch), context(registry(), MLIRContext::Threading::DISABLED),
        handler(&context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
            errors.push_back(diagnostic.str());
          return success();
        }) {
    context.loadAllAvailableDialects();
  }

  Outcome run() {
    if (import() && schedule() && generate())
      outcome = execute(test, manifest, StringRef(object.data(), object.size()));
    return outcome;
  }

private:
  static DialectRegistry registry() {
    DialectRegistry dialects;
    registerDialects(dialects);
    return dialects;
  }

  bool fail(const llvm::Twine &why) {
    outcome = {Status::Failed, why.str()};
    return false;
  }
  /// Something refused the model: with an error, it is not supported.
  bool refused(const char *what) {
    if (errors.empty())
      return fail(llvm::Twine(what) + " failed without saying why");
    outcome = {Status::NotSupported, errors.front()};
    return false;
  }

  bool import();
  bool runPasses(const char *what, llvm::function_ref<void(OpPassManager &)> build);
  void makeTask();
  bool schedule();
  bool generate();

  TestCase &test;
  const std::string &scratch;
  std::vector<std::string> errors;
  MLIRContext context;
  ScopedDiagnosticHandler handler;
  OwningOpRef<ModuleOp> module;
  std::string manifest;
  HostCpu cpu;
  llvm::SmallVector<char> object;
  Outcome outcome;
};

} // namespace

/// The quoted value of an import's complaint that it must be known when compiling; empty if that is not the complaint.
static std::string neededValue(const std::string &message) {
  size_t at = message.find("known when");
  size_t open = message.find("('"), close = message.find("')");
  if ((at == std::string::npos && message.find("depends on data") == std::string::npos) || open == std::string::npos ||
      close == std::string::npos || close < open)
    return "";
  return message.substr(open + 2, close - open - 2);
}

bool Runner::import() {
  std::string why;
  if (!test.loadData(why)) {
    outcome = {Status::NotSupported, why};
    return false;
  }
  std::set<std::string> known;
  while (true) {
    std::ofstream(scratch, std::ios::binary) << test.modelBytes(known);
    ImportOptions options;
    options.path = scratch;
    options.precision = "model";
    ImportReport report;
    errors.clear();
    module = importOnnx(context, options, report);
    if (module)
      return true;
    // Shapes, axes and the like are inputs in these tests; Weft needs them as constants.
    size_t before = known.size();
    if (std::string value = errors.empty() ? "" : neededValue(errors.front()); !value.empty())
      known.merge(test.inputsOf(value));
    if (known.size() == before)
      return refused("the import");
  }
}

bool Runner::runPasses(const char *what, llvm::function_ref<void(OpPassManager &)> build) {
  PassManager manager(&context);
  manager.enableVerifier(false);
  build(manager);
  errors.clear();
  if (failed(manager.run(*module)))
    return refused(what);
  if (failed(verify(*module)))
    return fail(llvm::Twine(what) + " made an invalid program: " + errors.front());
  return true;
}

/// Makes the forward function a task that writes its results to states.
void Runner::makeTask() {
  auto function = module->lookupSymbol<func::FuncOp>("forward");
  setInputLimits(function);
  OpBuilder builder(function);
  Build e{builder, function.getLoc()};
  auto state = [&](StringRef symbol, RankedTensorType type) {
    builder.setInsertionPoint(function);
    StateOp::create(builder, e.loc, symbol, type, StateKind::probe, APFloat(0.0), FlatSymbolRefAttr(), false);
  };
  // As in a training step: a batch norm in training mode uses the batch's own statistics.
  function.walk([&](ModeOpInterface op) {
    builder.setInsertionPoint(op);
    SmallVector<Value> results;
    op.buildForMode(builder, /*training=*/true, results);
    op->replaceAllUsesWith(results);
    op->erase();
  });
  // What every executable has: the runtime refuses a manifest without it.
  auto f64 = builder.getF64Type();
  state("hyper", RankedTensorType::get({16}, f64));
  state("step", RankedTensorType::get({}, builder.getI64Type()));
  for (const char *name : {"loss_sum", "loss_count", "grad_norm", "lr"})
    state(name, RankedTensorType::get({}, f64));
  auto results = cast<func::ReturnOp>(function.getBody().front().getTerminator());
  for (auto [i, value] : llvm::enumerate(results.getOperands())) {
    if (tensorType(value).getNumElements() == 0)
      continue;
    state(resultSymbol(i), tensorType(value));
    builder.setInsertionPoint(results);
    e.write(resultSymbol(i), value);
  }
  results->setOperands({});
  function.setType(builder.getFunctionType(function.getArgumentTypes(), {}));
  function.setSymName("task_step");
}

bool Runner::schedule() {
  if (!runPasses("simplifying and raising", buildImportPipeline))
    return false;
  auto forward = module->lookupSymbol<func::FuncOp>("forward");
  for (auto [output, type] : llvm::zip_equal(test.outputs, forward.getResultTypes()))
    if (cast<RankedTensorType>(type).getShape() != ArrayRef<int64_t>(output.dims)) {
      std::string text;
      llvm::raw_string_ostream(text)
          << "output '" << output.name << "' is of type " << type << ", not of shape "
          << llvm::formatv("[{0:$[,]}]", llvm::make_range(output.dims.begin(), output.dims.end())).str();
      return fail(text);
    }
  makeTask();
  std::string why;
  FailureOr<HostCpu> found = HostCpu::get("native", why);
  if (failed(found))
    return fail(why);
  cpu = *found;
  HostTarget target(cpu.features);
  if (!runPasses("scheduling", [&](OpPassManager &pm) { buildSchedulePipeline(pm, &target); }))
    return false;
  ManifestFacts facts;
  facts.model = test.name;
  facts.target = "host";
  facts.cpu = cpu.name;
  facts.cpuFeatures = cpu.features;
  facts.optimizer = "sgd";
  facts.microbatches = 1;
  llvm::json::Object description = buildManifest(*module, facts);
  // Tests with empty inputs have no samples, which executables must have.
  if (description["batch"].getAsInteger().value_or(0) < 1)
    description["batch"] = 1;
  manifest = llvm::formatv("{0}", llvm::json::Value(std::move(description)));
  return true;
}

bool Runner::generate() {
  errors.clear();
  if (succeeded(emitHostObject(*module, manifest, cpu, object)))
    return true;
  return fail("code generation failed" + (errors.empty() ? std::string() : ": " + errors.front()));
}

Outcome weft::conformance::runCase(TestCase &test, const std::string &scratch) { return Runner(test, scratch).run(); }
