//===- Compiler.h - A compilation in this process, judged -------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// What a fuzzer counts as a fault, besides what sanitizers and assertions find:
// a request refused without a reason or with more lines than anybody reads, an
// error beside a result, and a program that does not verify.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TEST_FUZZ_COMPILER_H
#define WEFT_TEST_FUZZ_COMPILER_H

#include "compiler/codegen/host/HostCodegen.h"
#include "compiler/codegen/host/HostTarget.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include <map>
#include <memory>

namespace weft::fuzz {

/// Lines of errors and notes that a refusal may have.
constexpr unsigned kMaxLines = 12;

/// Compiles models again and again. The context and the passes, which are dear to set up, live for many compilations.
class Compiler {
public:
  Compiler();
  ~Compiler();

  /// Imports the model file at `path`; null if it was refused. `choices` decides on sizes and options.
  mlir::OwningOpRef<mlir::ModuleOp> import(const std::string &path, uint64_t choices);

  /// The rest of `weft compile` on an imported module: passes, manifest and, if asked for, object code.
  void compile(mlir::OwningOpRef<mlir::ModuleOp> module, uint64_t choices, bool toObjectCode);

private:
  struct Passes;
  using Build = llvm::function_ref<void(mlir::OpPassManager &)>;

  void renew();
  /// Runs a pipeline, made by `build` at its first use; false if the program was refused.
  bool run(const std::string &name, mlir::ModuleOp module, Build build);
  /// Judges what a step said; `done` is whether it claims to have a result.
  void judge(const std::string &step, bool done);

  std::unique_ptr<mlir::MLIRContext> context;
  std::unique_ptr<mlir::ScopedDiagnosticHandler> handler;
  std::map<std::string, std::unique_ptr<mlir::PassManager>> pipelines;
  HostCpu cpu;
  HostTarget target;
  unsigned runs = 0;
  unsigned errors = 0, lines = 0;
  std::string said;
};

} // namespace weft::fuzz

#endif // WEFT_TEST_FUZZ_COMPILER_H
