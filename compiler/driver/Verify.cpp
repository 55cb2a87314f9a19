//===- Verify.cpp - weft verify -------------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Verify.h"
#include "compiler/driver/Compile.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/Inspect.h"
#include "compiler/driver/MeshOptions.h"
#include "compiler/driver/Run.h"
#include "compiler/import/onnx/OnnxImport.h"
#include "weft/safetensors.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
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

static double toleranceOf(const ComparisonRow &row, const Tolerances &tolerances) {
  return row.what == "logits"      ? tolerances.logits
         : row.what == "loss"      ? tolerances.loss
         : row.what == "gradients" ? tolerances.gradients
         : row.what == "curve"     ? tolerances.curve
                                   : tolerances.parameters;
}

/// Prints the table; says whether all is well.
static bool printTable(ArrayRef<ComparisonRow> rows, const Tolerances &tolerances) {
  using State = ComparisonRow::State;
  raw_ostream &os = outs();
  bool good = true;
  os << "what        error     tolerance  result\n";
  for (const ComparisonRow &row : rows) {
    os << left_justify(row.what, 12);
    bool compared = row.state == State::Ok || row.state == State::Miss;
    if (compared)
      os << format("%-10.2e", row.error) << format("%-11.2e", toleranceOf(row, tolerances));
    else
      os << left_justify("-", 10) << left_justify("-", 11);
    os << left_justify(row.state == State::Ok       ? "ok"
                       : row.state == State::Absent ? "-"
                                                    : "MISS",
                       8)
       << row.note << "\n";
    good &= row.state == State::Ok || row.state == State::Absent;
  }
  os.flush();
  return good;
}

/// The command line of an executable for one batch, again and again, with the hyper-parameters of the references.
static std::vector<std::string> replayCommand(const VerifyOptions &options, const std::string &executable,
                                              const std::string &record) {
  std::vector<std::string> args = {executable, "--replay", options.reference, "--record", record, "--quiet"};
  auto add = [&](const char *name, std::string value) {
    args.push_back(name);
    args.push_back(std::move(value));
  };
  add("--steps", std::to_string(options.steps));
  add("--lr", "1e-3");
  add("--schedule", "constant");
  add("--clip", "0");
  if (options.compile.optimizer != "sgd") {
    add("--beta1", "0.9");
    add("--beta2", "0.95");
    add("--eps", "1e-8");
  }
  add("--weight-decay", "0.1");
  return args;
}

/// The number of ranks, which has to be that of --nproc if it was given; nothing after an error.
static std::optional<int64_t> ranksOf(const VerifyOptions &options) {
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

static ExitCode runExecutable(const std::vector<std::string> &args) {
  SmallVector<StringRef> refs(args.begin(), args.end());
  ProgramResult result = runProgram(refs);
  if (!result.started) {
    reportError("cannot run the executable: " + result.output);
    return kExitRequest;
  }
  if (result.status == 0)
    return kExitDone;
  errs() << result.output;
  if (!result.output.empty() && result.output.back() != '\n')
    errs() << '\n';
  // What the executable blames on its input is one; a crash or an internal fault is Weft's.
  if (result.status == kExitRequest) {
    reportError("the executable could not replay the reference (above: why)");
    return kExitRequest;
  }
  reportInternalFault("the executable ended with " +
                      (result.status < 0 ? Twine("a crash") : "exit code " + Twine(result.status)));
  return kExitInternal;
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
  if (ExitCode code = deduceDims(options.compile, *reference))
    return code;
  std::unique_ptr<WorkFolder> folder = WorkFolder::create(options.keep);
  if (!folder)
    return kExitRequest;

  options.compile.output = folder->file("model.exe");
  options.compile.emit = Emit::Exe;
  options.compile.keepGradients = options.compile.keepLogits = true;
  if (int code = compile(options.compile, argv0))
    return code;

  std::string recordPath = folder->file("record.safetensors");
  setPhase("running the executable");
  std::vector<std::string> command = replayCommand(options, options.compile.output, recordPath);
  if (*ranks > 1) {
    command.push_back("--nproc");
    command.push_back(std::to_string(*ranks));
  }
  if (ExitCode code = runExecutable(command))
    return code;
  std::unique_ptr<SafetensorsFile> record = SafetensorsFile::open(recordPath, why);
  if (!record) {
    reportInternalFault("the executable's record cannot be read: " + why);
    return kExitInternal;
  }
  std::optional<std::string> text = readManifest(options.compile.output);
  Expected<json::Value> manifest = text ? json::parse(*text) : json::Value(nullptr);
  if (!manifest || !manifest->getAsObject()) {
    consumeError(manifest.takeError());
    reportInternalFault("the executable's manifest cannot be read");
    return kExitInternal;
  }
  setPhase("comparing");
  std::vector<ComparisonRow> rows =
      compareRecords(*reference, *record, namesIn(*manifest->getAsObject()), options.tolerances);
  return printTable(rows, options.tolerances) ? kExitDone : kExitCheck;
}
