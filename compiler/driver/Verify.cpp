//===- Verify.cpp - weft verify -------------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Verify.h"
#include "compiler/driver/Comparison.h"
#include "compiler/driver/Compile.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/Inspect.h"
#include "compiler/driver/MeshOptions.h"
#include "compiler/driver/TargetChoice.h"
#include "compiler/import/onnx/OnnxImport.h"
#include "weft/safetensors.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace weft;

/// Where the executable and its record lie while they are needed.
namespace {
class WorkFolder {
public:
  /// `keep`: the folder to use and leave; empty: a temporary one.
  static std::unique_ptr<WorkFolder> create(const std::string &keep) {
    SmallString<128> path(keep);
    std::error_code error =
        keep.empty() ? sys::fs::createUniqueDirectory("weft-verify", path) : sys::fs::create_directories(path);
    if (!error)
      return std::unique_ptr<WorkFolder>(new WorkFolder(path.str().str(), keep.empty()));
    reportError("cannot create the folder '" + path + "': " + error.message());
    return nullptr;
  }
  ~WorkFolder() {
    if (temporary)
      sys::fs::remove_directories(path);
  }
  std::string file(StringRef name) const {
    SmallString<128> result(path);
    sys::path::append(result, name);
    return result.str().str();
  }

private:
  WorkFolder(std::string path, bool temporary) : path(std::move(path)), temporary(temporary) {}
  std::string path;
  bool temporary;
};
} // namespace

/// The reference's tensor for a graph input: under its own name, else `x` for the first and `y` for the second.
static const SafetensorsEntry *findInput(const SafetensorsFile &reference, const std::string &name, size_t index) {
  if (const SafetensorsEntry *entry = reference.find(name))
    return entry;
  return index < 2 ? reference.find(index == 0 ? "x" : "y") : nullptr;
}

/// Gives the symbolic sizes that the user did not those of the reference's inputs.
static ExitCode deduceDims(CompileOptions &options, const SafetensorsFile &reference) {
  std::vector<SymbolicDim> dims;
  std::string why;
  if (!sys::fs::exists(options.model)) {
    reportError("there is no model file '" + options.model + "'");
    return kExitRequest;
  }
  if (!listSymbolicDims(options.model, dims, why)) {
    reportError(why);
    return kExitRequest;
  }
  SmallVector<std::string> inputs;
  for (const SymbolicDim &dim : dims)
    for (const SymbolicDim::Use &use : dim.uses)
      if (!is_contained(inputs, use.input))
        inputs.push_back(use.input);
  for (const SymbolicDim &dim : dims) {
    if (any_of(options.dims, [&](const auto &given) { return given.first == dim.name; }))
      continue;
    for (const SymbolicDim::Use &use : dim.uses) {
      size_t index = find(inputs, use.input) - inputs.begin();
      const SafetensorsEntry *entry = findInput(reference, use.input, index);
      if (!entry || use.axis >= static_cast<int64_t>(entry->shape.size()))
        continue;
      options.dims.emplace_back(dim.name, entry->shape[use.axis]);
      break;
    }
  }
  return kExitDone;
}

/// The names of the parameters in a manifest.
static std::vector<ParameterNames> namesIn(const json::Object &manifest) {
  std::vector<ParameterNames> result;
  const json::Array *params = manifest.getArray("params");
  for (const json::Value &value : params ? *params : json::Array()) {
    const json::Object *param = value.getAsObject();
    if (!param)
      continue;
    ParameterNames names;
    names.names.push_back(param->getString("name").value_or("").str());
    if (const json::Array *aliases = param->getArray("aliases"))
      for (const json::Value &alias : *aliases)
        names.names.push_back(alias.getAsString().value_or("").str());
    names.trainable = param->getBoolean("trainable").value_or(true);
    result.push_back(std::move(names));
  }
  return result;
}

/// The number of ranks, which has to be that of --nproc if it was given; nothing after an error.
static std::optional<int64_t> ranksOf(VerifyOptions &options) {
  std::optional<MeshChoice> mesh = chooseMesh(options.compile);
  if (!mesh)
    return std::nullopt;
  int64_t ranks = mesh->partition.getNumRanks();
  if (options.nproc == 0 || options.nproc == ranks)
    return ranks;
  reportError("--nproc " + Twine(options.nproc) + " does not fit --mesh, which has " + Twine(ranks) + " ranks",
              "the degrees of --mesh multiply to the number of ranks");
  return std::nullopt;
}

/// The manifest of the executable that was just compiled; nothing after an error.
static std::optional<json::Value> manifestOf(const std::string &executable) {
  std::optional<std::string> text = readManifest(executable);
  Expected<json::Value> manifest = text ? json::parse(*text) : json::Value(nullptr);
  if (manifest && manifest->getAsObject())
    return std::move(*manifest);
  consumeError(manifest.takeError());
  reportInternalFault("the executable's manifest cannot be read");
  return std::nullopt;
}

/// Runs and compares here.
static ExitCode compareHere(const Comparison &comparison, const std::string &record) {
  setPhase("running the executable");
  ComparisonResult result = runComparison(comparison, record);
  if (result.error.empty()) {
    outs() << comparisonTable(result.rows, comparison.tolerances);
    outs().flush();
    return result.code;
  }
  errs() << result.output;
  if (!result.output.empty() && result.output.back() != '\n')
    errs() << '\n';
  if (result.code == kExitInternal)
    reportInternalFault(result.error);
  else
    reportError(result.error);
  return result.code;
}

/// Leaves in the folder what `weft-compare` needs.
static ExitCode describeComparison(Comparison comparison, const WorkFolder &folder) {
  std::string reference = folder.file(kReferenceFile);
  bool same = false;
  if (sys::fs::equivalent(comparison.reference, reference, same) || !same)
    if (std::error_code error = sys::fs::copy_file(comparison.reference, reference)) {
      reportError("cannot copy '" + comparison.reference + "' to '" + reference + "': " + error.message());
      return kExitRequest;
    }
  comparison.executable = kComparedExecutable;
  comparison.reference = kReferenceFile;
  if (std::string why = writeComparison(comparison, folder.file(kComparisonFile)); !why.empty()) {
    reportError(why);
    return kExitRequest;
  }
  return kExitDone;
}

/// The model and how it is compiled, for people.
static std::string titleOf(const CompileOptions &options) {
  std::string title = sys::path::filename(options.model).str() + ", " + TargetChoice::nameFor(options);
  auto add = [&](const std::string &text) { title += ", " + text; };
  if (!options.precision.empty())
    add(options.precision);
  if (options.states == "bf16")
    add("bf16 states");
  if (!options.mesh.empty())
    add(options.mesh);
  return title;
}

/// What passes, in the precision that is computed in: that of the options or of a plan.
static Tolerances tolerancesOf(const VerifyOptions &options) {
  double all = options.tolerance.value_or(kVerifyTolerance);
  bool isNarrow = options.compile.precision == "bf16" || options.compile.precision == "fp16";
  Tolerances tolerances = {all, all, all, all, all};
  if (isNarrow && !options.tolerance)
    tolerances = {2e-2, 1e-2, 2e-2, 1e-2, 1e-1};
  if (isNarrow)
    tolerances.gradientFloor = 1e-4;
  return tolerances;
}

int weft::verifyModel(VerifyOptions options, const std::string &argv0) {
  installCrashHandler();
  std::string why;
  std::unique_ptr<SafetensorsFile> reference = SafetensorsFile::open(options.reference, why);
  if (!reference) {
    reportError(why, "--reference takes a safetensors file; docs/verify.md says what is in it");
    return kExitRequest;
  }
  if (const SafetensorsEntry *curve = reference->find("adamw_curve"); curve && curve->elements() < options.steps) {
    reportError("the reference has " + Twine(curve->elements()) + " losses, fewer than --steps " +
                Twine(options.steps));
    return kExitRequest;
  }
  std::optional<int64_t> ranks = ranksOf(options);
  if (!ranks)
    return kExitRequest;
  Tolerances tolerances = tolerancesOf(options);
  if (ExitCode code = deduceDims(options.compile, *reference))
    return code;
  bool building = !options.build.empty();
  std::unique_ptr<WorkFolder> folder = WorkFolder::create(building ? options.build : options.keep);
  if (!folder)
    return kExitRequest;

  options.compile.output = folder->file(kComparedExecutable);
  options.compile.emit = Emit::Exe;
  options.compile.bundle = building;
  options.compile.keepGradients = options.compile.keepLogits = true;
  if (int code = compile(options.compile, argv0))
    return code;
  std::optional<json::Value> manifest = manifestOf(options.compile.output);
  if (!manifest)
    return kExitInternal;
  Comparison comparison{titleOf(options.compile),
                        options.compile.output,
                        options.reference,
                        options.compile.optimizer,
                        options.steps,
                        *ranks,
                        namesIn(*manifest->getAsObject()),
                        tolerances};
  comparison.streamOrder = options.streamOrder;
  return building ? describeComparison(std::move(comparison), *folder)
                  : compareHere(comparison, folder->file(kRecordFile));
}
