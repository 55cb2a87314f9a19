//===- Harness.cpp - Programs that are evaluated, compiled, run and compared -*- C++ -*-===//
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
#include "core/Manifest.h"
#include "dialects/exec/Exec.h"
#include "host/Arena.h"
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

Program::Program(uint64_t seed) : builder(&context), generator(seed), e{builder, builder.getUnknownLoc()} {
  DialectRegistry registry;
  registry.insert<WeftDialect, exec::ExecDialect, arith::ArithDialect, math::MathDialect, func::FuncDialect>();
  registerExternalModels(registry);
  context.appendDialectRegistry(registry);
  context.disableMultithreading();
  context.loadAllAvailableDialects();
  module = ModuleOp::create(e.loc);
  builder.setInsertionPointToStart(module->getBody());
  task = func::FuncOp::create(builder, e.loc, "task_step", builder.getFunctionType({}, {}));
  Block *body = task.addEntryBlock();
  builder.setInsertionPointToStart(body);
  builder.setInsertionPoint(func::ReturnOp::create(builder, e.loc));
  // The states that every executable has: the runtime refuses a manifest without them.
  begin("contract");
  addState("hyper", Literal(type({16}, f64())));
  addState("step", Literal(type({}, i64())));
  for (const char *name : {"loss_sum", "loss_count", "grad_norm", "lr"})
    addState(name, Literal(type({}, f64())));
}

Literal Program::random(RankedTensorType type, int64_t low, int64_t high) {
  if (isa<FloatType>(type.getElementType())) {
    std::normal_distribution<double> normal;
    std::vector<double> values(type.getNumElements());
    for (double &value : values)
      value = normal(generator);
    return Literal::ofFloats(type, std::move(values));
  }
  if (type.getElementType().isInteger(1))
    high = std::min<int64_t>(high, 2);
  std::uniform_int_distribution<int64_t> uniform(low, high - 1);
  std::vector<int64_t> values(type.getNumElements());
  for (int64_t &value : values)
    value = uniform(generator);
  return Literal::ofInts(type, std::move(values));
}

Value Program::input(const Literal &value) {
  unsigned index = task.getNumArguments();
  auto attributes =
      builder.getDictionaryAttr({builder.getNamedAttr("weft.name", builder.getStringAttr("in" + std::to_string(index))),
                                 builder.getNamedAttr("weft.role", builder.getStringAttr("field"))});
  bool inserted = succeeded(task.insertArgument(index, value.getType(), attributes, e.loc));
  EXPECT_TRUE(inserted);
  arguments.push_back(value);
  return task.getArgument(index);
}

std::string Program::state(const Literal &value) {
  std::string symbol = "s" + std::to_string(states.size());
  addState(symbol, value);
  return symbol;
}

void Program::addState(const std::string &symbol, const Literal &value) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(task);
  StateOp::create(builder, e.loc, symbol, value.getType(), StateKind::probe, APFloat(0.0), FlatSymbolRefAttr(), false);
  states[symbol] = {value, current, 0};
}

Value Program::read(const std::string &symbol) { return e.read(symbol, states[symbol].before.getType()); }

void Program::write(const std::string &symbol, Value value, double tolerance) {
  states[symbol].tolerance = tolerance;
  e.write(symbol, value);
}

void Program::expect(Value value, double tolerance) { write(state(Literal(tensorType(value))), value, tolerance); }

/// A literal's elements as they lie in memory.
static void store(const Literal &literal, char *to) {
  Type element = literal.getType().getElementType();
  int64_t bytes = elementBytes(element);
  for (int64_t i = 0; i < literal.getNumElements(); ++i, to += bytes) {
    uint64_t bits;
    if (auto floating = dyn_cast<FloatType>(element)) {
      APFloat value(literal.getFloat(i));
      bool inexact;
      value.convert(floating.getFloatSemantics(), APFloat::rmNearestTiesToEven, &inexact);
      bits = value.bitcastToAPInt().getZExtValue();
    } else {
      bits = static_cast<uint64_t>(literal.getInt(i));
    }
    std::memcpy(to, &bits, bytes);
  }
}

static Literal load(RankedTensorType type, const char *from) {
  Type element = type.getElementType();
  int64_t bytes = elementBytes(element);
  std::vector<double> floats;
  std::vector<int64_t> ints;
  for (int64_t i = 0, count = type.getNumElements(); i < count; ++i, from += bytes) {
    uint64_t bits = 0;
    std::memcpy(&bits, from, bytes);
    if (auto floating = dyn_cast<FloatType>(element)) {
      APFloat value(floating.getFloatSemantics(), APInt(floating.getWidth(), bits));
      bool inexact;
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &inexact);
      floats.push_back(value.convertToDouble());
    } else {
      ints.push_back(wrapToType(static_cast<int64_t>(bits), cast<IntegerType>(element)));
    }
  }
  return isa<FloatType>(element) ? Literal::ofFloats(type, std::move(floats)) : Literal::ofInts(type, std::move(ints));
}

/// Empty, or the first element of `actual` that is not as expected.
static std::string compare(const Literal &actual, const Literal &expected, double tolerance) {
  Type element = expected.getType().getElementType();
  if (tolerance == 0 && isa<FloatType>(element))
    tolerance = element.isF64() ? 1e-11 : element.isF32() ? 1e-5 : 2e-2;
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

void Program::check(int threads) {
  ASSERT_TRUE(succeeded(verify(*module)));
  auto lookup = [&](StringRef symbol) -> std::optional<Literal> { return states[symbol.str()].before; };
  std::map<std::string, Literal> after;
  SmallVector<Literal> results;
  ASSERT_TRUE(succeeded(evaluateFunction(
      task, arguments, results, lookup, [&](StringRef symbol, const Literal &value) { after[symbol.str()] = value; })));

  HostTarget target;
  PassManager manager(&context);
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  buildSchedulePipeline(manager, &target);
  ASSERT_TRUE(succeeded(manager.run(*module)));
  ASSERT_TRUE(succeeded(verify(*module)));

  std::string error;
  FailureOr<HostCpu> cpu = HostCpu::get("native", error);
  ASSERT_TRUE(succeeded(cpu)) << error;
  ManifestFacts facts{"test", "host", cpu->name, cpu->features, "sgd", 1, std::nullopt};
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
  rt::Arena arena(manifest.arenaBytes);
  // Whatever is read before it is written shows.
  std::memset(arena.data(), 0xff, manifest.arenaBytes);
  for (const rt::InputInfo &input : manifest.inputs)
    store(arguments[std::stoi(input.name.substr(2))], arena.data() + input.offset);
  for (const rt::StateInfo &state : manifest.states)
    store(states[state.name].before, arena.data() + state.offset);
  tasks[0](&runtime, arena.data());
  ASSERT_EQ(runtime.error(), nullptr) << runtime.error();

  for (const rt::StateInfo &info : manifest.states) {
    const State &state = states[info.name];
    auto written = after.find(info.name);
    const Literal &expected = written == after.end() ? state.before : written->second;
    Literal actual = load(expected.getType(), arena.data() + info.offset);
    EXPECT_EQ(compare(actual, expected, state.tolerance), "") << "case '" << state.name << "', state " << info.name;
  }
  for (const rt::InputInfo &input : manifest.inputs) {
    const Literal &expected = arguments[std::stoi(input.name.substr(2))];
    EXPECT_EQ(compare(load(expected.getType(), arena.data() + input.offset), expected, 0), "")
        << "input " << input.name << " was written over";
  }
}
