//===- Memory.cpp - A budget, and what stands in its way ------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Memory.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/Summary.h"
#include "compiler/driver/TargetChoice.h"
#include "compiler/manifest/Location.h"
#include "compiler/plan/Placement.h"
#include "dialects/exec/Exec.h"
#include "dialects/weft/Weft.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <functional>
#include <map>

using namespace mlir;
using namespace weft;

std::optional<int64_t> weft::parseBytes(const std::string &given) {
  StringRef text = StringRef(given).trim();
  size_t digits = text.find_first_not_of("0123456789.");
  StringRef number = text.take_front(digits), unit = digits == StringRef::npos ? "" : text.drop_front(digits).trim();
  double value;
  if (number.empty() || number.getAsDouble(value) || !(value > 0))
    return std::nullopt;
  double scale = 1;
  if (!unit.empty() && !unit.equals_insensitive("b") && !unit.equals_insensitive("bytes")) {
    size_t power = StringRef("kmgtp").find(llvm::toLower(unit.front())) + 1;
    StringRef rest = unit.drop_front();
    if (power == 0 || (!rest.equals_insensitive("ib") && !rest.equals_insensitive("b") && !rest.empty()))
      return std::nullopt;
    scale = std::pow(rest.equals_insensitive("b") ? 1000.0 : 1024.0, static_cast<double>(power));
  }
  if (value * scale >= 9e18 || value * scale < 1)
    return std::nullopt;
  return static_cast<int64_t>(value * scale);
}

//===----------------------------------------------------------------------===//
// Who holds what
//===----------------------------------------------------------------------===//

namespace {

/// What a layer holds at one moment.
struct Holder {
  int64_t parameters = 0, states = 0, inputs = 0, temporaries = 0;
  int64_t total() const { return parameters + states + inputs + temporaries; }
};

} // namespace

/// The step of a task at which most bytes are alive.
static std::pair<int64_t, int64_t> peakOf(const ArenaReport::Task &task) {
  std::vector<int64_t> change(task.steps.size() + 2);
  for (const ArenaReport::Buffer &buffer : task.buffers) {
    change[buffer.first] += buffer.bytes;
    change[buffer.last + 1] -= buffer.bytes;
  }
  int64_t live = 0, most = -1, at = 0;
  for (size_t step = 0; step < task.steps.size(); ++step)
    if (live += change[step]; live > most) {
      most = live;
      at = step;
    }
  return {at, most};
}

/// Prints the largest holders at the step of `task`, and returns nothing: people read it.
static void printHolders(ModuleOp module, const ArenaReport::Task &task, int64_t step, raw_ostream &os) {
  std::map<std::string, Holder> holders;
  auto layer = [&](Location loc) -> Holder & {
    std::string name = describeLayer(loc);
    return holders[name.empty() ? "(no layer)" : name];
  };
  llvm::StringMap<Location> params;
  for (ParamOp param : module.getOps<ParamOp>()) {
    layer(param.getLoc()).parameters += tensorBytes(cast<RankedTensorType>(param.getType()));
    params.insert({param.getSymName(), param.getLoc()});
  }
  for (StateOp state : module.getOps<StateOp>()) {
    if (state->hasAttr(exec::hostAttr))
      continue;
    auto owner = state.getParam() ? params.find(*state.getParam()) : params.end();
    layer(owner != params.end() ? owner->second : state.getLoc()).states +=
        tensorBytes(cast<RankedTensorType>(state.getType()));
  }
  for (exec::InputOp input : module.getOps<exec::InputOp>())
    layer(input.getLoc()).inputs += tensorBytes(cast<RankedTensorType>(input.getType()));
  for (const ArenaReport::Buffer &buffer : task.buffers)
    if (buffer.first <= step && step <= buffer.last)
      layer(buffer.loc).temporaries += buffer.bytes;

  std::vector<std::pair<std::string, Holder>> list(holders.begin(), holders.end());
  llvm::stable_sort(list, [](const auto &a, const auto &b) { return a.second.total() > b.second.total(); });
  for (const auto &[name, holder] : llvm::ArrayRef(list).take_front(10)) {
    os << "            " << llvm::right_justify(formatBytes(holder.total()), 9) << "  " << name;
    const char *separator = ": ";
    for (auto [what, bytes] : {std::pair("parameters", holder.parameters),
                               {"states", holder.states},
                               {"inputs", holder.inputs},
                               {"temporaries", holder.temporaries}})
      if (bytes) {
        os << separator << what << " " << formatBytes(bytes);
        separator = ", ";
      }
    os << "\n";
  }
}

//===----------------------------------------------------------------------===//
// What would fit
//===----------------------------------------------------------------------===//

namespace {

/// One way to save memory: values of an option, the least intrusive first and the most saving last.
struct Remedy {
  struct Value {
    std::string text; ///< as on the command line
    std::function<void(CompileOptions &)> apply;
  };
  std::vector<Value> values;
};

/// Tries sets of options.
class Search {
public:
  Search(const CompileOptions &options, TryOptions tryOptions) : options(options), tryOptions(tryOptions) {
    addRemedies();
  }

  void run() {
    size_t count = remedies.size();
    // Sets by size, then in the order of the remedies; each with its strongest values.
    std::vector<unsigned> sets;
    for (unsigned set = 1; set < 1u << count; ++set)
      sets.push_back(set);
    llvm::stable_sort(sets, [](unsigned a, unsigned b) { return llvm::popcount(a) < llvm::popcount(b); });
    // The least there is, with more ranks or without: what they communicate through takes memory, too.
    std::vector<int> all;
    std::optional<int64_t> least;
    for (unsigned set : {(1u << count) - 1, (1u << count) / 2 - 1})
      if (std::optional<int64_t> bytes; set && (bytes = attempt(strongest(set))) && (!least || *bytes < *least)) {
        all = strongest(set);
        least = bytes;
      }
    if (!least || *least > options.memory) {
      report("nothing that this version can do fits", all, least);
      return;
    }
    for (unsigned set : sets) {
      std::vector<int> choice = strongest(set);
      std::optional<int64_t> bytes = attempt(choice);
      if (!bytes || *bytes > options.memory)
        continue;
      // Not more of each than is needed.
      for (size_t i = 0; i < count; ++i)
        for (int value = 0; value < choice[i]; ++value) {
          std::vector<int> weaker = choice;
          weaker[i] = value;
          if (std::optional<int64_t> other = attempt(weaker); other && *other <= options.memory) {
            choice = std::move(weaker);
            bytes = other;
            break;
          }
        }
      report({}, choice, bytes);
      return;
    }
  }

private:
  void addRemedies();

  std::vector<int> strongest(unsigned set) const {
    std::vector<int> choice;
    for (size_t i = 0; i < remedies.size(); ++i)
      choice.push_back(set >> i & 1 ? static_cast<int>(remedies[i].values.size()) - 1 : -1);
    return choice;
  }

  std::optional<int64_t> attempt(const std::vector<int> &choice) {
    auto [it, isNew] = tried.insert({choice, std::nullopt});
    if (!isNew)
      return it->second;
    CompileOptions other = options;
    for (size_t i = 0; i < choice.size(); ++i)
      if (choice[i] >= 0)
        remedies[i].values[choice[i]].apply(other);
    return it->second = tryOptions(other);
  }

  void report(StringRef failure, const std::vector<int> &choice, std::optional<int64_t> bytes) {
    llvm::raw_ostream &os = llvm::errs();
    os << "weft: hint: ";
    if (!failure.empty())
      os << failure;
    if (failure.empty() || bytes) {
      os << (failure.empty() ? "it fits with" : "; the least of what was tried is");
      for (size_t i = 0; i < choice.size(); ++i)
        if (choice[i] >= 0)
          os << " " << remedies[i].values[choice[i]].text;
      if (bytes)
        os << ": " << formatBytes(static_cast<double>(*bytes));
    }
    os << " (" << tried.size() << (tried.size() == 1 ? " set" : " sets") << " of options tried)\n";
  }

  const CompileOptions &options;
  TryOptions tryOptions;
  std::vector<Remedy> remedies;
  std::map<std::vector<int>, std::optional<int64_t>> tried;
};

} // namespace

/// Nothing that the user asked for is taken back: a remedy is an option that is at its default.
void Search::addRemedies() {
  if (options.remat == "none") {
    Remedy remedy;
    remedy.values.push_back({"--remat auto", [](CompileOptions &o) { o.remat = "auto"; }});
    remedies.push_back(std::move(remedy));
  }
  // On the host target both memories are the machine's.
  if (TargetChoice::nameFor(options) == "cuda") {
    if (!options.offloadOptimizer) {
      Remedy remedy;
      remedy.values.push_back({"--offload optimizer", [](CompileOptions &o) { o.offloadOptimizer = true; }});
      remedies.push_back(std::move(remedy));
    }
    if (!options.offloadActivations) {
      Remedy remedy;
      remedy.values.push_back({"--offload activations", [](CompileOptions &o) { o.offloadActivations = true; }});
      remedies.push_back(std::move(remedy));
    }
  }
  if (options.clipping && options.microbatches == 1 && options.precision != "fp16") {
    Remedy remedy;
    remedy.values.push_back({"--clipping off", [](CompileOptions &o) { o.clipping = false; }});
    remedies.push_back(std::move(remedy));
  }
  // The rest is what a plan decides, and one that is given stays as it is.
  if (!options.plan.empty())
    return;
  std::string why;
  std::optional<Degrees> degrees = Degrees::parse(options.mesh, /*world=*/0, why);
  int64_t batch = 0, data = degrees ? degrees->data : 1;
  for (const auto &[name, size] : options.dims)
    if (name == "batch")
      batch = size;
  if (options.microbatches == 1 && batch / data > 1) {
    Remedy remedy;
    for (int64_t parts = 2; parts <= batch / data && parts <= 64; ++parts)
      if (batch % (parts * data) == 0 && (llvm::isPowerOf2_64(parts) || parts == batch / data))
        remedy.values.push_back({"--microbatches " + std::to_string(parts), [=](CompileOptions &o) {
                                   o.microbatches = parts;
                                   o.clipping = options.clipping;
                                 }});
    if (!remedy.values.empty())
      remedies.push_back(std::move(remedy));
  }
  if (options.precision.empty()) {
    Remedy remedy;
    remedy.values.push_back({"--precision bf16", [](CompileOptions &o) { o.precision = "bf16"; }});
    remedies.push_back(std::move(remedy));
  }
  Remedy ranks;
  if (options.mesh.empty()) {
    for (int64_t count : {2, 4, 8})
      ranks.values.push_back(
          {"--mesh tp=" + std::to_string(count), [=](CompileOptions &o) { o.mesh = "tp=" + std::to_string(count); }});
  } else if (degrees && degrees->data > 1 && options.zero < 3) {
    for (int64_t level = options.zero + 1; level <= 3; ++level)
      ranks.values.push_back({"--zero " + std::to_string(level), [=](CompileOptions &o) { o.zero = level; }});
  }
  if (!ranks.values.empty())
    remedies.push_back(std::move(ranks));
}

void weft::reportOverBudget(ModuleOp scheduled, const ArenaReport &arena, int64_t needed, const CompileOptions &options,
                            TryOptions tryOptions) {
  int64_t bytes = scheduled->getAttrOfType<IntegerAttr>(exec::arenaBytesAttr).getInt();
  int64_t persistent = scheduled->getAttrOfType<IntegerAttr>(exec::persistentBytesAttr).getInt();
  reportError("a rank needs " + formatBytes(static_cast<double>(needed)) + ", and --memory allows " +
              formatBytes(static_cast<double>(options.memory)));
  llvm::raw_ostream &os = llvm::errs();
  if (needed > bytes)
    os << "weft: note: the arena is " << formatBytes(static_cast<double>(bytes))
       << " of it; the rest is what a process has on a GPU besides: the driver's context, libraries, the batch on its "
          "way\n";
  auto task = std::max_element(arena.tasks.begin(), arena.tasks.end(),
                               [](const auto &a, const auto &b) { return a.bytes < b.bytes; });
  if (task != arena.tasks.end() && !task->steps.empty()) {
    auto [step, live] = peakOf(*task);
    StringRef name = task->name;
    name.consume_front("task_");
    std::string where = describeLocation(task->steps[step]);
    os << "weft: note: the peak is in task " << name << ", launch " << step + 1 << " of " << task->steps.size() << " ("
       << describeRegion(task->steps[step]) << (where.empty() ? "" : " of " + where)
       << "): " << formatBytes(static_cast<double>(persistent)) << " of parameters, states and inputs, "
       << formatBytes(static_cast<double>(live)) << " of temporaries\n";
    os << "weft: note: the largest holders at that moment, by layer:\n";
    printHolders(scheduled, *task, step, os);
  }
  Search(options, tryOptions).run();
}
