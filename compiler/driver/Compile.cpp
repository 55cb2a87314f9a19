//===- Compile.cpp - weft compile -----------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Compile.h"
#include "compiler/codegen/WorkspaceBounds.h"
#include "compiler/codegen/cuda/CudaTarget.h"
#include "compiler/codegen/cuda/CudaTasks.h"
#include "compiler/codegen/host/HostCodegen.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/Halving.h"
#include "compiler/driver/Link.h"
#include "compiler/driver/Memory.h"
#include "compiler/driver/MeshOptions.h"
#include "compiler/driver/OutputFile.h"
#include "compiler/driver/Session.h"
#include "compiler/driver/Sources.h"
#include "compiler/driver/Summary.h"
#include "compiler/driver/TargetChoice.h"
#include "compiler/import/onnx/OnnxImport.h"
#include "compiler/manifest/Manifest.h"
#include "compiler/pipeline/Pipelines.h"
#include "compiler/plan/Planner.h"
#include "compiler/plan/StepFacts.h"
#include "dialects/exec/CollectiveCalls.h"
#include "dialects/exec/Exec.h"
#include "dialects/weft/Weft.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "passes/memory/Passes.h"
#include "passes/memory/Solver.h"
#include "passes/schedule/Arena.h"
#include "passes/schedule/ArenaReport.h"
#include "passes/schedule/Target.h"
#include "weft/matmul.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace weft;

/// Ranks that have samples of their own; with halves, twice that many parts of a batch.
static int64_t dataRanksOf(const PartitionOptions &partition) {
  int64_t ranks = partition.getNumRanks() / (partition.prescaledBatch ? partition.tp : 1);
  return partition.halves ? 2 * ranks : ranks;
}

static ImportOptions importOptionsOf(const CompileOptions &options, const PartitionOptions &partition) {
  ImportOptions result;
  result.path = options.model;
  result.dataRanks = dataRanksOf(partition);
  for (const auto &[name, value] : options.dims)
    result.dims[name] = value;
  result.microbatches = options.microbatches;
  result.freeze = options.freeze;
  result.train = options.train;
  result.inputs = options.inputs;
  result.batchNorm = options.batchNorm;
  return result;
}

static TrainingOptions trainingOptionsOf(const CompileOptions &options) {
  TrainingOptions result;
  result.loss = options.loss;
  result.optimizer = options.optimizer;
  result.microbatches = options.microbatches;
  result.noDecay = options.noDecay;
  result.clipping = options.clipping;
  result.precision = options.precision == "fp32" ? "" : options.precision;
  result.narrowStates = options.states == "bf16";
  result.keepGradients = options.keepGradients;
  result.keepLogits = options.keepLogits;
  return result;
}

static MemoryOptions memoryOptionsOf(const CompileOptions &options) {
  MemoryOptions result;
  result.remat = options.remat;
  result.logitChunks = options.logitChunks;
  result.offloadActivations = options.offloadActivations;
  result.offloadOptimizer = options.offloadOptimizer;
  result.offloadHorizon = options.offloadHorizon;
  result.offloadUpdates = options.offloadUpdates;
  return result;
}

static int64_t arenaBytes(ModuleOp scheduled) {
  return scheduled->getAttrOfType<IntegerAttr>(exec::arenaBytesAttr).getInt();
}

/// What the collectives of a module need. Before the schedule, who carries them is not known.
static ProcessNeeds needsOf(ModuleOp module, bool several) {
  ProcessNeeds needs;
  needs.several = several;
  // Each rank of a group maps the arenas of all others.
  llvm::SmallDenseMap<Attribute, int64_t> mapped;
  module.walk([&](Operation *op) {
    auto call = dyn_cast<exec::CollectiveOp>(op);
    bool copies = call && call->hasAttr(exec::carrierAttr);
    if (copies)
      mapped[call.getAxes()] = call.getRanks() - 1;
    CopyGraph graph = copies ? copyGraphOf(call) : CopyGraph();
    needs.graphForks += graph.forks;
    // A kernel may have several stages; a collective has two more kernels, which note that it runs.
    if (isa<exec::LaunchOp, exec::LibraryCallInterface>(op))
      needs.graphNodes += call ? 4 + graph.nodes : 2;
    needs.exchanges |= isa<dist::AllToAllOp>(op) || (call && !copies && call.getKind() == "all_to_all");
  });
  needs.copies = !mapped.empty();
  for (auto [axes, ranks] : mapped)
    needs.mappedBytes += ranks * arenaBytes(module);
  if (auto host = module->getAttrOfType<IntegerAttr>(exec::hostBytesAttr))
    needs.hostBytes = host.getInt();
  return needs;
}

/// What a rank's process takes of a GPU beside its arena: the batch on its way, the driver's context, libraries.
static int64_t besideArena(ModuleOp module, const TargetChoice &target, bool several) {
  if (!target.isCuda())
    return 0;
  int64_t inputs = 0;
  for (exec::InputOp input : module.getOps<exec::InputOp>())
    inputs += tensorBytes(cast<RankedTensorType>(input.getType()));
  return inputs + outsideArenaBytes(needsOf(module, several));
}

/// The bytes of all that lives in the arena from step to step: symbols, and the inputs of a micro-batch.
static int64_t storedBytes(ModuleOp module, const Target &target, bool offloadsOptimizer) {
  int64_t bytes = 0;
  auto add = [&](Type type) {
    bytes += alignBuffer(tensorBytes(cast<RankedTensorType>(type)), target.bufferAlignment());
  };
  for (Operation &op : *module.getBody())
    if (isa<ParamOp>(op) || (isa<StateOp>(op) && !(offloadsOptimizer && isOptimizerState(cast<StateOp>(op)))))
      add(op.getAttrOfType<TypeAttr>("type").getValue());
  llvm::StringSet<> seen;
  for (func::FuncOp task : module.getOps<func::FuncOp>())
    for (BlockArgument argument : task.getArguments())
      if (auto name = task.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "weft.name");
          name && seen.insert(name.getValue()).second)
        add(argument.getType());
  return bytes;
}

/// How often `--remat auto` is planned, at most, until what it comes to is near the budget.
static constexpr int memoryRounds = 6;

static CommunicationOptions communicationOptionsOf(const CompileOptions &options) {
  CommunicationOptions result;
  result.bucket = options.bucket;
  result.maxLive = options.maxLive;
  result.ranksPerNode = options.ranksPerNode;
  result.overlap = options.overlap == "on" || (options.overlap == "auto" && TargetChoice::nameFor(options) == "cuda");
  return result;
}

namespace {

/// What one `weft compile` carries from phase to phase.
class Compilation {
public:
  Compilation(const CompileOptions &options, const std::string &argv0)
      : options(options), argv0(argv0), session(options.timing, !options.quiet) {}

  int run();

private:
  /// What can be refused before any work is done.
  ExitCode check();
  ExitCode import();
  /// Refuses a precision that the model rules out, and says what the chosen one means on this processor.
  ExitCode checkPrecision();
  /// From the imported program down to `last`, at most the schedule.
  ExitCode lower(Emit last);
  /// From the program of one rank to its schedule; with `--remat auto` and a budget, in several rounds.
  ExitCode schedule(const Target &target);
  /// One schedule, and what it comes to.
  struct Round {
    OwningOpRef<ModuleOp> module;
    ArenaReport arena;
    std::vector<TaskMemoryPlan> plans;
    UpdateCounts updates;
    int64_t bytes = 0;
    double seconds = 0;
  };
  ExitCode run(const Target &target, const MemoryOptions &memory, Round &round);
  /// The best of a few rounds of `--remat auto` within the budget, `best` among them.
  ExitCode search(const Target &target, MemoryOptions memory, std::optional<Round> &best);
  void take(Round round);
  /// What `--memory` bounds: on a GPU the memory of the process, else the arena.
  int64_t neededBytes(ModuleOp scheduled) const {
    return arenaBytes(scheduled) + besideArena(scheduled, target, mesh.partition.getNumRanks() > 1);
  }
  /// The bytes that are needed under other options; nothing is printed.
  std::optional<int64_t> tryOptions(const CompileOptions &other);
  /// Prints the module or a text to the output.
  ExitCode print(llvm::function_ref<void(llvm::raw_ostream &)> write);
  ExitCode printModule();
  /// Decides the plan, or checks the one that was given.
  ExitCode plan();
  /// Prints the plan, once memory is known, where that was asked for.
  ExitCode printPlan();
  /// Describes the schedule, and says what memory it needs.
  llvm::json::Object describe();
  /// Code and executable from the schedule.
  ExitCode generate(llvm::json::Object manifest);
  ExitCode generateDevice(llvm::json::Object manifest);
  ExitCode link(llvm::StringRef object);

  CompileOptions options; ///< as a plan that was given changes them
  bool isTrial = false;   ///< whether it fits is the question, and not how fast it is
  const std::string &argv0;
  Session session;
  SourceChoice sources;
  std::unique_ptr<OutputFile> output; ///< null: standard output
  std::optional<Linker> linker;
  TargetChoice target;
  MeshChoice mesh;
  std::vector<ImportedDim> dims;
  PatternCache patterns; ///< found in one round of `search`, for the next
  StepFacts stepFacts;
  OwningOpRef<ModuleOp> module;
  ArenaReport arena;
  std::vector<TaskMemoryPlan> memoryPlans;
  UpdateCounts updates;
};

} // namespace

ExitCode Compilation::check() {
  if (!llvm::sys::fs::exists(options.model)) {
    reportError("there is no model file '" + options.model + "'");
    return kExitRequest;
  }
  if (llvm::sys::fs::is_directory(options.model)) {
    reportError("'" + options.model + "' is a folder, not a model file");
    return kExitRequest;
  }
  if (!llvm::sys::fs::is_regular_file(options.model)) {
    reportError("'" + options.model + "' is not a regular file");
    return kExitRequest;
  }
  std::optional<TargetChoice> found = TargetChoice::find(options);
  if (!found)
    return kExitRequest;
  target = std::move(*found);
  std::optional<MeshChoice> chosen = chooseMesh(options);
  if (!chosen)
    return kExitRequest;
  mesh = *chosen;
  parseInit(options.init, sources);
  sources.weights = options.weights;
  if (options.emit == Emit::Exe && !(linker = Linker::find(argv0, target.libraries, mesh.partition.getNumRanks() > 1)))
    return kExitRequest;
  if (options.emit == Emit::Exe && options.output.empty())
    options.output = llvm::sys::path::stem(options.model).str();
  if (bool same = false;
      !options.output.empty() && !llvm::sys::fs::equivalent(options.model, options.output, same) && same) {
    reportError("the result would replace the model itself, '" + options.output + "'", "-o gives it another name");
    return kExitRequest;
  }
  if (!options.output.empty() && options.output != "-" && !(output = OutputFile::create(options.output)))
    return kExitRequest;
  return kExitDone;
}

ExitCode Compilation::import() {
  ImportReport report;
  {
    TimingScope scope = session.time("import");
    module = importOnnx(session.context(), importOptionsOf(options, mesh.partition), report);
  }
  if (!module)
    return session.blame("the import");
  dims = report.dims;
  options.dims.clear();
  for (const ImportedDim &dim : dims)
    options.dims.emplace_back(dim.name, dim.size);
  if (!options.quiet)
    printImport(options, report, *module);
  if (ExitCode code = session.verify("the import", *module))
    return code;
  if (ExitCode code = session.run("simplify and raise", *module, buildImportPipeline))
    return code;
  if (failed(chooseSources(*module, sources)))
    return kExitRequest;
  // Only what runs needs the values: a plan can be made without them.
  if (options.emit == Emit::Exe && failed(checkSources(*module)))
    return kExitRequest;
  if (options.emit == Emit::Exe && options.bundle &&
      failed(bundleSources(*module, llvm::sys::path::parent_path(options.output))))
    return kExitRequest;
  return kExitDone;
}

ExitCode Compilation::checkPrecision() {
  if (options.precision == "fp32")
    for (ParamOp param : module->getOps<ParamOp>())
      if (Type element = cast<RankedTensorType>(param.getType()).getElementType();
          element.isBF16() || element.isF16()) {
        std::string type;
        llvm::raw_string_ostream(type) << element;
        reportError("--precision fp32: parameter '" + param.getSymName() + "' is " + type + " in the model",
                    "export the model in float32, or leave the option out to compute in the model's types");
        return kExitRequest;
      }
  if (options.states == "bf16" && options.precision != "bf16") {
    reportError("--states bf16 is for parameters in bf16, and these are in " +
                    (options.precision.empty() ? "the model's types" : options.precision),
                "give --precision bf16 too");
    return kExitRequest;
  }
  bool fp16 = options.precision == "fp16", narrowStates = options.states == "bf16";
  if ((options.precision != "bf16" && !fp16) || options.quiet)
    return kExitDone;
  llvm::errs() << "precision   " << options.precision << ": parameters, " << (narrowStates ? "moments, " : "")
               << "activations and gradients; f32: " << (narrowStates ? "" : "master weights, moments, ")
               << "sums, statistics and the loss"
               << (fp16 ? "; the loss is scaled, steps that overflow are skipped" : "") << "\n";
  if (!fp16 && !target.isCuda() && chooseMatmulLibrary(MatmulType::BF16, target.cpu.features) == MatmulLibrary::Weft)
    llvm::errs() << "weft: remark: processor " << target.cpu.name
                 << " has no bf16 instructions: products convert to f32, which takes less memory than f32 but not less "
                    "time\n";
  return kExitDone;
}

ExitCode Compilation::print(llvm::function_ref<void(llvm::raw_ostream &)> write) {
  if (!output) {
    write(llvm::outs());
    llvm::outs().flush();
    if (!llvm::outs().has_error())
      return kExitDone;
    reportError("cannot write to standard output: " + llvm::outs().error().message());
    llvm::outs().clear_error();
    return kExitRequest;
  }
  std::string text;
  llvm::raw_string_ostream os(text);
  write(os);
  return output->write(text, /*executable=*/false) && output->commit() ? kExitDone : kExitRequest;
}

ExitCode Compilation::printModule() {
  OpPrintingFlags flags;
  flags.elideLargeElementsAttrs(16);
  return print([&](llvm::raw_ostream &os) { module->print(os, flags); });
}

int Compilation::run() {
  if (ExitCode code = check())
    return code;
  if (target.isCuda() && !options.quiet)
    llvm::errs() << "target      cuda, " << llvm::join(target.architectures, ", ")
                 << (options.target.empty() ? "; this machine has a GPU" : "") << "\n";
  if (ExitCode code = import())
    return code;
  if (options.emit == Emit::Import)
    return printModule();

  if (ExitCode code = checkPrecision())
    return code;
  if (ExitCode code = lower(options.emit))
    return code;
  if (options.emit == Emit::Train || options.emit == Emit::Local)
    return printModule();
  if (int64_t needed = neededBytes(*module); options.memory && needed > options.memory) {
    reportOverBudget(*module, arena, needed, options, [&](const CompileOptions &other) { return tryOptions(other); });
    return kExitRequest;
  }
  llvm::json::Object manifest = describe();
  if (options.emit == Emit::Plan)
    return printPlan();
  if (options.emit == Emit::Schedule)
    return printModule();
  return generate(std::move(manifest));
}

ExitCode Compilation::lower(Emit last) {
  TrainingOptions training = trainingOptionsOf(options);
  training.isCut = mesh.partition.getNumRanks() > 1;
  training.tp = mesh.partition.tp;
  if (ExitCode code = session.run("train", *module,
                                  [&](OpPassManager &pm) { buildTrainPipeline(pm, training, target.target.get()); }))
    return code;
  if (last == Emit::Train)
    return kExitDone;
  if (ExitCode code = plan())
    return code;
  if (mesh.partition.getNumRanks() > 1)
    if (ExitCode code = partition(session, module, mesh, *target.target, communicationOptionsOf(options).overlap))
      return code;
  if (mesh.partition.getNumRanks() > 1)
    if (ExitCode code = session.run("communication", *module, [&](OpPassManager &pm) {
          buildCommunicationPipeline(pm, communicationOptionsOf(options));
        }))
      return code;
  if (last == Emit::Local)
    return kExitDone;
  return schedule(*target.target);
}

ExitCode Compilation::schedule(const Target &target) {
  MemoryOptions memory = memoryOptionsOf(options);
  if (options.remat != "auto" || !options.memory) {
    Round only;
    only.module = std::move(module);
    ExitCode code = run(target, memory, only);
    take(std::move(only));
    return code;
  }
  std::optional<Round> best;
  if (ExitCode code = search(target, memory, best))
    return code;
  // The model of what is on its way to host memory and back may be too coarse where little is left: then without.
  bool isLeast = best->bytes > options.memory || llvm::any_of(best->plans, [](auto &plan) { return !plan.bound; });
  if (isLeast && memory.offloadActivations) {
    memory.offloadActivations = false;
    if (ExitCode code = search(target, memory, best))
      return code;
  }
  take(std::move(*best));
  return kExitDone;
}

ExitCode Compilation::run(const Target &target, const MemoryOptions &memory, Round &round) {
  ExitCode code = session.run("schedule", *round.module, [&](OpPassManager &pm) {
    buildSchedulePipeline(pm, &target, memory, communicationOptionsOf(options),
                          {&round.arena, &round.plans, &round.updates, &patterns});
  });
  if (code)
    return code;
  round.bytes = neededBytes(*round.module);
  for (const TaskMemoryPlan &plan : round.plans)
    round.seconds += plan.seconds;
  return kExitDone;
}

void Compilation::take(Round round) {
  module = std::move(round.module);
  arena = std::move(round.arena);
  memoryPlans = std::move(round.plans);
  updates = round.updates;
}

/// What the solver counts with is close to what the schedule comes to, not the same: writing in place, workspaces. The
/// difference corrects the limit.
ExitCode Compilation::search(const Target &target, MemoryOptions memory, std::optional<Round> &best) {
  memory.limit = options.memory - storedBytes(*module, target, options.offloadOptimizer) -
                 besideArena(*module, this->target, mesh.partition.getNumRanks() > 1);
  int64_t step = options.memory / 64, low = 1, high = INT64_MAX;
  auto fits = [&](const Round &r) { return r.bytes <= options.memory; };
  for (int round = 0; round < memoryRounds; ++round) {
    // The last attempt, if nothing fitted, is the least there is.
    if (round + 1 == memoryRounds && !(best && fits(*best)))
      memory.limit = 1;
    memory.limit = std::max<int64_t>(memory.limit, 1);
    Round next;
    next.module = module->clone();
    if (ExitCode code = run(target, memory, next))
      return code;
    int64_t limit = memory.limit, excess = next.bytes - options.memory;
    if (fits(next)) {
      low = std::max(low, limit);
      memory.limit = std::min(limit - excess, high == INT64_MAX ? INT64_MAX : (limit + high) / 2);
    } else {
      high = std::min(high, limit);
      memory.limit = best && fits(*best) ? (low + limit) / 2 : limit - excess - step;
      step *= 2;
    }
    auto rank = [&](const Round &r) { return std::tuple(!fits(r), fits(r) ? r.seconds : 0.0, r.bytes); };
    bool isLast = (fits(next) && (next.seconds == 0 || isTrial)) || limit == 1;
    if (!best || rank(next) < rank(*best))
      best = std::move(next);
    // Near enough: what is left of the budget is less than a step of the limit.
    if (isLast || (fits(*best) && std::abs(memory.limit - limit) < options.memory / 256))
      break;
  }
  return kExitDone;
}

std::optional<int64_t> Compilation::tryOptions(const CompileOptions &other) {
  CompileOptions quiet = other;
  quiet.quiet = true;
  quiet.timing = false;
  quiet.emit = Emit::Schedule;
  Compilation trial(quiet, argv0);
  trial.isTrial = true;
  trial.session.silence();
  std::optional<TargetChoice> chosenTarget = TargetChoice::find(quiet);
  if (!chosenTarget)
    return std::nullopt;
  trial.target = std::move(*chosenTarget);
  trial.sources = sources;
  std::optional<MeshChoice> chosen = chooseMesh(trial.options);
  if (!chosen)
    return std::nullopt;
  trial.mesh = *chosen;
  if (trial.import() || trial.lower(Emit::Schedule))
    return std::nullopt;
  return trial.neededBytes(*trial.module);
}

ExitCode Compilation::plan() {
  setPhase("planning");
  TimingScope scope = session.time("plan");
  Plan &plan = mesh.plan;
  LogicalResult done = mesh.isGiven ? checkPlan(*module, plan) : decidePlan(*module, mesh.partition, plan);
  if (failed(done))
    return session.blame("planning");
  if (!mesh.isGiven)
    plan.model = llvm::sys::path::filename(options.model).str();
  stepFacts = factsOf(*module);
  plan.collectives.clear();
  plan.conflicts.clear();
  plan.gathered.clear();
  plan.memory.reset();
  mesh.partition.plan = &plan;
  mesh.partition.volume = &plan.collectives;
  mesh.partition.conflicts = &plan.conflicts;
  mesh.partition.gathered = &plan.gathered;
  mesh.partition.rates = target.target->rates();
  return kExitDone;
}

ExitCode Compilation::printPlan() {
  if (!options.planJson.empty()) {
    std::string text;
    llvm::raw_string_ostream os(text);
    printJson(mesh.plan, os);
    std::unique_ptr<OutputFile> file = OutputFile::create(options.planJson);
    if (!file || !file->write(text, /*executable=*/false) || !file->commit())
      return kExitRequest;
  }
  return print(
      [&](llvm::raw_ostream &os) { options.planTable ? printPlanTable(mesh.plan, os) : printJson(mesh.plan, os); });
}

/// The memory of one rank, from the manifest of its schedule.
static Plan::Memory memoryOf(const llvm::json::Object &manifest) {
  Plan::Memory memory;
  const llvm::json::Object *parts = manifest.getObject("memory");
  auto get = [&](const char *key) { return parts ? parts->getInteger(key).value_or(0) : 0; };
  memory.parameters = get("parameters");
  memory.gradients = get("gradients");
  memory.states = get("states");
  memory.inputs = get("inputs");
  memory.activations = get("temporaries");
  memory.buffers = get("workspace");
  memory.alignment = get("alignment");
  memory.arena = manifest.getInteger("arena_bytes").value_or(0);
  return memory;
}

llvm::json::Object Compilation::describe() {
  ManifestFacts facts;
  facts.model = llvm::sys::path::filename(options.model).str();
  facts.target = target.name;
  facts.cpu = target.cpu.name;
  facts.cpuFeatures = target.cpu.features;
  for (const ImportedDim &dim : dims)
    facts.sizes.push_back({dim.name, dim.size, dim.why});
  facts.optimizer = options.optimizer;
  facts.arena = &arena;
  facts.clipping = options.clipping;
  facts.precision = options.precision;
  facts.deterministic = !options.fast || !target.isCuda();
  facts.placement = mesh.placement;
  facts.microbatches = options.microbatches;
  facts.seed = sources.seed;
  llvm::json::Object manifest = buildManifest(*module, facts);
  addTheory(mesh.plan, stepFacts);
  mesh.plan.memory = memoryOf(manifest);
  if (target.isCuda())
    if (llvm::json::Object *memory = manifest.getObject("memory"))
      (*memory)["process"] = neededBytes(*module);
  manifest["plan"] = toJson(mesh.plan);
  manifest["gradients"] = describeGradients(options, mesh.plan, manifest);
  if (llvm::json::Array saved = describeSaved(memoryPlans); !saved.empty())
    manifest["saved"] = std::move(saved);
  if (!options.quiet) {
    printHalves(mesh.plan, llvm::errs());
    printGradients(manifest, llvm::errs());
    printRecomputed(options.remat, memoryPlans, llvm::errs());
    printMemory(manifest, llvm::errs());
    printHostMemory(manifest, llvm::errs());
    printUpdates(updates, llvm::errs());
  }
  return manifest;
}

ExitCode Compilation::generateDevice(llvm::json::Object manifest) {
  DeviceCode code;
  {
    TimingScope scope = session.time("device code");
    if (failed(emitDeviceCode(*module, target.architectures, *target.toolkit, options.emit == Emit::Exe, code)))
      return session.blame("device code");
  }
  if (options.emit == Emit::Kernels)
    return print([&](llvm::raw_ostream &os) { os << code.ptx; });
  manifest["device"] = code.describe();
  for (llvm::json::Value &value : *manifest.getArray("kernels")) {
    llvm::json::Object &kernel = *value.getAsObject();
    for (auto &[key, entry] : code.describeKernel(*kernel.getString("name")))
      kernel[key] = entry;
  }
  std::string text = llvm::formatv("{0:1}", llvm::json::Value(std::move(manifest)));
  llvm::SmallVector<char> object;
  {
    TimingScope scope = session.time("code generation");
    if (failed(emitCudaObject(*module, text, code, target.cpu, object)))
      return session.blame("code generation");
  }
  return link(llvm::StringRef(object.data(), object.size()));
}

ExitCode Compilation::generate(llvm::json::Object manifest) {
  if (target.isCuda())
    return generateDevice(std::move(manifest));
  // Indented, for inspect --json. Who reads LLVM IR is spared it.
  std::string text = "{}";
  if (options.emit == Emit::Exe)
    text = llvm::formatv("{0:1}", llvm::json::Value(std::move(manifest)));
  llvm::SmallVector<char> object;
  std::string llvmIr;
  {
    TimingScope scope = session.time("code generation");
    if (failed(emitHostObject(*module, text, target.cpu, object, options.emit == Emit::Kernels ? &llvmIr : nullptr)))
      return session.blame("code generation");
  }
  if (options.emit == Emit::Kernels)
    return print([&](llvm::raw_ostream &os) { os << llvmIr; });
  return link(llvm::StringRef(object.data(), object.size()));
}

ExitCode Compilation::link(llvm::StringRef object) {
  TimingScope scope = session.time("link");
  // Beside the executable: a disk that has no room for one has none for the other.
  std::unique_ptr<OutputFile> objectFile = OutputFile::create(options.output + ".o");
  if (!objectFile || !objectFile->write(object, /*executable=*/false))
    return kExitRequest;
  bool internal = false;
  if (!linker->link(objectFile->temporaryPath(), output->temporaryPath(), internal))
    return internal ? kExitInternal : kExitRequest;
  uint64_t bytes = 0;
  if (llvm::sys::fs::file_size(output->temporaryPath(), bytes) || !output->commit())
    return kExitRequest;
  if (!options.quiet)
    llvm::errs() << "executable  " << options.output << ", " << formatBytes(static_cast<double>(bytes)) << "\n";
  return kExitDone;
}

int weft::compile(const CompileOptions &options, const std::string &argv0) {
  installCrashHandler();
  return Compilation(options, argv0).run();
}
