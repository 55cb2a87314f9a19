//===- Support.cpp - Imports and runs models in tests -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "dialects/weft/EvaluateFunction.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>

using namespace mlir;
using namespace weft;
using namespace weft::test;

static std::string makeFolder() {
  SmallString<128> path;
  if (llvm::sys::fs::createUniqueDirectory("weft-import", path))
    ADD_FAILURE() << "no scratch folder";
  return path.str().str();
}

ScratchFolder::ScratchFolder() : path(makeFolder()) {}
ScratchFolder::~ScratchFolder() { llvm::sys::fs::remove_directories(path); }

std::string ScratchFolder::write(const std::string &name, const std::string &bytes) const {
  std::string file = path + "/" + name;
  std::ofstream(file, std::ios::binary) << bytes;
  return file;
}

std::string Imported::text() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream);
  return text;
}

Imported weft::test::importBytes(const std::string &bytes, ImportOptions options, const ScratchFolder &folder,
                                 const std::string &name) {
  Imported result;
  DialectRegistry registry;
  registry.insert<WeftDialect, arith::ArithDialect, math::MathDialect, func::FuncDialect>();
  registerExternalModels(registry);
  result.context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  options.path = folder.write(name, bytes);
  ScopedDiagnosticHandler handler(result.context.get(), [&](Diagnostic &diagnostic) {
    if (auto place = dyn_cast<NameLoc>(diagnostic.getLocation())) {
      StringRef text = place.getName().getValue();
      result.errors += (text == options.path ? llvm::sys::path::filename(text) : text).str() + ": ";
    }
    result.errors += diagnostic.str() + "\n";
    ++result.errorCount;
  });
  result.module = importOnnx(*result.context, options, result.report);
  EXPECT_EQ(!result.module, result.errorCount > 0) << result.errors;
  return result;
}

std::vector<double> weft::test::run(const ModelBuilder &model, const std::vector<std::vector<double>> &arguments,
                                    size_t resultIndex) {
  Imported imported = importModel(model);
  EXPECT_TRUE(imported.module) << imported.errors;
  if (!imported.module)
    return {};
  SmallVector<Literal> literals, results;
  for (auto [type, values] : llvm::zip_equal(imported.forward().getArgumentTypes(), arguments)) {
    Literal literal(cast<RankedTensorType>(type));
    EXPECT_EQ(literal.getNumElements(), static_cast<int64_t>(values.size()));
    for (auto [i, value] : llvm::enumerate(values)) {
      if (literal.isFloat())
        literal.setFloat(i, value);
      else
        literal.setInt(i, static_cast<int64_t>(value));
    }
    literals.push_back(std::move(literal));
  }
  // Weights of these models are f32 in the file itself.
  std::string bytes = model.bytes();
  auto lookup = [&](StringRef symbol) -> std::optional<Literal> {
    if (auto state = imported.module->lookupSymbol<StateOp>(symbol))
      return Literal(cast<RankedTensorType>(state.getType()));
    ParamOp param = imported.param(symbol.str());
    auto source = cast<FileSourceAttr>(param.getSource());
    Literal literal(cast<RankedTensorType>(param.getType()));
    for (int64_t i = 0; i < literal.getNumElements(); ++i) {
      float value;
      std::memcpy(&value, bytes.data() + source.getOffset() + i * sizeof(float), sizeof(float));
      literal.setFloat(i, value);
    }
    return literal;
  };
  LogicalResult ran = evaluateFunction(imported.forward(), literals, results, lookup);
  EXPECT_TRUE(succeeded(ran));
  if (failed(ran))
    return {};
  const Literal &result = results[resultIndex];
  std::vector<double> values;
  for (int64_t i = 0; i < result.getNumElements(); ++i)
    values.push_back(result.isFloat() ? result.getFloat(i) : static_cast<double>(result.getInt(i)));
  return values;
}
