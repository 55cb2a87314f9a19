//===- PlanTable.cpp - Plans as people read them -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/Format.h"
#include "compiler/plan/Plan.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace weft;

namespace {

/// Rows of text in columns that are as wide as they have to be.
class Columns {
public:
  /// `rightFrom`: the first column that is flush right.
  Columns(std::vector<std::string> heading, size_t rightFrom) : rightFrom(rightFrom) { add(std::move(heading)); }
  void add(std::vector<std::string> row) { rows.push_back(std::move(row)); }
  void print(llvm::raw_ostream &os) const {
    std::vector<size_t> widths(rows.front().size(), 0);
    for (const auto &row : rows)
      for (size_t i = 0; i < row.size(); ++i)
        widths[i] = std::max(widths[i], row[i].size());
    for (const auto &row : rows) {
      std::string line;
      for (size_t i = 0; i < row.size(); ++i) {
        std::string padding(widths[i] - row[i].size(), ' ');
        line += (i ? "  " : "") + (i >= rightFrom ? padding + row[i] : row[i] + padding);
      }
      os << llvm::StringRef(line).rtrim() << "\n";
    }
  }

private:
  std::vector<std::vector<std::string>> rows;
  size_t rightFrom;
};

/// Entries that differ only in the numbers of their names.
struct Group {
  size_t count = 0;
  int64_t bytes = 0;
  std::string name; ///< the first's, with * for the numbers if there are more
};

} // namespace

/// "h.12.attn" as "h.*.attn".
static std::string withoutNumbers(llvm::StringRef name) {
  std::string result;
  for (size_t at = 0; at < name.size();) {
    llvm::StringRef part = name.drop_front(at).take_until([](char c) { return c == '.' || c == '/'; });
    bool isNumber = !part.empty() && llvm::all_of(part, llvm::isDigit);
    result += isNumber ? "*" : part.str();
    at += part.size();
    if (at < name.size())
      result += name[at++];
  }
  return result;
}

static std::string sizes(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

/// "[tp, -] + over replica", "whole".
static std::string describe(const Layout &layout) {
  if (layout.isWhole())
    return "whole";
  std::string text;
  if (llvm::any_of(layout.dims, [](const auto &axes) { return !axes.empty(); })) {
    text = "[";
    for (size_t i = 0; i < layout.dims.size(); ++i)
      text += (i ? ", " : "") + (layout.dims[i].empty() ? "-" : llvm::join(layout.dims[i], " "));
    text += "]";
  }
  if (!layout.unreduced.empty())
    text += (text.empty() ? "" : " ") + ("sum over " + llvm::join(layout.unreduced, " "));
  return text;
}

void weft::printHalves(const Plan &plan, llvm::raw_ostream &os) {
  if (!plan.halvesTimes)
    return;
  const Plan::HalvesTimes &times = *plan.halvesTimes;
  os << "halves      " << (plan.halves ? "on" : "off") << ": computing and the collectives of tp are predicted at "
     << llvm::formatv("{0:F2} ms a step, in halves at {1}{2:F2} ms\n", times.whole * 1e3,
                      times.isBound ? "no less than " : "", times.halves * 1e3);
}

static void printHead(const Plan &plan, llvm::raw_ostream &os) {
  std::string axes;
  for (const Plan::Axis &axis : plan.axes)
    axes += (axes.empty() ? "" : ", ") + axis.name + "=" + std::to_string(axis.size);
  os << "plan        " << plan.model << " on " << plan.getNumRanks() << (plan.getNumRanks() == 1 ? " rank" : " ranks");
  if (!plan.axes.empty())
    os << ": " << plan.mesh << "; placement " << plan.placement << ", laid out as " << axes
       << ", the last varies fastest";
  os << "\n";
  os << "step        " << plan.microbatches << (plan.microbatches == 1 ? " micro-batch" : " micro-batches");
  if (plan.microbatches > 1) {
    bool microbatchFirst =
        plan.accumulate == Accumulate::MicrobatchFirst || (plan.accumulate == Accumulate::ByZero && plan.zero < 2);
    os << (microbatchFirst ? ", whose gradients are added before ranks reduce them"
                           : ", each of whose gradients ranks reduce");
  }
  os << "; precision " << (plan.precision.empty() ? "of the model" : plan.precision) << "\n";
  if (plan.axes.empty())
    return;
  static const char *const shared[] = {"nothing is", "states are", "states and gradients are",
                                       "states, gradients and parameters are"};
  os << "sharing     ZeRO " << plan.zero << ": " << shared[plan.zero] << " cut over shard";
  if (plan.zero == 3)
    os << ", parameters of fewer than " << plan.persistence << " elements stay whole";
  if (plan.zero == 1 || plan.zero == 2)
    os << "; what is updated is gathered "
       << (llvm::any_of(plan.parameters, [](const Plan::Parameter &p) { return p.betweenSteps.has_value(); })
               ? "where the next step reads it"
               : "at once");
  os << "\n";
  os << "blocks      optimize " << plan.optimize << ": between blocks, tp holds "
     << (plan.sequenceParallel ? "parts of the sequence"
         : plan.prescaledBatch ? "the same activations"
                               : "other samples")
     << (plan.halves ? "; a rank computes one of two halves of its samples while the other's collectives run" : "")
     << "\n";
  printHalves(plan, os);
  for (const Plan::Input &input : plan.inputs)
    os << "input       " << input.name << " " << input.dtype << sizes(input.shape) << ": " << describe(input.layout)
       << "\n";
}

static void printParameters(const Plan &plan, llvm::raw_ostream &os) {
  using Key = std::tuple<std::string, std::string, std::string, std::string, std::string>;
  llvm::MapVector<Key, Group, std::map<Key, unsigned>> groups;
  for (const Plan::Parameter &p : plan.parameters) {
    std::string stored = describe(p.stored);
    if (p.betweenSteps)
      stored += ", between steps " + describe(*p.betweenSteps);
    Key key{withoutNumbers(p.name), p.dtype + sizes(p.shape), stored, p.trained ? describe(p.states) : "not trained",
            p.trained ? describe(p.gradients) : "-"};
    Group &group = groups[key];
    group.name = group.count++ ? std::get<0>(key) : p.name;
    group.bytes += bytesOfType(p.dtype) * plan.heldOf(p.held(), p.shape);
  }
  os << "\n";
  Columns columns({"parameters", "", "type", "stored", "states", "gradients", "bytes a rank"}, 6);
  for (const auto &[key, group] : groups)
    columns.add({"  " + group.name, group.count > 1 ? "x" + std::to_string(group.count) : "", std::get<1>(key),
                 std::get<2>(key), std::get<3>(key), std::get<4>(key), std::to_string(group.bytes)});
  columns.print(os);
}

static void printCuts(const Plan &plan, llvm::raw_ostream &os) {
  using Key = std::tuple<std::string, std::string, int64_t, std::string, int64_t>;
  llvm::MapVector<Key, Group, std::map<Key, unsigned>> groups;
  for (const Plan::Cut &cut : plan.cuts) {
    // The scope is enough for people; nodes have numbers of their own.
    std::string scope = llvm::StringRef(cut.layer).split('/').first.str();
    Key key{withoutNumbers(scope), cut.why, cut.size, cut.axis, cut.priority};
    Group &group = groups[key];
    group.name = group.count++ ? std::get<0>(key) : scope;
  }
  if (groups.empty())
    return;
  os << "\n";
  Columns columns({"blocks", "", "what is cut", "over", "priority"}, 5);
  for (const auto &[key, group] : groups)
    columns.add({"  " + group.name, group.count > 1 ? "x" + std::to_string(group.count) : "",
                 std::to_string(std::get<2>(key)) + " " + std::get<1>(key), std::get<3>(key),
                 std::to_string(std::get<4>(key))});
  columns.print(os);
}

static void printMemory(const Plan &plan, llvm::raw_ostream &os) {
  if (!plan.memory)
    return;
  const Plan::Memory &memory = *plan.memory;
  os << "\n";
  Columns columns({"memory of one rank", "bytes", ""}, 1);
  for (auto [name, bytes] : {std::pair("  parameters", memory.parameters), std::pair("  gradients", memory.gradients),
                             std::pair("  states", memory.states), std::pair("  inputs", memory.inputs),
                             std::pair("  activations", memory.activations), std::pair("  buffers", memory.buffers),
                             std::pair("  alignment", memory.alignment), std::pair("  arena", memory.arena)})
    columns.add({name, std::to_string(bytes), formatBytes(static_cast<double>(bytes))});
  columns.print(os);
}

static void printCollectives(const Plan &plan, llvm::raw_ostream &os) {
  if (plan.collectives.empty())
    return;
  os << "\n";
  auto whole = [](double bytes) { return llvm::formatv("{0:F0}", bytes).str(); };
  Columns columns(
      {"collectives of a step", "kind", "over", "region", "count", "bytes sent a rank", "by formula", "least"}, 4);
  double bytes = 0;
  int64_t count = 0;
  for (const Plan::Collective &c : plan.collectives) {
    columns.add({"  " + c.of, c.kind, llvm::join(c.axes, " "), c.region, std::to_string(c.count), whole(c.bytes),
                 c.theory ? whole(*c.theory) : "-", c.leastBytes ? whole(*c.leastBytes) : "-"});
    bytes += c.bytes;
    count += c.count;
  }
  columns.add({"  all", "", "", "", std::to_string(count), whole(bytes), "", ""});
  columns.print(os);
}

static void printWeights(llvm::StringRef title, const std::vector<Plan::GatheredWeight> &weights,
                         llvm::raw_ostream &os) {
  if (weights.empty())
    return;
  using Key = std::tuple<std::string, std::string, std::string, std::string>;
  llvm::MapVector<Key, Group, std::map<Key, unsigned>> groups;
  for (const Plan::GatheredWeight &weight : weights) {
    std::string products;
    for (auto [name, isGathered] : {std::pair("forward", weight.forward), std::pair("of data", weight.dataGradient),
                                    std::pair("of the weight", weight.weightGradient)})
      if (isGathered)
        products += (products.empty() ? "" : ", ") + std::string(name);
    Key key{withoutNumbers(weight.parameter), products, weight.axis, weight.microbatches};
    Group &group = groups[key];
    group.name = group.count++ ? std::get<0>(key) : weight.parameter;
  }
  os << "\n";
  Columns columns({title.str(), "", "which: forward, gradients", "over", "micro-batches"}, 5);
  for (const auto &[key, group] : groups)
    columns.add({"  " + group.name, group.count > 1 ? "x" + std::to_string(group.count) : "", std::get<1>(key),
                 std::get<2>(key), std::get<3>(key)});
  columns.print(os);
}

static void printConflicts(const Plan &plan, llvm::raw_ostream &os) {
  if (plan.conflicts.empty())
    return;
  os << "\n";
  auto whole = [](double bytes) { return llvm::formatv("{0:F0}", bytes).str(); };
  auto milliseconds = [](double seconds) { return llvm::formatv("{0:F3}", seconds * 1e3).str(); };
  Columns columns({"conflicts of a step", "over", "axis", "ops", "bytes sent a rank", "if the other held",
                   "ms of a rank", "if the other held"},
                  3);
  Plan::Conflict all;
  for (const Plan::Conflict &c : plan.conflicts) {
    columns.add({"  " + c.kept, c.over, c.axis, std::to_string(c.count), whole(c.bytes), whole(c.instead),
                 milliseconds(c.seconds), milliseconds(c.insteadSeconds)});
    all.count += c.count;
    all.bytes += c.bytes;
    all.instead += c.instead;
    all.seconds += c.seconds;
    all.insteadSeconds += c.insteadSeconds;
  }
  columns.add({"  all", "", "", std::to_string(all.count), whole(all.bytes), whole(all.instead),
               milliseconds(all.seconds), milliseconds(all.insteadSeconds)});
  columns.print(os);
}

void weft::printPlanTable(const Plan &plan, llvm::raw_ostream &os) {
  printHead(plan, os);
  printParameters(plan, os);
  printCuts(plan, os);
  printMemory(plan, os);
  printCollectives(plan, os);
  printWeights("weights gathered at products", plan.weights(false), os);
  printWeights("weights where they are stored", plan.weights(true), os);
  printConflicts(plan, os);
}
