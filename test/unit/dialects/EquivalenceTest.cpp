//===- EquivalenceTest.cpp - Rewrites do not change values -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs every function of the FileCheck tests before and after the passes that
// those tests are about, on random arguments, and compares the results.
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "passes/lower/Passes.h"
#include "passes/simplify/Passes.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace weft;
using namespace weft::test;

namespace {

class EquivalenceTest : public ProgramTest {
protected:
  /// The results of all functions; false if one cannot be evaluated, which is
  /// then so before and after.
  bool evaluate(ModuleOp module, const llvm::StringMap<Literals> &arguments, Literals &results) {
    // What has no value is expected in some cases.
    ScopedDiagnosticHandler silence(&context, [](Diagnostic &) { return success(); });
    auto lookup = [&](StringRef symbol) -> std::optional<Literal> {
      auto param = module.lookupSymbol<ParamOp>(symbol);
      if (!param)
        return std::nullopt;
      Literal literal(cast<RankedTensorType>(param.getType()));
      literal.fillFloat(0.25);
      return literal;
    };
    for (auto function : module.getOps<func::FuncOp>())
      if (failed(evaluateFunction(function, arguments.find(function.getName())->second, results, lookup)))
        return false;
    return true;
  }

  void compare(StringRef file, llvm::function_ref<void(OpPassManager &)> addPasses, int least = 6) {
    std::string path = std::string(WEFT_TEST_DIR) + "/" + file.str();
    auto buffer = llvm::MemoryBuffer::getFile(path);
    ASSERT_TRUE(static_cast<bool>(buffer)) << path;
    SmallVector<StringRef> chunks;
    (*buffer)->getBuffer().split(chunks, "// -----\n");
    int evaluated = 0;
    for (StringRef chunk : chunks) {
      OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(chunk, &context);
      ASSERT_TRUE(static_cast<bool>(module));
      llvm::StringMap<Literals> arguments;
      for (auto function : module->getOps<func::FuncOp>())
        for (Type type : function.getArgumentTypes())
          arguments[function.getName()].push_back(random(cast<RankedTensorType>(type)));
      for (auto function : module->getOps<func::FuncOp>())
        arguments.try_emplace(function.getName());
      Literals before, after;
      bool succeeds = evaluate(*module, arguments, before);
      PassManager passes(&context);
      addPasses(passes);
      ASSERT_TRUE(succeeded(passes.run(*module)));
      ASSERT_EQ(evaluate(*module, arguments, after), succeeds) << chunk.str();
      if (!succeeds)
        continue;
      ++evaluated;
      ASSERT_EQ(before.size(), after.size());
      for (auto [x, y] : llvm::zip_equal(before, after)) {
        SCOPED_TRACE(chunk.str());
        expectNear(y, x, 1e-6);
      }
    }
    EXPECT_GE(evaluated, least);
  }
};

TEST_F(EquivalenceTest, Canonicalize) {
  compare("dialects/weft/canonicalize.mlir", [](OpPassManager &passes) { passes.addPass(createCanonicalizerPass()); });
}

TEST_F(EquivalenceTest, FoldConstants) {
  compare("passes/simplify/fold-constants.mlir",
          [](OpPassManager &passes) { passes.addNestedPass<func::FuncOp>(createFoldConstants()); });
}

TEST_F(EquivalenceTest, ChunkRows) {
  for (int64_t chunks : {2, 4})
    compare(
        "passes/lower/chunk-rows.mlir",
        [&](OpPassManager &passes) {
          ChunkRowsOptions options;
          options.bytes = 0;
          options.chunks = chunks;
          passes.addNestedPass<func::FuncOp>(createChunkRows(options));
        },
        /*least=*/4);
}

TEST_F(EquivalenceTest, PadColumns) {
  compare(
      "passes/lower/pad-columns.mlir",
      [&](OpPassManager &passes) {
        PadColumnsOptions options;
        options.bytes = 0;
        options.multiple = 8;
        passes.addNestedPass<func::FuncOp>(createPadColumnsPass(options, /*target=*/nullptr));
      },
      /*least=*/3);
}

TEST_F(EquivalenceTest, ExpandAttention) {
  compare("passes/lower/expand-attention.mlir", [](OpPassManager &passes) {
    ExpandAttentionOptions options;
    options.all = true;
    passes.addNestedPass<func::FuncOp>(createExpandAttention(options));
  });
}

TEST_F(EquivalenceTest, AllSimplifications) {
  for (StringRef file : {"dialects/weft/canonicalize.mlir", "passes/simplify/fold-constants.mlir"})
    compare(file, [](OpPassManager &passes) {
      passes.addPass(createCanonicalizerPass());
      passes.addPass(createCSEPass());
      passes.addNestedPass<func::FuncOp>(createFoldConstants());
      passes.addPass(createCanonicalizerPass());
      passes.addPass(createCSEPass());
    });
}

} // namespace
