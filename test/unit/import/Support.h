//===- Support.h - Imports and runs models in tests -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TEST_UNIT_IMPORT_SUPPORT_H
#define WEFT_TEST_UNIT_IMPORT_SUPPORT_H

#include "ModelBuilder.h"
#include "compiler/import/onnx/OnnxImport.h"
#include "dialects/weft/Weft.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weft::test {

/// A folder of the running test, removed with its content at the end.
class ScratchFolder {
public:
  ScratchFolder();
  ~ScratchFolder();
  /// Writes a file there and returns its path.
  std::string write(const std::string &name, const std::string &bytes) const;
  const std::string path;
};

/// One import: the module, or what the errors said.
struct Imported {
  std::unique_ptr<mlir::MLIRContext> context;
  mutable mlir::OwningOpRef<mlir::ModuleOp> module;
  ImportReport report;
  /// "location: message", one line each.
  std::string errors;
  int errorCount = 0;

  mlir::func::FuncOp forward() const { return module->lookupSymbol<mlir::func::FuncOp>("forward"); }
  ParamOp param(const std::string &name) const { return module->lookupSymbol<ParamOp>(name); }
  std::string text() const;
};

/// Imports the bytes of a model file `name` in `folder`.
Imported importBytes(const std::string &bytes, ImportOptions options = {}, const ScratchFolder &folder = {},
                     const std::string &name = "model.onnx");
inline Imported importModel(const ModelBuilder &model, ImportOptions options = {}) {
  return importBytes(model.bytes(), std::move(options));
}

/// Imports a model and evaluates it; the first result's elements. Arguments are given flat. Fails the test and returns
/// nothing if the model cannot be imported or run.
std::vector<double> run(const ModelBuilder &model, const std::vector<std::vector<double>> &arguments,
                        size_t result = 0);

} // namespace weft::test

#endif // WEFT_TEST_UNIT_IMPORT_SUPPORT_H
