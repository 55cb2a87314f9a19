//===- Execute.cpp - A compiled backend test, run ------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Execute.h"
#include "core/HostPages.h"
#include "core/Manifest.h"
#include "core/Parameters.h"
#include "host/Context.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <cstring>

using namespace weft;
using namespace weft::conformance;
using llvm::StringRef;

static constexpr const char *resultPrefix = "result/";

std::string weft::conformance::resultSymbol(size_t i) { return resultPrefix + std::to_string(i); }

/// The object code in this process, with the runtime's C API within reach.
static llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>> loadObject(StringRef object) {
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  llvm::orc::SymbolMap symbols;
  auto add = [&](const char *name, auto *function) {
    symbols[(*jit)->mangleAndIntern(name)] =
        llvm::orc::ExecutorSymbolDef(llvm::orc::ExecutorAddr::fromPtr(function), llvm::JITSymbolFlags::Exported);
  };
  add("weft_launch", &weft_launch);
  add("weft_matmul", &weft_matmul);
  add("weft_attention_forward", &weft_attention_forward);
  add("weft_attention_backward", &weft_attention_backward);
  add("weft_convolution", &weft_convolution);
  add("weft_top_k", &weft_top_k);
  add("weft_copy", &weft_copy);
  llvm::orc::JITDylib &dylib = (*jit)->getMainJITDylib();
  if (llvm::Error error = dylib.define(llvm::orc::absoluteSymbols(std::move(symbols))))
    return error;
  // The mathematical functions of the C library.
  auto library =
      llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess((*jit)->getDataLayout().getGlobalPrefix());
  if (!library)
    return library.takeError();
  dylib.addGenerator(std::move(*library));
  if (llvm::Error error = (*jit)->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(object, "case.o")))
    return error;
  return jit;
}

/// The first id of an input that the executable would refuse, as its loader does before every step; empty if none.
static std::string refusedId(const rt::InputInfo &input, const char *arena) {
  for (int64_t i = 0; input.limit && i < input.elements(); ++i) {
    int64_t id = rt::loadInteger(arena + input.offset, input.dtype, i);
    if ((id < 0 || id >= *input.limit) && !(input.ignore && id == *input.ignore))
      return llvm::formatv("input '{0}' holds {1}, which executables refuse: ids of it lie in [0, {2})", input.name, id,
                           *input.limit);
  }
  return "";
}

/// The manifest's name of an element type of the format. Unsigned integers are in programs what signed ones are.
static std::string manifestType(int32_t type) {
  std::string name = StringRef(typeName(type)).lower();
  static const std::map<std::string, std::string> names = {
      {"float", "f32"}, {"double", "f64"}, {"float16", "f16"}, {"bfloat16", "bf16"}, {"bool", "i1"}};
  if (auto it = names.find(name); it != names.end())
    return it->second;
  return "i" + std::to_string(8 * typeBytes(type));
}

/// The type in which an element of the format is held in memory.
static rt::DType elementType(int32_t type) {
  rt::DType found = rt::DType::F32;
  std::string name = manifestType(type);
  if (StringRef(typeName(type)).starts_with("UINT"))
    name[0] = 'u';
  rt::parseDType(name, found);
  return found;
}

/// Empty, or what is wrong with the actual values of an output.
static std::string compare(const TestCase &test, const Tensor &expected, const rt::StateInfo &state,
                           const char *actual) {
  if (rt::dtypeName(state.dtype) != manifestType(expected.type))
    return ("output '" + expected.name + "' is of type " + rt::dtypeName(state.dtype) + ", not " +
            typeName(expected.type));
  rt::DType type = elementType(expected.type);
  bool isFloat = rt::isFloat(type);
  // Two neighbours of bf16: expected values are rounded after every operation, Weft's where they are stored.
  double relative = type == rt::DType::BF16 ? std::max(test.relative, 0x1p-6) : test.relative;
  for (int64_t i = 0, count = expected.elements(); i < count; ++i) {
    int64_t width = rt::elementBytes(type);
    if (!isFloat && std::memcmp(actual + i * width, expected.bytes.data() + i * width, width) == 0)
      continue;
    double x = rt::loadDouble(actual, type, i), y = rt::loadDouble(expected.bytes.data(), type, i);
    if (isFloat && (x == y || (std::isnan(x) && std::isnan(y)) ||
                    (std::isfinite(x) && std::fabs(x - y) <= test.absolute + relative * std::fabs(y))))
      continue;
    // An integer may be off by what the case lets it, as in the package's own runner.
    if (!isFloat && type != rt::DType::I1 && std::fabs(x - y) <= test.absolute + relative * std::fabs(y))
      continue;
    return (llvm::formatv("output '{0}': element {1} of {2} is {3}, not {4}", expected.name, i, count, x, y));
  }
  return "";
}

static Outcome executeOrThrow(const TestCase &test, const std::string &manifest, StringRef object) {
  auto failed = [](const llvm::Twine &why) { return Outcome{Status::Failed, why.str()}; };
  auto jit = loadObject(object);
  if (!jit)
    return failed("loading the object file: " + llvm::toString(jit.takeError()));
  auto tasks = (*jit)->lookup("weft_tasks");
  if (!tasks)
    return failed("loading the object file: " + llvm::toString(tasks.takeError()));
  rt::Manifest facts = rt::Manifest::parse(manifest.data(), manifest.size());
  weft_context runtime(facts, /*threads=*/1, /*mayReduce=*/true);
  rt::HostPages arena(facts.arenaBytes);
  rt::HostMemory memory(arena.data());
  rt::initialiseStates(facts, memory);
  rt::initialiseParameters(facts, memory, 0, nullptr);
  // Results that nobody writes show, and temporaries that are read before they are written.
  std::memset(arena.data() + facts.persistentBytes, 0xff, facts.arenaBytes - facts.persistentBytes);
  for (const rt::StateInfo &state : facts.states)
    if (StringRef(state.name).starts_with(resultPrefix))
      std::memset(arena.data() + state.offset, 0xff, state.bytes);
  for (const rt::InputInfo &input : facts.inputs) {
    auto tensor = llvm::find_if(test.inputs, [&](const Tensor &t) { return t.name == input.name; });
    if (static_cast<int64_t>(tensor->bytes.size()) != input.bytes)
      return failed("input '" + input.name + "' has another type than in the model");
    std::memcpy(arena.data() + input.offset, tensor->bytes.data(), input.bytes);
    if (std::string why = refusedId(input, arena.data()); !why.empty())
      return {Status::NotSupported, why};
  }
  tasks->toPtr<const weft_task_fn *>()[0](&runtime, arena.data());
  if (const char *error = runtime.error())
    return failed(error);
  for (auto [i, expected] : llvm::enumerate(test.outputs)) {
    const rt::StateInfo *state = facts.findState(resultSymbol(i));
    if (!state) // no elements
      continue;
    if (std::string why = compare(test, expected, *state, arena.data() + state->offset); !why.empty())
      return failed(why);
  }
  return {Status::Passed, ""};
}

Outcome weft::conformance::execute(const TestCase &test, const std::string &manifest, StringRef object) {
  try {
    return executeOrThrow(test, manifest, object);
  } catch (const std::exception &error) {
    return {Status::Failed, error.what()};
  }
}
