//===- Manifest.cpp - What an executable says about itself ----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/manifest/Manifest.h"
#include "compiler/manifest/Constants.h"
#include "compiler/manifest/LibraryCalls.h"
#include "compiler/manifest/Location.h"
#include "dialects/dist/Dist.h"
#include "dialects/exec/LibraryCalls.h"
#include "dialects/exec/Streams.h"
#include "dialects/weft/BatchNorm.h"
#include "dialects/weft/SymbolAttrs.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/schedule/ArenaReport.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace weft;
namespace json = llvm::json;

/// Text of a model as JSON can hold it: a damaged file may have names that are no UTF-8.
static std::string utf8(StringRef text) { return json::fixUTF8(text); }

//===----------------------------------------------------------------------===//
// Tensors: inputs, parameters, states
//===----------------------------------------------------------------------===//

static json::Array toJson(ArrayRef<int64_t> values) {
  json::Array array;
  for (int64_t value : values)
    array.push_back(value);
  return array;
}

/// What all tensors of the manifest share.
static json::Object describeTensor(StringRef name, Type type, int64_t offset) {
  auto tensor = cast<RankedTensorType>(type);
  return json::Object{{"name", utf8(name)},
                      {"dtype", exec::dtypeName(tensor.getElementType())},
                      {"shape", toJson(tensor.getShape())},
                      {"offset", offset},
                      {"bytes", tensorBytes(tensor)}};
}

static json::Array toJson(ArrayAttr names) {
  json::Array array;
  for (StringAttr name : names.getAsRange<StringAttr>())
    array.push_back(name.getValue());
  return array;
}

/// Adds how the tensor of a symbol lies on the mesh, if it has one; `shape` becomes that of the whole tensor.
static void describeSharding(json::Object &entry, Operation *symbol, Type type) {
  auto attr = symbol->getAttrOfType<dist::ShardingAttr>(dist::shardingAttr);
  if (!attr)
    return;
  dist::Mesh mesh = dist::meshOf(symbol->getParentOfType<ModuleOp>());
  auto local = cast<RankedTensorType>(type);
  entry["local_shape"] = toJson(local.getShape());
  // Of parts with padding only the symbol knows the whole.
  auto whole = symbol->getAttrOfType<DenseI64ArrayAttr>(wholeShapeAttr);
  entry["shape"] = toJson(whole ? whole.asArrayRef() : dist::fromAttr(mesh, attr)->globalType(mesh, local).getShape());
  json::Array dims;
  for (ArrayAttr axes : attr.getDims().getAsRange<ArrayAttr>())
    dims.push_back(toJson(axes));
  entry["sharding"] = std::move(dims);
  if (!attr.getUnreduced().empty())
    entry["unreduced"] = toJson(attr.getUnreduced());
}

/// The axes as they are laid over ranks.
static json::Object describeMesh(const dist::Mesh &mesh) {
  json::Array axes;
  for (int64_t axis : mesh.order)
    axes.push_back(json::Object{{"name", mesh.axes[axis]}, {"size", mesh.sizes[axis]}});
  return json::Object{{"axes", std::move(axes)}};
}

/// Host memory counts on behind the arena.
static int64_t offsetOf(Operation *symbol) {
  auto offset = symbol->getAttrOfType<IntegerAttr>(exec::offsetAttr);
  assert(offset && "a scheduled module gives every parameter and state its place");
  int64_t begin = 0;
  if (symbol->hasAttr(exec::hostAttr))
    begin = symbol->getParentOfType<ModuleOp>()->getAttrOfType<IntegerAttr>(exec::arenaBytesAttr).getInt();
  return begin + offset.getInt();
}

static json::Object describeSource(Attribute source) {
  if (auto normal = dyn_cast<NormalInitAttr>(source))
    return json::Object{{"init", "normal"}, {"std", normal.getStd().getValueAsDouble()}};
  if (auto constant = dyn_cast<ConstantInitAttr>(source))
    return json::Object{{"init", "constant"}, {"value", constant.getValue().getValueAsDouble()}};
  auto file = cast<FileSourceAttr>(source);
  // The executable may run in another folder.
  llvm::SmallString<256> path(file.getPath());
  if (!path.starts_with(besideExecutable) && llvm::sys::fs::make_absolute(path))
    path = file.getPath();
  json::Object entry{{"file", utf8(path)},
                     {"offset", file.getOffset()},
                     {"bytes", file.getBytes()},
                     {"dtype", exec::dtypeName(file.getElementType())},
                     {"shape", toJson(file.getShape())},
                     {"file_bytes", file.getFileBytes()}};
  if (!file.getPerm().empty())
    entry["perm"] = toJson(file.getPerm());
  return entry;
}

/// The shape under which files have a parameter that was given a dimension for its parts.
static void describeSavedShape(json::Object &entry, Operation *symbol) {
  if (auto saved = symbol->getAttrOfType<DenseI64ArrayAttr>(savedShapeAttr))
    entry["saved_shape"] = toJson(saved.asArrayRef());
}

static json::Object describe(ParamOp param) {
  json::Object entry = describeTensor(param.getSymName(), param.getType(), offsetOf(param));
  if (ArrayAttr aliases = param.getAliasesAttr()) {
    json::Array names;
    for (StringAttr alias : aliases.getAsRange<StringAttr>())
      names.push_back(utf8(alias.getValue()));
    entry["aliases"] = std::move(names);
  }
  entry["trainable"] = param.getTrainable();
  entry["decay"] = param.getTrainable() && param.getDecay();
  entry["loc"] = utf8(describeLocation(param.getLoc()));
  entry["source"] = describeSource(param.getSource());
  describeSharding(entry, param, param.getType());
  describeSavedShape(entry, param);
  return entry;
}

static json::Object describe(StateOp state) {
  json::Object entry = describeTensor(state.getSymName(), state.getType(), offsetOf(state));
  entry["kind"] = state->hasAttr(dist::coordinatesAttr) ? "mesh" : stringifyStateKind(state.getKind());
  if (Attribute source = state->getAttr(stateSourceAttr))
    entry["source"] = describeSource(source);
  else
    entry["init"] = state.getInit().convertToDouble();
  if (state.getParam())
    entry["param"] = utf8(*state.getParam());
  entry["checkpoint"] = state.getCheckpointed();
  describeSharding(entry, state, state.getType());
  if (state.getParam())
    describeSavedShape(entry, SymbolTable::lookupNearestSymbolFrom(state, state.getParamAttr().getAttr()));
  return entry;
}

static json::Object describe(exec::InputOp input) {
  json::Object entry = describeTensor(input.getSymName(), input.getType(), input.getOffset());
  entry["role"] = input.getRole();
  if (auto field = input->getAttrOfType<StringAttr>("weft.field"); field && field.getValue() != input.getSymName())
    entry["field"] = utf8(field.getValue());
  // The bits are those of the signless type; whoever fills the input has to know.
  if (input->hasAttr("weft.unsigned"))
    entry["dtype"] = "u" + exec::dtypeName(cast<RankedTensorType>(input.getType()).getElementType()).substr(1);
  if (std::optional<uint64_t> limit = input.getLimit())
    entry["limit"] = static_cast<int64_t>(*limit);
  if (std::optional<uint64_t> ignore = input.getIgnore())
    entry["ignore"] = static_cast<int64_t>(*ignore);
  describeSharding(entry, input, input.getType());
  return entry;
}

//===----------------------------------------------------------------------===//
// The schedule
//===----------------------------------------------------------------------===//

/// Bytes of the elements a buffer names; one that is repeated counts once.
static double bufferBytes(Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)))
    return 0;
  double bytes = elementBytes(type.getElementType());
  for (auto [size, stride] : llvm::zip(type.getShape(), strides))
    bytes *= stride == 0 ? 1 : size;
  return bytes;
}

/// Operations of the ops of a kernel, by their cost model.
static double kernelFlops(func::FuncOp kernel) {
  double flops = 0;
  kernel.walk([&](CostOpInterface op) {
    auto types = [](TypeRange range) {
      SmallVector<RankedTensorType> tensors;
      for (Type type : range)
        if (auto tensor = dyn_cast<RankedTensorType>(type))
          tensors.push_back(tensor);
      return tensors;
    };
    SmallVector<RankedTensorType> operands = types(op->getOperandTypes()), results = types(op->getResultTypes());
    if (operands.size() == op->getNumOperands() && results.size() == op->getNumResults())
      flops += op.getCost(operands, results).flops;
  });
  return flops;
}

/// Bytes that a kernel must move: what it reads of each argument and each result, once. A table that rows are looked up
/// in counts by those rows.
static double kernelBytes(func::FuncOp kernel) {
  auto bytesOf = [](Value value) { return static_cast<double>(tensorBytes(cast<RankedTensorType>(value.getType()))); };
  double bytes = 0;
  for (BlockArgument argument : kernel.getArguments()) {
    double read = 0;
    for (Operation *user : argument.getUsers())
      read += isa<GatherOp>(user) && user->getOperand(0) == argument ? bytesOf(user->getResult(0)) : bytesOf(argument);
    bytes += std::min(read, bytesOf(argument));
  }
  for (Value result : kernel.getBody().front().getTerminator()->getOperands())
    bytes += bytesOf(result);
  return bytes;
}

namespace {
/// One op of a task, as the schedule lists it.
struct Entry {
  StringRef op;
  std::string what;
  double flops = 0;
};
} // namespace

static Entry describeOp(Operation *op, const llvm::StringMap<double> &flopsOfKernel,
                        const llvm::StringSet<> &hostKernels) {
  if (auto launch = dyn_cast<exec::LaunchOp>(op))
    return {hostKernels.contains(launch.getKernel()) ? "host_kernel" : "kernel", launch.getKernel().str(),
            flopsOfKernel.lookup(launch.getKernel())};
  if (auto copy = dyn_cast<exec::CopyOp>(op)) {
    auto isHost = [](Value buffer) { return buffer.getDefiningOp<exec::BufferOp>().getHost(); };
    if (isHost(copy.getFrom()) != isHost(copy.getTo()))
      return {isHost(copy.getTo()) ? "to_host" : "to_device", describeLocation(op->getLoc())};
  }
  auto call = dyn_cast<exec::LibraryCallInterface>(op);
  return {op->getName().stripDialect(), describeLocation(op->getLoc()), call ? call.getFlops() : 0};
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

static json::Object describeMemory(ModuleOp module, int64_t arenaBytes, int64_t persistentBytes) {
  int64_t parameters = 0, states = 0, hostStates = 0, gradients = 0, inputs = 0, workspace = 0;
  for (ParamOp param : module.getOps<ParamOp>())
    parameters += tensorBytes(cast<RankedTensorType>(param.getType()));
  for (StateOp state : module.getOps<StateOp>())
    (state->hasAttr(exec::hostAttr)              ? hostStates
     : state.getKind() == StateKind::accumulator ? gradients
                                                 : states) += tensorBytes(cast<RankedTensorType>(state.getType()));
  for (exec::InputOp input : module.getOps<exec::InputOp>())
    inputs += tensorBytes(cast<RankedTensorType>(input.getType()));
  module.walk([&](exec::LibraryCallInterface call) {
    if (Value scratch = call.getWorkspaceBuffer())
      workspace = std::max(workspace, static_cast<int64_t>(bufferBytes(scratch)));
  });
  int64_t constants = 0;
  for (const ConstantPlace &place : placeConstants(module))
    constants += place.bytes;
  // The parts add up to the arena.
  json::Object parts{{"parameters", parameters},
                     {"states", states},
                     {"gradients", gradients},
                     {"inputs", inputs},
                     {"alignment", persistentBytes - parameters - states - gradients - inputs - constants},
                     {"temporaries", arenaBytes - persistentBytes - workspace},
                     {"workspace", workspace}};
  if (constants > 0)
    parts["constants"] = constants;
  if (auto host = module->getAttrOfType<IntegerAttr>(exec::hostBytesAttr)) {
    parts["host_states"] = hostStates;
    parts["host_activations"] = host.getInt() - hostStates;
  }
  return parts;
}

/// What lies where, and when: per task a list of [offset, bytes, first, last, 1 for a workspace].
static json::Array describeTemporaries(const ArenaReport &arena) {
  json::Array tasks;
  for (const ArenaReport::Task &task : arena.tasks) {
    StringRef name = task.name;
    name.consume_front("task_");
    auto describe = [](const std::vector<ArenaReport::Buffer> &list) {
      json::Array buffers;
      for (const ArenaReport::Buffer &buffer : list)
        buffers.push_back(json::Array{buffer.offset, buffer.bytes, buffer.first, buffer.last, int(buffer.isWorkspace)});
      return buffers;
    };
    json::Object entry{
        {"task", name}, {"bytes", task.bytes}, {"live_bytes", task.liveBytes}, {"buffers", describe(task.buffers)}};
    if (task.hostBytes) {
      entry["host_bytes"] = task.hostBytes;
      entry["host_buffers"] = describe(task.hostBuffers);
    }
    tasks.push_back(std::move(entry));
  }
  return tasks;
}

//===----------------------------------------------------------------------===//
// The whole
//===----------------------------------------------------------------------===//

/// How often a task runs in a step.
static double runsPerStep(StringRef task, int64_t microbatches) {
  if (task == "eval")
    return 0;
  return task == "next" ? static_cast<double>(microbatches - 1) : 1;
}

template <typename Op> static json::Array describeAll(ModuleOp module) {
  json::Array list;
  for (Op op : module.getOps<Op>())
    list.push_back(describe(op));
  return list;
}

json::Object weft::buildManifest(ModuleOp scheduled, const ManifestFacts &facts) {
  int64_t arenaBytes = scheduled->getAttrOfType<IntegerAttr>(exec::arenaBytesAttr).getInt();
  int64_t persistentBytes = scheduled->getAttrOfType<IntegerAttr>(exec::persistentBytesAttr).getInt();

  llvm::MapVector<StringRef, int64_t> launches;
  llvm::StringMap<double> flopsOfKernel, bytesOfKernel;
  llvm::StringMap<std::string> textOfKernel;
  llvm::StringSet<> hostKernels;
  for (func::FuncOp kernel : scheduled.getOps<func::FuncOp>()) {
    launches[kernel.getSymName()] = 0;
    if (kernel->hasAttr(exec::hostAttr))
      hostKernels.insert(kernel.getSymName());
    flopsOfKernel[kernel.getSymName()] = kernelFlops(kernel);
    bytesOfKernel[kernel.getSymName()] = kernelBytes(kernel);
    llvm::raw_string_ostream(textOfKernel[kernel.getSymName()]) << *kernel.getOperation();
  }

  // Entries of the schedule name their calls.
  std::vector<LibraryCallList> calls = numberLibraryCalls(scheduled);
  json::Array tasks, schedule;
  SmallVector<StringRef> streams = exec::streamsOf(scheduled);
  int64_t mostEvents = 0;
  double flopsPerStep = 0;
  for (exec::TaskOp task : scheduled.getOps<exec::TaskOp>()) {
    // States and tasks share one symbol table, so task `step` beside state `step` is @task_step
    // (docs/training-step.md).
    StringRef taskName = task.getSymName();
    taskName.consume_front("task_");
    tasks.push_back(taskName);
    int64_t events = 0;
    for (Operation &op : task.getBody().front()) {
      if (isa<exec::RecordOp>(op))
        ++events;
      if (exec::isBookkeeping(&op))
        continue;
      Entry entry = describeOp(&op, flopsOfKernel, hostKernels);
      double bytes = 0;
      for (Value operand : op.getOperands())
        bytes += bufferBytes(operand);
      if (auto launch = dyn_cast<exec::LaunchOp>(op)) {
        ++launches[launch.getKernel()];
        bytes = bytesOfKernel.lookup(launch.getKernel());
      }
      flopsPerStep += entry.flops * runsPerStep(taskName, facts.microbatches);
      json::Object line{{"task", taskName},
                        {"op", entry.op},
                        {"what", utf8(entry.what)},
                        {"loc", utf8(describeLocation(op.getLoc()))},
                        {"region", describeRegion(op.getLoc())},
                        {"flops", entry.flops},
                        {"bytes", bytes}};
      if (auto call = op.getAttrOfType<IntegerAttr>(libraryCallAttr))
        line["call"] = call.getInt();
      if (int64_t stream = llvm::find(streams, exec::streamOf(&op)) - streams.begin())
        line["stream"] = stream;
      schedule.push_back(std::move(line));
    }
    mostEvents = std::max(mostEvents, events);
  }
  json::Array kernels;
  for (auto [name, count] : launches)
    kernels.push_back(json::Object{{"name", name}, {"launches", count}, {"text", utf8(textOfKernel[name])}});

  // A sample is one index of the first dimension of what the model reads first.
  dist::Mesh mesh = dist::meshOf(scheduled);
  int64_t samples = 1, tokensPerSample = 0;
  bool first = true;
  for (exec::InputOp input : scheduled.getOps<exec::InputOp>()) {
    auto type = cast<RankedTensorType>(input.getType());
    if (auto attr = input->getAttrOfType<dist::ShardingAttr>(dist::shardingAttr))
      type = dist::fromAttr(mesh, attr)->globalType(mesh, type);
    bool tokens = input.getRole() == "tokens";
    if ((first || (tokens && !tokensPerSample)) && type.getRank() > 0)
      samples = type.getDimSize(0);
    if (tokens && !tokensPerSample && samples > 0)
      tokensPerSample = type.getNumElements() / samples;
    first = false;
  }

  json::Array features;
  for (const std::string &feature : facts.cpuFeatures)
    features.push_back(feature);
  json::Object manifest{{"version", 1},
                        {"model", utf8(facts.model)},
                        {"target", facts.target},
                        {"cpu", facts.cpu},
                        {"cpu_features", std::move(features)},
                        {"optimizer", facts.optimizer},
                        {"arena_bytes", arenaBytes},
                        {"persistent_bytes", persistentBytes},
                        {"batch", samples * facts.microbatches},
                        {"microbatches", facts.microbatches},
                        {"tokens_per_sample", tokensPerSample},
                        {"flops_per_step", flopsPerStep},
                        {"inputs", describeAll<exec::InputOp>(scheduled)},
                        {"params", describeAll<ParamOp>(scheduled)},
                        {"states", describeAll<StateOp>(scheduled)},
                        {"tasks", std::move(tasks)},
                        {"memory", describeMemory(scheduled, arenaBytes, persistentBytes)},
                        {"kernels", std::move(kernels)},
                        {"schedule", std::move(schedule)}};
  if (auto host = scheduled->getAttrOfType<IntegerAttr>(exec::hostBytesAttr)) {
    manifest["host_bytes"] = host.getInt();
    manifest["host_persistent_bytes"] = scheduled->getAttrOfType<IntegerAttr>(exec::hostPersistentBytesAttr).getInt();
  }
  for (LibraryCallList &list : calls)
    manifest[list.name] = std::move(list.entries);
  json::Array constants;
  for (const ConstantPlace &place : placeConstants(scheduled))
    constants.push_back(json::Object{{"name", exec::ConstantOp(place.op).getSymName()},
                                     {"offset", place.offset},
                                     {"bytes", place.bytes},
                                     {"data", place.data}});
  if (!constants.empty())
    manifest["constants"] = std::move(constants);
  if (mesh.getNumAxes() > 0)
    manifest["mesh"] = describeMesh(mesh);
  if (streams.size() > 1) {
    manifest["streams"] = json::Array(ArrayRef<StringRef>(streams));
    manifest["events"] = mostEvents;
  }
  if (!facts.placement.empty())
    manifest["placement"] = facts.placement;
  if (facts.arena)
    manifest["temporaries"] = describeTemporaries(*facts.arena);
  if (!facts.clipping)
    manifest["clipping"] = false;
  if (!facts.deterministic)
    manifest["deterministic"] = false;
  if (!facts.precision.empty())
    manifest["precision"] = facts.precision;
  if (facts.seed)
    manifest["seed"] = *facts.seed;
  json::Array sizes;
  for (const ManifestFacts::Size &size : facts.sizes) {
    json::Object entry{{"name", utf8(size.name)}, {"value", size.value}};
    if (!size.why.empty())
      entry["default"] = size.why;
    sizes.push_back(std::move(entry));
  }
  if (!sizes.empty())
    manifest["sizes"] = std::move(sizes);
  return manifest;
}
