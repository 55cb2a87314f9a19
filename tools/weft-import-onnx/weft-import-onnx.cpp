//===- weft-import-onnx.cpp - Prints what the ONNX importer makes of a file -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A tool for tests: the importer alone, without passes. People use
// `weft compile --emit=import`.
//
//===----------------------------------------------------------------------===//

#include "Check.h"
#include "compiler/import/onnx/OnnxImport.h"
#include "dialects/weft/Weft.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/CommandLine.h"

using namespace llvm;

static cl::opt<std::string> path(cl::Positional, cl::desc("MODEL.onnx"), cl::Required);
static cl::list<std::string> dims("dim", cl::desc("NAME=N: the value of a symbolic size"));
static cl::list<std::string> inputs("input", cl::desc("NAME=ROLE: how data meets an input"));
static cl::list<std::string> freeze("freeze", cl::desc("Pattern of parameters that are not trained"));
static cl::list<std::string> train("train", cl::desc("Pattern of initializers that are trained"));
static cl::opt<int64_t> microbatches("microbatches", cl::init(1), cl::desc("Micro-batches per step"));
static cl::opt<std::string> precision("precision", cl::init("fp32"), cl::desc("fp32 or model"));
static cl::opt<bool> locations("locations", cl::desc("Print where every op comes from"));
static cl::opt<bool> report("report", cl::desc("Print the report instead of the program"));
static cl::opt<bool> listDims("list-dims", cl::desc("Print the symbolic sizes only"));

static cl::opt<std::string> check("check", cl::desc("REF.safetensors: run the program and compare its results"));
static cl::list<std::string> names("name", cl::desc("NAME=REFNAME: what the reference calls an input or result"));
static cl::opt<double> tolerance("tolerance", cl::init(1e-4),
                                 cl::desc("Largest relative error that --check lets pass"));

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "Prints an ONNX model as a weft program\n");
  if (listDims) {
    std::vector<weft::SymbolicDim> found;
    std::string reason;
    if (!weft::listSymbolicDims(path, found, reason)) {
      errs() << path << ": " << reason << "\n";
      return 1;
    }
    for (const weft::SymbolicDim &dim : found) {
      outs() << dim.name << ":";
      for (const auto &use : dim.uses)
        outs() << " " << use.input << "[" << use.axis << "]";
      outs() << "\n";
    }
    return 0;
  }
  mlir::DialectRegistry registry;
  registry.insert<weft::WeftDialect, mlir::arith::ArithDialect, mlir::math::MathDialect, mlir::func::FuncDialect>();
  weft::registerExternalModels(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  // Places in a model are names: print them bare.
  mlir::ScopedDiagnosticHandler handler(&context, [](mlir::Diagnostic &diagnostic) {
    if (auto name = dyn_cast<mlir::NameLoc>(diagnostic.getLocation()))
      errs() << name.getName().getValue() << ": ";
    errs() << (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error ? "error: " : "note: ") << diagnostic
           << "\n";
    return success();
  });

  weft::ImportOptions options;
  options.path = path;
  options.microbatches = microbatches;
  options.freeze.assign(freeze.begin(), freeze.end());
  options.train.assign(train.begin(), train.end());
  options.inputs.assign(inputs.begin(), inputs.end());
  options.precision = precision;
  for (StringRef text : dims) {
    auto [name, value] = text.split('=');
    if (name.empty() || value.getAsInteger(10, options.dims[name.str()])) {
      errs() << "--dim '" << text << "' must be NAME=N\n";
      return 2;
    }
  }
  weft::ImportReport result;
  mlir::OwningOpRef<mlir::ModuleOp> module = weft::importOnnx(context, options, result);
  if (!module)
    return 1;
  if (report) {
    for (const weft::ImportedDim &dim : result.dims)
      outs() << "size " << dim.name << " = " << dim.size << "\n";
    for (auto &[name, trained] : result.parameters)
      outs() << (trained ? "trained " : "frozen ") << name << "\n";
    for (const std::string &remark : result.remarks)
      outs() << "remark: " << remark << "\n";
    return 0;
  }
  if (!check.empty()) {
    std::map<std::string, std::string> renamed;
    for (StringRef text : names)
      renamed[text.split('=').first.str()] = text.split('=').second.str();
    return weft::checkAgainst(*module, check, renamed, tolerance) ? 0 : 1;
  }
  mlir::OpPrintingFlags flags;
  flags.elideLargeElementsAttrs(64);
  if (locations)
    flags.enableDebugInfo(/*enable=*/true, /*prettyForm=*/true);
  module->print(outs(), flags);
  return 0;
}
