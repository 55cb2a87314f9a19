//===- HostCheck.cpp - Programs run on this machine and compared -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Harness.h"
#include "compiler/codegen/host/HostCodegen.h"
#include "compiler/codegen/host/HostTarget.h"
#include "compiler/manifest/Manifest.h"
#include "compiler/pipeline/Pipelines.h"
#include "core/HostPages.h"
#include "core/Manifest.h"
#include "dialects/exec/Exec.h"
#include "host/Context.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace weft;
using namespace weft::test;

/// Empty, or the first element of `actual` that is not as expected.
static std::string compare(const Literal &actual, const Literal &expected, double tolerance) {
  Type element = expected.getType().getElementType();
  if (tolerance == 0)
    tolerance = usualTolerance(element);
  int64_t count = expected.getNumElements();
  double scale = 0, finite = 0;
  for (int64_t i = 0; i < count; ++i)
    if (double y = expected.getNumber(i); std::isfinite(y)) {
      scale += std::fabs(y);
      ++finite;
    }
  scale = finite ? scale / finite : 1;
  for (int64_t i = 0; i < count; ++i) {
    double x = actual.getNumber(i), y = expected.getNumber(i);
    if (x == y || (std::isnan(x) && std::isnan(y)) || std::fabs(x - y) <= tolerance * (std::fabs(y) + scale))
      continue;
    return llvm::formatv("element {0} of {1} is {2}, expected {3}", i, count, x, y).str();
  }
  return "";
}

/// Object code in this process, with the runtime's C API within reach.
static std::unique_ptr<llvm::orc::LLJIT> loadObject(StringRef object) {
  llvm::ExitOnError check("loading the object file: ");
  std::unique_ptr<llvm::orc::LLJIT> jit = check(llvm::orc::LLJITBuilder().create());
  llvm::orc::SymbolMap symbols;
  auto add = [&](const char *name, auto *function) {
    symbols[jit->mangleAndIntern(name)] =
        llvm::orc::ExecutorSymbolDef(llvm::orc::ExecutorAddr::fromPtr(function), llvm::JITSymbolFlags::Exported);
  };
  add("weft_launch", &weft_launch);
  add("weft_matmul", &weft_matmul);
  add("weft_convolution", &weft_convolution);
  add("weft_attention_forward", &weft_attention_forward);
  add("weft_attention_backward", &weft_attention_backward);
  add("weft_copy", &weft_copy);
  check(jit->getMainJITDylib().define(llvm::orc::absoluteSymbols(std::move(symbols))));
  // The mathematical functions of the C library.
  jit->getMainJITDylib().addGenerator(
      check(llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(jit->getDataLayout().getGlobalPrefix())));
  check(jit->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(object, "program.o")));
  return jit;
}

namespace {

class TestTarget final : public HostTarget {
public:
  explicit TestTarget(bool grouped) : grouped(grouped) {}
  bool groupsKernels() const override { return grouped; }

private:
  bool grouped;
};

} // namespace

void Program::check(int threads) {
  std::map<std::string, Literal> after = evaluate();
  if (::testing::Test::HasFailure())
    return;

  TestTarget target(grouped);
  PassManager manager(&context);
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  buildSchedulePipeline(manager, &target);
  ASSERT_TRUE(succeeded(manager.run(*module)));
  ASSERT_TRUE(succeeded(verify(*module)));
  bool groups =
      llvm::any_of(module->getOps<func::FuncOp>(), [](func::FuncOp kernel) { return exec::membersOf(kernel) > 1; });
  ASSERT_EQ(groups, grouped);

  std::string error;
  FailureOr<HostCpu> cpu = HostCpu::get("native", error);
  ASSERT_TRUE(succeeded(cpu)) << error;
  ManifestFacts facts;
  facts.model = "test";
  facts.target = "host";
  facts.cpu = cpu->name;
  facts.cpuFeatures = cpu->features;
  facts.optimizer = "sgd";
  std::string text = llvm::formatv("{0}", llvm::json::Value(buildManifest(*module, facts)));
  llvm::SmallVector<char> object;
  ASSERT_TRUE(succeeded(emitHostObject(*module, text, *cpu, object)));

  auto jit = loadObject(StringRef(object.data(), object.size()));
  llvm::ExitOnError check("finding the tasks: ");
  auto *tasks = check(jit->lookup("weft_tasks")).toPtr<const weft_task_fn *>();
  auto *manifestText = check(jit->lookup("weft_manifest")).toPtr<const char *>();
  EXPECT_EQ(StringRef(manifestText), text);

  rt::Manifest manifest = rt::Manifest::parse(text.data(), text.size());
  weft_context runtime(manifest, threads, /*mayReduce=*/true);
  rt::HostPages arena(manifest.arenaBytes);
  // Whatever is read before it is written shows.
  std::memset(arena.data(), 0xff, manifest.arenaBytes);
  for (const rt::InputInfo &input : manifest.inputs)
    storeLiteral(arguments[std::stoi(input.name.substr(2))], arena.data() + input.offset);
  for (const rt::StateInfo &state : manifest.states)
    storeLiteral(states[state.name].before, arena.data() + state.offset);
  tasks[0](&runtime, arena.data());
  ASSERT_EQ(runtime.error(), nullptr) << runtime.error();

  for (const rt::StateInfo &info : manifest.states) {
    const State &state = states[info.name];
    auto written = after.find(info.name);
    const Literal &expected = written == after.end() ? state.before : written->second;
    Literal actual = loadLiteral(expected.getType(), arena.data() + info.offset);
    EXPECT_EQ(compare(actual, expected, state.tolerance), "") << "case '" << state.name << "', state " << info.name;
  }
  for (const rt::InputInfo &input : manifest.inputs) {
    const Literal &expected = arguments[std::stoi(input.name.substr(2))];
    EXPECT_EQ(compare(loadLiteral(expected.getType(), arena.data() + input.offset), expected, 0), "")
        << "input " << input.name << " was written over";
  }
}
