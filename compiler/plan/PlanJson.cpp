//===- PlanJson.cpp - Plans as JSON -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/plan.md has the schema.
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/JsonLines.h"
#include "compiler/plan/Plan.h"
#include "llvm/ADT/STLExtras.h"

using namespace weft;
namespace json = llvm::json;

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

namespace {

/// Writes a plan through LLVM's stream, with the members of every object in the order of the schema.
class Writer {
public:
  explicit Writer(json::OStream &os) : os(os) {}
  void write(const Plan &plan);
  void write(const Plan::Input &input);
  void write(const Plan::Cut &cut);
  void write(const Plan::Parameter &parameter);
  void write(const Plan::Collective &collective);
  void write(const Plan::Conflict &conflict);
  void write(const Plan::GatheredWeight &weight);
  void write(const Plan::HalvesTimes &times);
  void write(const Plan::Memory &memory);
  void write(const Plan::Axis &axis) {
    os.attribute("name", axis.name);
    os.attribute("size", axis.size);
  }

private:
  void texts(llvm::StringRef key, const std::vector<std::string> &values) {
    os.attributeArray(key, [&] { list(values); });
  }
  void list(const std::vector<std::string> &values) {
    for (const std::string &value : values)
      os.value(json::fixUTF8(value));
  }
  void shape(const std::vector<int64_t> &sizes) {
    os.attributeArray("shape", [&] {
      for (int64_t size : sizes)
        os.value(size);
    });
  }
  void layout(llvm::StringRef key, const Layout &layout) {
    os.attributeArray(key, [&] {
      for (const auto &dim : layout.dims)
        os.array([&] { list(dim); });
    });
  }

  json::OStream &os;
};

} // namespace

void Writer::write(const Plan::Input &input) {
  os.attribute("name", json::fixUTF8(input.name));
  os.attribute("dtype", input.dtype);
  shape(input.shape);
  layout("sharding", input.layout);
}

void Writer::write(const Plan::Cut &cut) {
  os.attribute("layer", json::fixUTF8(cut.layer));
  os.attribute("op", cut.op);
  os.attribute("ordinal", cut.ordinal);
  os.attribute("operand", cut.operand);
  os.attribute("dim", cut.dim);
  os.attribute("size", cut.size);
  os.attribute("axis", cut.axis);
  os.attribute("priority", cut.priority);
  os.attribute("why", cut.why);
}

void Writer::write(const Plan::Parameter &parameter) {
  os.attribute("name", json::fixUTF8(parameter.name));
  os.attribute("dtype", parameter.dtype);
  shape(parameter.shape);
  os.attribute("trained", parameter.trained);
  layout("stored", parameter.stored);
  if (parameter.betweenSteps)
    layout("between_steps", *parameter.betweenSteps);
  if (!parameter.trained)
    return;
  layout("states", parameter.states);
  layout("gradients", parameter.gradients);
  if (!parameter.gradients.unreduced.empty())
    texts("unreduced", parameter.gradients.unreduced);
}

void Writer::write(const Plan::Collective &collective) {
  os.attribute("of", collective.of);
  os.attribute("kind", collective.kind);
  os.attribute("region", collective.region);
  texts("axes", collective.axes);
  os.attribute("count", collective.count);
  os.attribute("bytes", collective.bytes);
  if (collective.theory)
    os.attribute("theory_bytes", *collective.theory);
  if (collective.leastBytes)
    os.attribute("least_bytes", *collective.leastBytes);
}

void Writer::write(const Plan::Conflict &conflict) {
  os.attribute("axis", conflict.axis);
  os.attribute("kept", json::fixUTF8(conflict.kept));
  os.attribute("over", json::fixUTF8(conflict.over));
  os.attribute("count", conflict.count);
  os.attribute("bytes", conflict.bytes);
  os.attribute("instead_bytes", conflict.instead);
  os.attribute("seconds", conflict.seconds);
  os.attribute("instead_seconds", conflict.insteadSeconds);
}

/// The products of a weight by their names in the schema.
static constexpr std::pair<llvm::StringLiteral, bool Plan::GatheredWeight::*> products[] = {
    {"forward", &Plan::GatheredWeight::forward},
    {"data_gradient", &Plan::GatheredWeight::dataGradient},
    {"weight_gradient", &Plan::GatheredWeight::weightGradient}};

void Writer::write(const Plan::GatheredWeight &weight) {
  os.attribute("parameter", json::fixUTF8(weight.parameter));
  os.attribute("layer", json::fixUTF8(weight.layer));
  os.attribute("axis", weight.axis);
  os.attribute("microbatches", weight.microbatches);
  std::vector<std::string> names;
  for (auto [name, isGathered] : products)
    if (weight.*isGathered)
      names.push_back(name.str());
  texts("products", names);
}

void Writer::write(const Plan::HalvesTimes &times) {
  os.attribute("whole_seconds", times.whole);
  os.attribute("halves_seconds", times.halves);
  os.attribute("bound", times.isBound);
}

void Writer::write(const Plan::Memory &memory) {
  os.attribute("parameters", memory.parameters);
  os.attribute("gradients", memory.gradients);
  os.attribute("states", memory.states);
  os.attribute("inputs", memory.inputs);
  os.attribute("activations", memory.activations);
  os.attribute("buffers", memory.buffers);
  os.attribute("alignment", memory.alignment);
  os.attribute("arena", memory.arena);
}

/// One member of the plan's object and the text of its value.
using Member = std::pair<std::string, std::string>;

template <typename T> static std::string inLine(const T &entry) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  json::OStream os(stream);
  os.object([&] { Writer(os).write(entry); });
  return text;
}

/// A list with one entry a line.
template <typename T> static Member lines(const char *key, const std::vector<T> &entries) {
  std::string text = "[";
  for (const T &entry : entries)
    text += (&entry == entries.data() ? "\n  " : ",\n  ") + inLine(entry);
  return {key, text + "]"};
}

static Member value(const char *key, json::Value v) {
  std::string text;
  llvm::raw_string_ostream(text) << v;
  return {key, text};
}

void weft::printJson(const Plan &plan, llvm::raw_ostream &os) {
  std::vector<Member> members = {value("version", Plan::kVersion),
                                 value("model", json::fixUTF8(plan.model)),
                                 value("mesh", plan.mesh),
                                 value("placement", plan.placement),
                                 lines("axes", plan.axes),
                                 value("zero", plan.zero),
                                 value("persistence_threshold", plan.persistence),
                                 value("optimize", plan.optimize),
                                 value("sequence_parallel", plan.sequenceParallel),
                                 value("prescaled_batch", plan.prescaledBatch),
                                 value("batch_halves", plan.halves),
                                 value("microbatches", plan.microbatches),
                                 value("accumulate", accumulateName(plan.accumulate)),
                                 value("precision", plan.precision),
                                 lines("inputs", plan.inputs),
                                 lines("cuts", plan.cuts),
                                 lines("parameters", plan.parameters),
                                 lines("collectives", plan.collectives),
                                 lines("conflicts", plan.conflicts),
                                 lines("gathered_weights", plan.weights(false))};
  if (std::vector<Plan::GatheredWeight> stored = plan.weights(true); !stored.empty())
    members.push_back(lines("stored_weights", stored));
  if (plan.halvesTimes)
    members.push_back({"batch_halves_times", inLine(*plan.halvesTimes)});
  if (plan.memory)
    members.push_back({"memory", inLine(*plan.memory)});
  os << "{\n";
  for (const Member &member : members)
    os << " " << json::Value(member.first) << ": " << member.second << (&member == &members.back() ? "\n" : ",\n");
  os << "}\n";
}

json::Value weft::toJson(const Plan &plan) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printJson(plan, os);
  return llvm::cantFail(json::parse(text));
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {

/// One value of the file and the way to it. The first fault is kept, those that follow from it are not said.
class Node {
public:
  Node(const json::Value &value, JsonPath path, const JsonLines &lines, std::string &error)
      : value(&value), path(std::move(path)), lines(lines), error(error) {}

  int64_t line() const { return lines.find(path); }
  void fail(const llvm::Twine &what) const {
    if (error.empty())
      error = lines.describe(path) + what.str();
  }

  /// A member that has to be there.
  std::optional<Node> at(llvm::StringRef key) const {
    std::optional<Node> found = get(key);
    if (!found)
      fail("lacks '" + key + "'");
    return found;
  }
  std::optional<Node> get(llvm::StringRef key) const {
    const json::Object *object = value->getAsObject();
    if (!object) {
      fail("is not an object");
      return std::nullopt;
    }
    const json::Value *member = object->get(key);
    if (!member)
      return std::nullopt;
    JsonPath to = path;
    to.push_back({key.str(), 0});
    return Node(*member, std::move(to), lines, error);
  }
  /// Refuses members that the schema does not have: a misspelt one would be without effect.
  void only(std::initializer_list<llvm::StringLiteral> known) const {
    const json::Object *object = value->getAsObject();
    if (!object)
      return;
    std::vector<std::string> names;
    for (const auto &[key, member] : *object)
      names.push_back(key.str());
    llvm::sort(names);
    for (const std::string &name : names)
      if (!llvm::is_contained(known, name))
        fail("has '" + llvm::Twine(name) + "', which the schema does not know");
  }
  template <typename Visit> void each(Visit visit) const {
    const json::Array *array = value->getAsArray();
    if (!array)
      return fail("is not a list");
    for (const auto &[i, entry] : llvm::enumerate(*array)) {
      JsonPath to = path;
      to.push_back({"", i});
      visit(Node(entry, std::move(to), lines, error));
    }
  }

  std::string text() const {
    if (std::optional<llvm::StringRef> result = value->getAsString())
      return result->str();
    fail("is not a text");
    return "";
  }
  int64_t integer(int64_t least) const {
    std::optional<int64_t> result = value->getAsInteger();
    if (result && *result >= least)
      return *result;
    fail("is not a whole number of at least " + llvm::Twine(least));
    return least;
  }
  double number() const {
    if (std::optional<double> result = value->getAsNumber())
      return *result;
    fail("is not a number");
    return 0;
  }
  bool boolean() const {
    if (std::optional<bool> result = value->getAsBoolean())
      return *result;
    fail("is not true or false");
    return false;
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> result;
    each([&](const Node &node) { result.push_back(node.text()); });
    return result;
  }

  // Members.
  std::string text(llvm::StringRef key) const {
    auto node = at(key);
    return node ? node->text() : "";
  }
  int64_t integer(llvm::StringRef key, int64_t least) const {
    auto node = at(key);
    return node ? node->integer(least) : least;
  }
  bool boolean(llvm::StringRef key) const {
    auto node = at(key);
    return node && node->boolean();
  }
  std::vector<int64_t> shape() const {
    std::vector<int64_t> result;
    if (auto node = at("shape"))
      node->each([&](const Node &size) { result.push_back(size.integer(0)); });
    return result;
  }
  Layout layout(llvm::StringRef key, const Plan &plan, const std::vector<int64_t> &shape) const {
    Layout result;
    auto node = at(key);
    if (!node)
      return result;
    node->each([&](const Node &dim) { result.dims.push_back(dim.texts()); });
    if (auto unreduced = key == "gradients" ? get("unreduced") : std::nullopt)
      result.unreduced = unreduced->texts();
    if (std::string fault = plan.check(result, shape, /*padded=*/key != "sharding"); !fault.empty())
      node->fail(fault);
    result.dims.resize(shape.size());
    return result;
  }

private:
  const json::Value *value;
  JsonPath path;
  const JsonLines &lines;
  std::string &error;
};

} // namespace

static Plan::Input readInput(const Node &node, const Plan &plan) {
  node.only({"name", "dtype", "shape", "sharding"});
  Plan::Input input{node.text("name"), node.text("dtype"), node.shape(), {}};
  input.layout = node.layout("sharding", plan, input.shape);
  return input;
}

static Plan::Cut readCut(const Node &node, const Plan &plan) {
  node.only({"layer", "op", "ordinal", "operand", "dim", "size", "axis", "priority", "why"});
  Plan::Cut cut;
  cut.layer = node.text("layer");
  cut.op = node.text("op");
  cut.ordinal = node.integer("ordinal", 0);
  cut.operand = node.integer("operand", 0);
  cut.dim = node.integer("dim", 0);
  cut.size = node.integer("size", 1);
  cut.axis = node.text("axis");
  cut.priority = node.integer("priority", 0);
  cut.why = node.text("why");
  cut.line = node.line();
  if (llvm::none_of(plan.axes, [&](const Plan::Axis &axis) { return axis.name == cut.axis; }))
    node.fail("names the axis '" + cut.axis + "', which the mesh does not have");
  return cut;
}

static Plan::Parameter readParameter(const Node &node, const Plan &plan) {
  node.only({"name", "dtype", "shape", "trained", "stored", "between_steps", "states", "gradients", "unreduced"});
  Plan::Parameter parameter;
  parameter.name = node.text("name");
  parameter.dtype = node.text("dtype");
  parameter.shape = node.shape();
  parameter.trained = node.boolean("trained");
  parameter.line = node.line();
  parameter.stored = node.layout("stored", plan, parameter.shape);
  if (auto between = node.get("between_steps")) {
    parameter.betweenSteps = node.layout("between_steps", plan, parameter.shape);
    if (!parameter.betweenSteps->refines(parameter.stored))
      between->fail("does not cut further what 'stored' has cut: gathers alone have to make that of it");
    if (plan.microbatches > 1)
      between->fail("would be gathered by each of " + std::to_string(plan.microbatches) +
                    " micro-batches: leave it out, and the update gathers it once");
  }
  if (parameter.trained) {
    parameter.states = node.layout("states", plan, parameter.shape);
    parameter.gradients = node.layout("gradients", plan, parameter.shape);
  }
  return parameter;
}

static Plan::Collective readCollective(const Node &node) {
  node.only({"of", "kind", "region", "axes", "count", "bytes", "theory_bytes", "least_bytes"});
  Plan::Collective collective;
  collective.of = node.text("of");
  collective.kind = node.text("kind");
  collective.region = node.text("region");
  if (auto axes = node.at("axes"))
    collective.axes = axes->texts();
  collective.count = node.integer("count", 0);
  if (auto bytes = node.at("bytes"))
    collective.bytes = bytes->number();
  if (auto theory = node.get("theory_bytes"))
    collective.theory = theory->number();
  if (auto least = node.get("least_bytes"))
    collective.leastBytes = least->number();
  return collective;
}

static Plan::Conflict readConflict(const Node &node) {
  node.only({"axis", "kept", "over", "count", "bytes", "instead_bytes", "seconds", "instead_seconds"});
  Plan::Conflict conflict;
  conflict.axis = node.text("axis");
  conflict.kept = node.text("kept");
  conflict.over = node.text("over");
  conflict.count = node.integer("count", 0);
  for (auto [key, field] :
       {std::pair("bytes", &Plan::Conflict::bytes), std::pair("instead_bytes", &Plan::Conflict::instead),
        std::pair("seconds", &Plan::Conflict::seconds), std::pair("instead_seconds", &Plan::Conflict::insteadSeconds)})
    if (auto number = node.at(key))
      conflict.*field = number->number();
  return conflict;
}

static Plan::GatheredWeight readGathered(const Node &node) {
  node.only({"parameter", "layer", "axis", "microbatches", "products"});
  Plan::GatheredWeight weight;
  weight.parameter = node.text("parameter");
  weight.layer = node.text("layer");
  weight.axis = node.text("axis");
  weight.microbatches = node.text("microbatches");
  std::vector<std::string> names;
  if (auto list = node.at("products"))
    names = list->texts();
  for (auto [name, isGathered] : products)
    weight.*isGathered = llvm::is_contained(names, name);
  return weight;
}

static Plan::HalvesTimes readHalvesTimes(const Node &node) {
  node.only({"whole_seconds", "halves_seconds", "bound"});
  Plan::HalvesTimes times;
  if (auto whole = node.at("whole_seconds"))
    times.whole = whole->number();
  if (auto halves = node.at("halves_seconds"))
    times.halves = halves->number();
  times.isBound = node.boolean("bound");
  return times;
}

static Plan::Memory readMemory(const Node &node) {
  node.only({"parameters", "gradients", "states", "inputs", "activations", "buffers", "alignment", "arena"});
  Plan::Memory memory;
  for (auto [key, field] :
       {std::pair("parameters", &Plan::Memory::parameters), std::pair("gradients", &Plan::Memory::gradients),
        std::pair("states", &Plan::Memory::states), std::pair("inputs", &Plan::Memory::inputs),
        std::pair("activations", &Plan::Memory::activations), std::pair("buffers", &Plan::Memory::buffers),
        std::pair("alignment", &Plan::Memory::alignment), std::pair("arena", &Plan::Memory::arena)})
    memory.*field = node.integer(key, 0);
  return memory;
}

static void readPlan(const Node &root, Plan &plan) {
  root.only({"version",
             "model",
             "mesh",
             "placement",
             "axes",
             "zero",
             "persistence_threshold",
             "optimize",
             "sequence_parallel",
             "prescaled_batch",
             "batch_halves",
             "microbatches",
             "accumulate",
             "precision",
             "inputs",
             "cuts",
             "parameters",
             "collectives",
             "conflicts",
             "gathered_weights",
             "stored_weights",
             "batch_halves_times",
             "memory"});
  if (auto version = root.at("version"); version && version->integer(1) != Plan::kVersion)
    version->fail("is not " + llvm::Twine(Plan::kVersion) + ", the version that this Weft reads");
  plan.model = root.text("model");
  plan.mesh = root.text("mesh");
  plan.placement = root.text("placement");
  if (auto axes = root.at("axes"))
    axes->each([&](const Node &node) {
      node.only({"name", "size"});
      plan.axes.push_back({node.text("name"), node.integer("size", 1)});
    });
  plan.zero = root.integer("zero", 0);
  if (plan.zero > 3)
    root.at("zero")->fail("is not 0, 1, 2 or 3");
  plan.persistence = root.integer("persistence_threshold", 0);
  plan.optimize = root.text("optimize");
  if (plan.optimize != "speed" && plan.optimize != "memory")
    if (auto node = root.get("optimize"))
      node->fail("is not speed or memory");
  plan.sequenceParallel = root.boolean("sequence_parallel");
  plan.prescaledBatch = root.boolean("prescaled_batch");
  plan.halves = root.get("batch_halves") && root.boolean("batch_halves");
  plan.microbatches = root.integer("microbatches", 1);
  std::optional<Accumulate> accumulate = parseAccumulate(root.text("accumulate"));
  if (accumulate)
    plan.accumulate = *accumulate;
  else if (auto node = root.get("accumulate"))
    node->fail("is not by-zero, mb or dp");
  plan.precision = root.text("precision");
  if (auto inputs = root.at("inputs"))
    inputs->each([&](const Node &node) { plan.inputs.push_back(readInput(node, plan)); });
  if (auto cuts = root.at("cuts"))
    cuts->each([&](const Node &node) { plan.cuts.push_back(readCut(node, plan)); });
  if (auto parameters = root.at("parameters"))
    parameters->each([&](const Node &node) { plan.parameters.push_back(readParameter(node, plan)); });
  if (auto collectives = root.get("collectives"))
    collectives->each([&](const Node &node) { plan.collectives.push_back(readCollective(node)); });
  if (auto conflicts = root.get("conflicts"))
    conflicts->each([&](const Node &node) { plan.conflicts.push_back(readConflict(node)); });
  if (auto gathered = root.get("gathered_weights"))
    gathered->each([&](const Node &node) { plan.gathered.push_back(readGathered(node)); });
  if (auto stored = root.get("stored_weights"))
    stored->each([&](const Node &node) {
      plan.gathered.push_back(readGathered(node));
      plan.gathered.back().isWhereStored = true;
    });
  if (auto times = root.get("batch_halves_times"))
    plan.halvesTimes = readHalvesTimes(*times);
  if (auto memory = root.get("memory"))
    plan.memory = readMemory(*memory);
}

std::optional<Plan> weft::parsePlan(llvm::StringRef text, const std::string &path, std::string &error) {
  Plan plan;
  plan.path = path;
  llvm::Expected<json::Value> value = json::parse(text);
  if (!value) {
    error = plan.at(0) + " is not JSON: " + llvm::toString(value.takeError());
    return std::nullopt;
  }
  JsonLines lines(text, path);
  std::string fault;
  readPlan(Node(*value, {}, lines, fault), plan);
  if (fault.empty())
    return plan;
  error = fault;
  return std::nullopt;
}
