//===- HostRanksTest.cpp - Random programs as processes on a mesh -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The programs of test/unit/shard on the real host target: arguments are
// parameters that every rank reads its part of from a file, results are
// parameters that rank 0 puts together and saves; between them generated code
// and processes that talk over Gloo. What comes out is what one device computes
// by reference evaluation. WEFT_CASES chooses how many, WEFT_FIRST the first.
//
//===----------------------------------------------------------------------===//

#include "RandomCase.h"
#include "compiler/codegen/host/HostCodegen.h"
#include "compiler/codegen/host/HostTarget.h"
#include "compiler/driver/Link.h"
#include "compiler/manifest/Manifest.h"
#include "compiler/pipeline/Dialects.h"
#include "compiler/pipeline/Pipelines.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "passes/shard/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>

using namespace mlir;
using namespace weft;
using namespace weft::dist;

namespace {

/// One case on its way to an executable and its results.
class HostCase : public test::RandomCase {
public:
  HostCase(MLIRContext &context, uint64_t seed, std::string folder)
      : RandomCase(context, seed, Float32Type::get(&context)), folder(std::move(folder)) {}
  /// What is wrong; empty if nothing is.
  std::string check();

private:
  std::string at(StringRef name) const { return folder + "/" + name.str(); }
  void makeTask();
  std::string build();
  std::string run();
  std::string compare();

  std::string folder;
  SmallVector<Literal> expected;
};

} // namespace

static void append(std::string &bytes, const Literal &value) {
  for (int64_t i = 0, count = value.getNumElements(); i < count; ++i) {
    auto number = static_cast<float>(value.isFloat() ? value.getFloat(i) : 0);
    int64_t index = value.isFloat() ? 0 : value.getInt(i);
    bytes.append(value.isFloat() ? reinterpret_cast<char *>(&number) : reinterpret_cast<char *>(&index),
                 value.isFloat() ? sizeof(number) : sizeof(index));
  }
}

static void writeFile(const std::string &path, const std::string &bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

static std::string safetensors(const std::string &header, const std::string &data) {
  std::string text = header + std::string((8 - header.size() % 8) % 8, ' ');
  uint64_t size = text.size();
  return std::string(reinterpret_cast<char *>(&size), 8) + text + data;
}

/// A task that reads the arguments, computes what the function does and writes the results.
void HostCase::makeTask() {
  MLIRContext *context = module->getContext();
  std::string data;
  SmallVector<int64_t> offsets;
  for (const Literal &argument : arguments) {
    offsets.push_back(static_cast<int64_t>(data.size()));
    append(data, argument);
  }
  writeFile(at("arguments"), data);

  OpBuilder builder(function);
  Build e{builder, function.getLoc()};
  auto param = [&](const std::string &name, RankedTensorType type, Attribute source, const Sharding &sharding) {
    auto op = ParamOp::create(builder, e.loc, name, type, source, ArrayAttr(), /*trainable=*/false, /*decay=*/false);
    op->setAttr(shardingAttr, toAttr(context, mesh, sharding, type.getRank()));
  };
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    RankedTensorType type = argument.getType();
    auto source =
        FileSourceAttr::get(context, at("arguments"), offsets[i], tensorBytes(type), static_cast<int64_t>(data.size()),
                            type.getElementType(), type.getShape(), ArrayRef<int64_t>());
    param("in" + std::to_string(i), type, source, shardings[i]);
  }
  auto zero = ConstantInitAttr::get(context, builder.getF64FloatAttr(0));
  auto results = cast<func::ReturnOp>(function.getBody().front().getTerminator());
  for (auto [i, value] : llvm::enumerate(results.getOperands()))
    param("out" + std::to_string(i), tensorType(value), zero, anySharding(tensorType(value)));
  // What every executable has.
  auto f64 = RankedTensorType::get({}, builder.getF64Type());
  auto state = [&](StringRef name, RankedTensorType type) {
    StateOp::create(builder, e.loc, name, type, StateKind::metric, APFloat(0.0), FlatSymbolRefAttr(), false);
  };
  state("hyper", RankedTensorType::get({16}, builder.getF64Type()));
  state("step", RankedTensorType::get({}, builder.getI64Type()));
  for (const char *name : {"loss_sum", "loss_count", "grad_norm", "lr"})
    state(name, f64);

  auto i64 = RankedTensorType::get({1, 1}, builder.getI64Type());
  auto task = func::FuncOp::create(builder, e.loc, "task_step", builder.getFunctionType({i64}, {}));
  task.setArgAttr(0, "weft.name", builder.getStringAttr("x"));
  task.setArgAttr(0, "weft.role", builder.getStringAttr("field"));
  builder.setInsertionPointToStart(task.addEntryBlock());
  IRMapping map;
  for (BlockArgument argument : function.getArguments())
    map.map(argument, e.read("in" + std::to_string(argument.getArgNumber()), argument.getType()));
  for (Operation &op : function.getBody().front().without_terminator())
    builder.clone(op, map);
  for (auto [i, value] : llvm::enumerate(results.getOperands()))
    e.write("out" + std::to_string(i), map.lookup(value));
  e.write("loss_count", e.splat(f64, 1));
  func::ReturnOp::create(builder, e.loc);
  function.erase();
}

std::string HostCase::build() {
  std::string why;
  FailureOr<HostCpu> cpu = HostCpu::get("native", why);
  if (failed(cpu))
    return why;
  HostTarget target(cpu->features);
  PassManager manager(module->getContext());
  manager.addPass(createPropagate());
  manager.addPass(createPartition());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createLowerReshards());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  buildCommunicationPipeline(manager, {});
  buildSchedulePipeline(manager, &target);
  if (failed(manager.run(*module)) || failed(verify(*module)))
    return "partitioning or scheduling failed";
  ManifestFacts facts;
  facts.model = "random";
  facts.target = "host";
  facts.cpu = cpu->name;
  facts.cpuFeatures = cpu->features;
  facts.optimizer = "sgd";
  facts.placement = "DPT";
  std::string manifest = llvm::formatv("{0}", llvm::json::Value(buildManifest(*module, facts)));
  llvm::SmallVector<char> object;
  if (failed(emitHostObject(*module, manifest, *cpu, object)))
    return "code generation failed";
  writeFile(at("task.o"), std::string(object.data(), object.size()));
  Linker linker;
  linker.compiler = WEFT_TEST_CXX;
  std::string libraries = WEFT_TEST_LIBRARIES;
  linker.archives = {libraries + "/libweft_comm.a", libraries + "/libweft_host.a"};
  linker.flags = {"-Wl,-u,weft_gloo_transport", "-lgloo", "-lgomp", "-ldnnl", "-lpthread", "-lm"};
  bool internal = false;
  return linker.link(at("task.o"), at("task"), internal) ? "" : "it does not link";
}

std::string HostCase::run() {
  std::string data(8, '\0');
  writeFile(at("x"), safetensors(R"({"x":{"dtype":"I64","shape":[1,1],"data_offsets":[0,8]}})", data));
  std::string ranks = std::to_string(mesh.getNumRanks()), replay = at("x"), saved = at("saved"), log = at("log");
  std::string program = at("task");
  SmallVector<StringRef> words = {program, "--nproc", ranks, "--steps", "1",         "--replay",
                                  replay,  "--save",  saved, "--quiet", "--timeout", "60"};
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(log), StringRef(log)};
  if (llvm::sys::ExecuteAndWait(program, words, std::nullopt, redirects) == 0)
    return "";
  auto text = llvm::MemoryBuffer::getFile(log);
  return "the executable failed: " + (text ? (*text)->getBuffer().str() : std::string());
}

std::string HostCase::compare() {
  auto file = llvm::MemoryBuffer::getFile(at("saved"), /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return "nothing was saved";
  StringRef bytes = (*file)->getBuffer();
  uint64_t size;
  std::memcpy(&size, bytes.data(), 8);
  llvm::Expected<llvm::json::Value> header = llvm::json::parse(bytes.substr(8, size));
  if (!header)
    return llvm::toString(header.takeError());
  for (auto [i, value] : llvm::enumerate(expected)) {
    std::string name = "out" + std::to_string(i);
    const llvm::json::Object *entry = header->getAsObject()->getObject(name);
    if (!entry)
      return name + " was not saved";
    int64_t begin = *(*entry->getArray("data_offsets"))[0].getAsInteger();
    const char *from = bytes.data() + 8 + size + begin;
    double largest = 1;
    for (int64_t j = 0, count = value.getNumElements(); j < count; ++j)
      largest = std::max(largest, std::abs(value.getFloat(j)));
    for (int64_t j = 0, count = value.getNumElements(); j < count; ++j) {
      float actual;
      std::memcpy(&actual, from + j * sizeof(float), sizeof(float));
      if (!(std::abs(actual - value.getFloat(j)) <= 1e-4 * largest))
        return name + "[" + std::to_string(j) + "] is " + std::to_string(actual) + ", not " +
               std::to_string(value.getFloat(j));
    }
  }
  return "";
}

std::string HostCase::check() {
  // Arguments are what the file holds of them.
  for (Literal &argument : arguments)
    argument.round();
  expected = evaluate();
  if (expected.empty())
    return "the program cannot be evaluated";
  makeTask();
  for (auto step : {&HostCase::build, &HostCase::run, &HostCase::compare})
    if (std::string fault = (this->*step)(); !fault.empty())
      return fault;
  return "";
}

TEST(HostRanks, ComputeWhatOneDeviceDoes) {
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  llvm::SmallString<128> folder;
  ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("weft-ranks", folder));
  const char *cases = std::getenv("WEFT_CASES"), *first = std::getenv("WEFT_FIRST");
  int64_t begin = first ? std::atoll(first) : 0, count = cases ? std::atoll(cases) : 6, faults = 0;
  for (int64_t seed = begin, done = 0; done < count && faults < 3; ++seed) {
    HostCase random(context, seed, folder.str().str());
    random.compose();
    // More processes than a small machine has patience for.
    if (random.mesh.getNumRanks() > 8)
      continue;
    ++done;
    std::string before = random.print(), fault = random.check();
    faults += !fault.empty();
    EXPECT_EQ(fault, "") << "seed " << seed << "\n" << before << "\nbecame\n" << random.print();
  }
  llvm::sys::fs::remove_directories(folder);
}
