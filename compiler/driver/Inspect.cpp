//===- Inspect.cpp - weft inspect -----------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Inspect.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/MemoryPage.h"
#include "compiler/driver/Options.h"
#include "compiler/driver/OutputFile.h"
#include "compiler/driver/Summary.h"
#include "compiler/manifest/Manifest.h"
#include "compiler/plan/Plan.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
namespace object = llvm::object;

std::optional<std::string> weft::readManifest(const std::string &executable) {
  if (sys::fs::is_directory(executable)) {
    reportError("'" + executable + "' is a folder, not an executable");
    return std::nullopt;
  }
  if (sys::fs::exists(executable) && !sys::fs::is_regular_file(executable)) {
    reportError("'" + executable + "' is not a regular file");
    return std::nullopt;
  }
  Expected<object::OwningBinary<object::ObjectFile>> file = object::ObjectFile::createObjectFile(executable);
  if (!file) {
    std::string why = toString(file.takeError());
    if (!sys::fs::exists(executable))
      reportError("there is no file '" + executable + "'");
    else
      reportError("'" + executable + "' is not an executable that Weft wrote: " + why,
                  "'weft compile MODEL -o EXE' writes one");
    return std::nullopt;
  }
  for (const object::SectionRef &section : file->getBinary()->sections()) {
    Expected<StringRef> name = section.getName();
    if (!name) {
      consumeError(name.takeError());
      continue;
    }
    if (*name != manifestSection)
      continue;
    Expected<StringRef> contents = section.getContents();
    if (!contents) {
      reportError("the manifest of '" + executable + "' cannot be read: " + toString(contents.takeError()));
      return std::nullopt;
    }
    return contents->take_until([](char c) { return c == '\0'; }).str();
  }
  reportError("'" + executable + "' is not an executable that Weft wrote: it has no manifest",
              "'weft compile MODEL -o EXE' writes one");
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

namespace {

/// Prints the parts of a manifest. Whatever a field lacks is left out: the
/// runtime, which needs it, is the one to complain.
class Printer {
public:
  Printer(const json::Object &manifest, raw_ostream &os) : manifest(manifest), os(os) {}

  void print(bool withKernels) {
    printPlan();
    printInputs();
    printParameters();
    printStates();
    printSaved();
    printSchedule();
    printKernels(withKernels);
  }

private:
  static StringRef text(const json::Object &object, StringRef key) { return object.getString(key).value_or(""); }
  static int64_t integer(const json::Object &object, StringRef key) { return object.getInteger(key).value_or(0); }
  static double number(const json::Object &object, StringRef key) { return object.getNumber(key).value_or(0); }

  /// "f32[64, 192]".
  static std::string type(const json::Object &tensor) {
    std::string result = text(tensor, "dtype").str() + "[";
    if (const json::Array *shape = tensor.getArray("shape"))
      for (auto [i, size] : enumerate(*shape))
        result += (i ? ", " : "") + std::to_string(size.getAsInteger().value_or(0));
    return result + "]";
  }

  /// The objects of a list.
  std::vector<const json::Object *> list(StringRef key) const {
    std::vector<const json::Object *> objects;
    if (const json::Array *array = manifest.getArray(key))
      for (const json::Value &value : *array)
        if (const json::Object *object = value.getAsObject())
          objects.push_back(object);
    return objects;
  }

  /// A heading with the number and size of the tensors below it.
  void heading(StringRef title, const std::vector<const json::Object *> &tensors) {
    double bytes = 0;
    for (const json::Object *tensor : tensors)
      bytes += number(*tensor, "bytes");
    os << formatv("\n{0}: {1}, {2}\n", title, tensors.size(), weft::formatBytes(bytes));
  }

  void printPlan();
  void printInputs();
  void printParameters();
  void printStates();
  void printSaved();
  void printSchedule();
  void printKernels(bool withText);

  const json::Object &manifest;
  raw_ostream &os;
};

} // namespace

void Printer::printPlan() {
  os << "model       " << text(manifest, "model") << "\n";
  os << "target      " << text(manifest, "target") << ", " << text(manifest, "cpu") << "\n";
  if (const json::Object *device = manifest.getObject("device"))
    if (const json::Array *code = device->getArray("code")) {
      os << "device code ";
      for (auto [i, value] : enumerate(*code))
        if (const json::Object *image = value.getAsObject())
          os << (i ? ", " : "") << text(*image, "arch") << " " << text(*image, "kind") << " "
             << weft::formatBytes(number(*image, "bytes"));
      os << "\n";
    }
  os << "step        batch " << integer(manifest, "batch");
  if (int64_t microbatches = integer(manifest, "microbatches"); microbatches > 1)
    os << " in " << microbatches << " micro-batches";
  if (int64_t tokens = integer(manifest, "tokens_per_sample"))
    os << ", " << tokens << " tokens a sample";
  os << ", " << text(manifest, "optimizer") << ", " << weft::formatCount(number(manifest, "flops_per_step"))
     << "FLOP\n";
  const char *separator = "sizes       ";
  for (const json::Object *size : list("sizes")) {
    os << separator << text(*size, "name") << " " << integer(*size, "value");
    if (StringRef why = text(*size, "default"); !why.empty())
      os << " by default, " << why;
    separator = "; ";
  }
  os << (list("sizes").empty() ? "" : "\n");
  weft::printGradients(manifest, os);
  weft::printMemory(manifest, os);
  weft::printHostMemory(manifest, os);
  const json::Value *value = manifest.get("plan");
  if (!value)
    return;
  std::string error, json;
  raw_string_ostream(json) << *value;
  std::optional<weft::Plan> plan = weft::parsePlan(json, "the manifest", error);
  if (!plan)
    os << "plan        cannot be read: " << error << "\n";
  // Of one rank there is nothing that is not said below.
  if (!plan || plan->axes.empty())
    return;
  os << "\n";
  weft::printPlanTable(*plan, os);
}

/// Where the values of an input come from.
static std::string originOf(const json::Object &input) {
  StringRef role = input.getString("role").value_or("");
  StringRef name = input.getString("field").value_or(input.getString("name").value_or(""));
  if (role == "ones" || role == "zeros" || role == "positions")
    return formatv("{0} unless the data have a tensor '{1}'",
                   role == "ones"    ? "1 everywhere"
                   : role == "zeros" ? "0 everywhere"
                                     : "0, 1, 2, ... along the last dimension",
                   name);
  if (role == "tokens")
    return formatv("from token files or tensor '{0}' of the data", name);
  if (role == "labels" && !input.getString("dtype").value_or("").contains('f'))
    return formatv("the token after each one, or tensor '{0}' of the data", name);
  return formatv("from tensor '{0}' of the data", name);
}

void Printer::printInputs() {
  auto inputs = list("inputs");
  heading("inputs", inputs);
  for (const json::Object *input : inputs) {
    os << formatv("  {0,-40} {1,-10} {2}", text(*input, "name"), text(*input, "role"), type(*input));
    if (int64_t limit = integer(*input, "limit"))
      os << ", ids below " << limit;
    if (std::optional<int64_t> ignore = input->getInteger("ignore"))
      os << ", or " << *ignore << ", which does not count";
    os << ", " << originOf(*input) << "\n";
  }
}

/// "model.onnx at 1024, transposed", "normal 0.02".
static std::string describeSource(const json::Object &source) {
  if (std::optional<StringRef> file = source.getString("file"))
    return formatv("{0} at {1}{2}", sys::path::filename(*file), source.getInteger("offset").value_or(0),
                   source.getArray("perm") ? ", transposed" : "");
  return formatv("{0} {1}", source.getString("init").value_or("?"),
                 source.getNumber("std").value_or(source.getNumber("value").value_or(0)));
}

void Printer::printParameters() {
  auto params = list("params");
  heading("parameters", params);
  for (const json::Object *param : params) {
    StringRef role = !param->getBoolean("trainable").value_or(true) ? "not trained"
                     : param->getBoolean("decay").value_or(true)    ? "decay"
                                                                    : "no decay";
    const json::Object *source = param->getObject("source");
    os << formatv("  {0,-56} {1,-20} {2,-11} {3}\n", text(*param, "name"), type(*param), role,
                  source ? describeSource(*source) : "");
    if (const json::Array *aliases = param->getArray("aliases"))
      for (const json::Value &alias : *aliases)
        os << "    also " << alias.getAsString().value_or("?") << "\n";
  }
}

void Printer::printStates() {
  auto states = list("states");
  heading("states", states);
  for (const json::Object *state : states)
    os << formatv("  {0,-56} {1,-20} {2,-11} {3}\n", text(*state, "name"), type(*state), text(*state, "kind"),
                  state->getBoolean("checkpoint").value_or(false) ? "in checkpoints" : "");
}

void Printer::printSaved() {
  std::vector<const json::Object *> runs = list("saved");
  if (runs.empty())
    return;
  os << "\nsaved values of blocks: kept, computed again, in host memory\n";
  for (const json::Object *run : runs)
    os << "  " << integer(*run, "first") << " to " << integer(*run, "last") << ": "
       << weft::formatBytes(number(*run, "kept")) << ", " << weft::formatBytes(number(*run, "recomputed")) << ", "
       << weft::formatBytes(number(*run, "offloaded")) << "\n";
}

void Printer::printSchedule() {
  StringRef task;
  for (const json::Object *entry : list("schedule")) {
    if (text(*entry, "task") != task) {
      task = text(*entry, "task");
      os << formatv("\ntask {0}: op, floating-point operations, memory read and written\n", task);
    }
    StringRef what = text(*entry, "what"), loc = text(*entry, "loc");
    os << formatv("  {0,-16} {1,10} {2,12}  {3}", text(*entry, "op"), weft::formatCount(number(*entry, "flops")),
                  weft::formatBytes(number(*entry, "bytes")), what);
    if (!loc.empty() && loc != what)
      os << "  (" << loc << ")";
    os << "\n";
  }
}

void Printer::printKernels(bool withText) {
  auto kernels = list("kernels");
  os << "\nkernels: " << kernels.size()
     << ", library products: " << (manifest.getArray("matmuls") ? manifest.getArray("matmuls")->size() : 0)
     << ", attentions: " << (manifest.getArray("attentions") ? manifest.getArray("attentions")->size() : 0) << "\n";
  // Of a GPU's kernels: how they are laid over it, and what a thread takes.
  for (const json::Object *kernel : kernels)
    if (const json::Array *stages = kernel->getArray("stages"))
      for (const json::Value &value : *stages)
        if (const json::Object *stage = value.getAsObject()) {
          auto product = [&](StringRef key) {
            int64_t count = 1;
            if (const json::Array *sizes = stage->getArray(key))
              for (const json::Value &size : *sizes)
                count *= size.getAsInteger().value_or(1);
            return count;
          };
          os << formatv("  {0,-16} {1,10} blocks of {2,4} threads, {3,3} registers\n", text(*stage, "function"),
                        product("grid"), product("block"), integer(*stage, "registers"));
        }
  for (const json::Object *kernel : kernels)
    if (withText)
      os << formatv("\nkernel {0}, called at {1} places\n{2}\n", text(*kernel, "name"), integer(*kernel, "launches"),
                    text(*kernel, "text"));
}

static int writeMemoryPage(const json::Object &manifest, const weft::InspectOptions &options) {
  std::string page = weft::drawMemory(manifest);
  if (page.empty()) {
    weft::reportError("'" + options.executable + "' does not say what lies where in its arena",
                      "an earlier version of Weft wrote it: compile it again");
    return weft::kExitRequest;
  }
  std::unique_ptr<weft::OutputFile> output = weft::OutputFile::create(options.memory);
  if (!output || !output->write(page, /*executable=*/false) || !output->commit())
    return weft::kExitRequest;
  return weft::kExitDone;
}

int weft::inspect(const InspectOptions &options) {
  installCrashHandler();
  std::optional<std::string> manifest = readManifest(options.executable);
  if (!manifest)
    return kExitRequest;
  if (options.json) {
    outs() << *manifest << "\n";
  } else {
    Expected<json::Value> value = json::parse(*manifest);
    if (!value || !value->getAsObject()) {
      reportError("the manifest of '" + options.executable + "' is damaged" +
                  (value ? std::string() : ": " + toString(value.takeError())));
      return kExitRequest;
    }
    if (!options.memory.empty())
      return writeMemoryPage(*value->getAsObject(), options);
    Printer(*value->getAsObject(), outs()).print(options.kernels);
  }
  outs().flush();
  if (outs().has_error()) {
    reportError("cannot write to standard output: " + outs().error().message());
    outs().clear_error();
    return kExitRequest;
  }
  return kExitDone;
}
