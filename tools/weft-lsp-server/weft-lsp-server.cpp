//===- weft-lsp-server.cpp - Weft's dialects in an editor -----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Speaks the language server protocol on standard input and output;
// docs/editors.md says how editors are told of it.
//
//===----------------------------------------------------------------------===//

#include "compiler/pipeline/Dialects.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  weft::registerDialects(registry);
  return failed(mlir::MlirLspServerMain(argc, argv, registry));
}
