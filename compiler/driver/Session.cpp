//===- Session.cpp - One compilation: context, diagnostics, times ---------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Session.h"
#include "compiler/pipeline/Dialects.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassInstrumentation.h"

using namespace mlir;

/// What a pass is called on the command line of weft-opt; a literal.
static StringRef nameOf(Pass *pass) { return pass->getArgument().empty() ? pass->getName() : pass->getArgument(); }

/// Remembers which pass failed, and tells the report of a crash which one runs.
namespace {
struct PassObserver : PassInstrumentation {
  PassObserver(const char *phase, std::string &failed) : phase(phase), failed(failed) {}
  void runBeforePass(Pass *pass, Operation *) override { weft::setPhase(nameOf(pass).data()); }
  void runAfterPass(Pass *, Operation *) override { weft::setPhase(phase); }
  void runAfterPassFailed(Pass *pass, Operation *) override {
    if (failed.empty())
      failed = nameOf(pass).str();
  }
  const char *phase;
  std::string &failed;
};
} // namespace

static DialectRegistry makeRegistry() {
  DialectRegistry registry;
  weft::registerDialects(registry);
  return registry;
}

weft::Session::Session(bool timing, bool showRemarks) : mlirContext(makeRegistry()), diagnostics(mlirContext) {
  timingManager.setEnabled(timing);
  timingManager.setDisplayMode(DefaultTimingManager::DisplayMode::Tree);
  root = timingManager.getRootScope();
  diagnostics.setShowRemarks(showRemarks);
  mlirContext.loadAllAvailableDialects();
}

weft::Session::~Session() { root.stop(); }

TimingScope weft::Session::time(const char *name) {
  setPhase(name);
  return root.nest(name);
}

weft::ExitCode weft::Session::blame(const char *what) {
  if (diagnostics.takeErrors() != 0)
    return kExitRequest;
  reportInternalFault(llvm::Twine(what) + " failed without saying why");
  return kExitInternal;
}

weft::ExitCode weft::Session::verify(const char *producer, ModuleOp module) {
  if (succeeded(mlir::verify(module)))
    return kExitDone;
  reportInternalFault(llvm::Twine(producer) + " made an invalid program (above: what is wrong with it)");
  return kExitInternal;
}

LogicalResult weft::Session::runPasses(const char *name, ModuleOp module,
                                       llvm::function_ref<void(OpPassManager &)> build, std::string &failed) {
  TimingScope scope = time(name);
  PassManager pm(&mlirContext);
  // Between the phases it is verified by the caller, where a failure is known to be no user's fault.
  pm.enableVerifier(false);
  pm.addInstrumentation(std::make_unique<PassObserver>(name, failed));
  pm.enableTiming(scope);
  build(pm);
  return pm.run(module);
}

weft::ExitCode weft::Session::run(const char *name, ModuleOp module, llvm::function_ref<void(OpPassManager &)> build) {
  std::string failed;
  diagnostics.takeErrors();
  if (succeeded(runPasses(name, module, build, failed)))
    return verify(name, module);
  return blame(failed.empty() ? name : failed.c_str());
}

weft::Session::Attempt weft::Session::attempt(const char *name, ModuleOp module,
                                              llvm::function_ref<void(OpPassManager &)> build) {
  Attempt attempt;
  std::string failed;
  {
    ScopedDiagnosticHandler listen(&mlirContext, [&](Diagnostic &diagnostic) {
      attempt.said.push_back(std::move(diagnostic));
      return success();
    });
    attempt.code = succeeded(runPasses(name, module, build, failed)) ? kExitDone : kExitRequest;
  }
  if (!attempt.code)
    attempt.code = verify(name, module);
  return attempt;
}

weft::ExitCode weft::Session::report(const char *name, Attempt attempt) {
  diagnostics.takeErrors();
  for (Diagnostic &diagnostic : attempt.said)
    mlirContext.getDiagEngine().emit(std::move(diagnostic));
  return attempt.code == kExitRequest ? blame(name) : attempt.code;
}
