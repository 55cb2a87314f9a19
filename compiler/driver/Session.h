//===- Session.h - One compilation: context, diagnostics, times ----*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_SESSION_H
#define WEFT_COMPILER_DRIVER_SESSION_H

#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/Options.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include <vector>

namespace weft {

/// An MLIR context with all of Weft's dialects, whose diagnostics people can
/// read, and the times of what is done in it.
class Session {
public:
  /// With `timing`, the times are printed on standard error at the end.
  Session(bool timing, bool showRemarks);

  /// Counts errors, and prints nothing from now on: something is only tried.
  void silence() { diagnostics.silence(); }
  ~Session();

  mlir::MLIRContext &context() { return mlirContext; }

  /// Times a part of the work that is not a pass. `name` must be a literal.
  mlir::TimingScope time(const char *name);

  /// Runs the passes that `build` adds, then verifies the result. Whatever fails
  /// is reported: a pass that says why is a fault of the request; one that does
  /// not, or leaves invalid IR, is Weft's. `name` must be a literal.
  ExitCode run(const char *name, mlir::ModuleOp module, llvm::function_ref<void(mlir::OpPassManager &)> build);

  /// What came of something that may well fail, and what was said meanwhile: nobody has heard it.
  struct Attempt {
    ExitCode code = kExitDone;
    std::vector<mlir::Diagnostic> said;
  };
  /// Runs passes like `run`, and reports nothing but what is Weft's fault.
  Attempt attempt(const char *name, mlir::ModuleOp module, llvm::function_ref<void(mlir::OpPassManager &)> build);

  /// Reports what an attempt said, and returns what came of it.
  ExitCode report(const char *name, Attempt attempt);

  /// Checks a module that did not come from a pass.
  ExitCode verify(const char *producer, mlir::ModuleOp module);

  /// The exit code for something that failed: a request if it reported an error, else Weft.
  ExitCode blame(const char *what);

private:
  /// Runs passes; `failed` is then the name of the one that failed.
  mlir::LogicalResult runPasses(const char *name, mlir::ModuleOp module,
                                llvm::function_ref<void(mlir::OpPassManager &)> build, std::string &failed);

  mlir::DefaultTimingManager timingManager;
  mlir::TimingScope root;
  mlir::MLIRContext mlirContext;
  DiagnosticPrinter diagnostics;
};

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_SESSION_H
