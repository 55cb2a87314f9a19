//===- Summary.cpp - What the compiler says on the way --------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Summary.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/plan/Plan.h"
#include "dialects/weft/Weft.h"
#include "passes/memory/Passes.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace weft;

/// Lines of the import's report that are printed.
static constexpr size_t kMaxRemarks = 6;

void weft::printImport(const CompileOptions &options, const ImportReport &report, ModuleOp module) {
  llvm::raw_ostream &os = llvm::errs();
  os << "model       " << llvm::sys::path::filename(options.model);
  for (const ImportedDim &dim : report.dims)
    os << ", " << dim.name << " " << dim.size;
  if (options.microbatches > 1)
    os << ", in " << options.microbatches << " micro-batches";
  os << "\n";
  int64_t trained = 0, frozen = 0;
  double elements = 0, bytes = 0;
  for (ParamOp param : module.getOps<ParamOp>()) {
    auto type = cast<RankedTensorType>(param.getType());
    ++(param.getTrainable() ? trained : frozen);
    elements += type.getNumElements();
    bytes += tensorBytes(type);
  }
  os << "parameters  " << trained << " trained";
  if (frozen)
    os << " and " << frozen << " not trained";
  os << ", " << formatCount(elements) << " elements, " << formatBytes(bytes) << "\n";
  // An error may follow, and is not to be looked for behind a screenful: a model can have hundreds of inputs.
  size_t total = report.remarks.size(), shown = total <= kMaxRemarks + 1 ? total : kMaxRemarks;
  for (const std::string &remark : ArrayRef(report.remarks).take_front(shown))
    os << "            " << toLine(remark) << "\n";
  if (shown < total)
    os << "            and " << total - shown
       << " more of this kind; 'weft inspect' of the executable shows every input and parameter\n";
}

void weft::printMemory(const llvm::json::Object &manifest, llvm::raw_ostream &os) {
  os << "memory      " << formatBytes(manifest.getInteger("arena_bytes").value_or(0)) << " predicted";
  if (const llvm::json::Object *memory = manifest.getObject("memory")) {
    const char *separator = ": ";
    for (const char *part :
         {"parameters", "states", "gradients", "inputs", "constants", "temporaries", "workspace", "alignment"})
      if (int64_t bytes = memory->getInteger(part).value_or(0)) {
        os << separator << part << " " << formatBytes(bytes);
        separator = ", ";
      }
    if (int64_t bytes = memory->getInteger("process").value_or(0))
      os << "; the process " << formatBytes(bytes);
  }
  os << "\n";
}

/// Bytes that go to host memory in a step; what comes back is as much, or was there from the begin.
static double bytesToHost(const llvm::json::Object &manifest) {
  double bytes = 0;
  double microbatches = static_cast<double>(manifest.getInteger("microbatches").value_or(1));
  if (const llvm::json::Array *schedule = manifest.getArray("schedule"))
    for (const llvm::json::Value &value : *schedule)
      if (const llvm::json::Object *entry = value.getAsObject(); entry && entry->getString("op") == "to_host")
        bytes += entry->getNumber("bytes").value_or(0) / 2 * // read there, written here
                 (entry->getString("task") == "eval"   ? 0
                  : entry->getString("task") == "next" ? microbatches - 1
                                                       : 1);
  return bytes;
}

/// Whether some kernels run on the host of a device.
static bool runsOnHost(const llvm::json::Object &manifest) {
  const llvm::json::Array *schedule = manifest.getArray("schedule");
  return schedule && llvm::any_of(*schedule, [](const llvm::json::Value &value) {
           const llvm::json::Object *entry = value.getAsObject();
           return entry && entry->getString("op") == "host_kernel";
         });
}

void weft::printHostMemory(const llvm::json::Object &manifest, llvm::raw_ostream &os) {
  std::optional<int64_t> bytes = manifest.getInteger("host_bytes");
  const llvm::json::Object *memory = manifest.getObject("memory");
  if (!bytes || !memory)
    return;
  os << "host memory " << formatBytes(*bytes) << " predicted";
  const char *separator = ": ";
  // Gradients on their way to an update there are among them.
  const char *temporaries = runsOnHost(manifest) ? "temporaries" : "activations";
  for (auto [name, key] : {std::pair("states", "host_states"), {temporaries, "host_activations"}})
    if (int64_t part = memory->getInteger(key).value_or(0)) {
      os << separator << name << " " << formatBytes(part);
      separator = ", ";
    }
  os << "; " << formatBytes(bytesToHost(manifest)) << " go there and come back in a step\n";
}

static std::string formatMilliseconds(double seconds) {
  std::string text;
  double ms = seconds * 1e3;
  llvm::raw_string_ostream(text) << llvm::format("%.*f", ms < 1 ? 3 : ms < 100 ? 1 : 0, ms) << " ms";
  return text;
}

void weft::printUpdates(const UpdateCounts &updates, llvm::raw_ostream &os) {
  if (updates.host + updates.streamed + updates.stuck == 0)
    return;
  os << "updates     " << updates.host << " on the host's processors, " << updates.streamed + updates.stuck
     << " on the device";
  if (updates.stuck)
    os << ", of these " << updates.stuck << " that the host has no code for";
  os << "; about " << formatMilliseconds(updates.hostSeconds) << " if all ran there, "
     << formatMilliseconds(updates.streamSeconds) << " if all states came to the device\n";
}

llvm::json::Object weft::describeGradients(const CompileOptions &options, const Plan &plan,
                                           const llvm::json::Object &manifest) {
  int64_t all = 0, largest = 0;
  for (const Plan::Parameter &parameter : plan.parameters) {
    if (!parameter.trained)
      continue;
    int64_t bytes = bytesOfType(parameter.dtype) * plan.heldOf(parameter.gradients, parameter.shape);
    all += bytes;
    largest = std::max(largest, bytes);
  }
  const llvm::json::Object *memory = manifest.getObject("memory");
  int64_t accumulators = memory ? memory->getInteger("gradients").value_or(0) : 0;
  bool isAccumulated = options.microbatches > 1, waits = options.clipping || options.precision == "fp16";
  return llvm::json::Object{{"held", isAccumulated ? "accumulated"
                                     : waits       ? "until their norm"
                                                   : "one at a time"},
                            {"bytes", isAccumulated ? accumulators
                                      : waits       ? all
                                                    : largest},
                            {"shards", plan.zero >= (isAccumulated ? 2 : 1)}};
}

void weft::printGradients(const llvm::json::Object &manifest, llvm::raw_ostream &os) {
  const llvm::json::Object *gradients = manifest.getObject("gradients");
  if (!gradients)
    return;
  StringRef held = gradients->getString("held").value_or("");
  bool shards = gradients->getBoolean("shards").value_or(false);
  std::string bytes = formatBytes(gradients->getNumber("bytes").value_or(0));
  os << "gradients   ";
  if (held == "accumulated")
    os << "added up in " << bytes << " of accumulators"
       << (!manifest.getObject("mesh") ? ""
           : shards                    ? ", reduced as they come: only shards are held"
                                       : ", reduced over data-parallel ranks once a step");
  else if (held == "one at a time")
    os << "used up as they come" << (shards ? ", as shards" : "") << ": at most " << bytes << " for one parameter";
  else
    os << (shards ? "shards, " : "all, ") << bytes << ", wait for their norm"
       << (manifest.getString("precision").value_or("") == "fp16" ? "" : "; --clipping off uses them up as they come");
  os << "\n";
}

llvm::json::Array weft::describeSaved(llvm::ArrayRef<TaskMemoryPlan> plans) {
  llvm::json::Array runs;
  if (plans.empty())
    return runs;
  llvm::ArrayRef<TaskMemoryPlan::Block> blocks = plans.front().perBlock;
  for (int64_t first = 0, count = blocks.size(); first < count;) {
    int64_t last = first;
    while (last + 1 < count && blocks[last + 1] == blocks[first])
      ++last;
    runs.push_back(llvm::json::Object{{"first", first + 1},
                                      {"last", last + 1},
                                      {"kept", blocks[first].kept},
                                      {"recomputed", blocks[first].recomputed},
                                      {"offloaded", blocks[first].offloaded}});
    first = last + 1;
  }
  return runs;
}

void weft::printRecomputed(const std::string &strategy, llvm::ArrayRef<TaskMemoryPlan> plans, llvm::raw_ostream &os) {
  if (strategy == "none" || plans.empty())
    return;
  // Tasks with a backward pass are alike but for what they do with gradients.
  const TaskMemoryPlan &plan = plans.front();
  if (plan.droppedBytes == 0 && plan.offloadedBytes == 0) {
    os << "remat       " << strategy << ": all " << formatBytes(plan.savedBytes) << " of saved values are kept\n";
    return;
  }
  os << "remat       " << strategy << ": ";
  if (plan.blocks)
    os << plan.blocks << " blocks, ";
  os << formatBytes(plan.droppedBytes) << " of " << formatBytes(plan.savedBytes)
     << " saved values are computed again, by " << plan.clones << " kernels and calls, in about "
     << formatMilliseconds(plan.recomputeSeconds);
  if (plan.offloadedBytes)
    os << "; " << formatBytes(plan.offloadedBytes) << " wait in host memory, whose copies add about "
       << formatMilliseconds(std::max(0.0, plan.seconds - plan.recomputeSeconds));
  if (plan.bound) {
    double gap = plan.seconds > 0 ? std::max(0.0, 1 - *plan.bound / plan.seconds) : 0;
    os << "; no plan within the limit takes less than " << formatMilliseconds(*plan.bound) << ", gap "
       << llvm::format("%.1f", 100 * gap) << " %, " << plan.patterns << " patterns of a block";
  }
  os << "\n";
  for (const llvm::json::Value &value : describeSaved(plans)) {
    const llvm::json::Object &blocks = *value.getAsObject();
    int64_t first = blocks.getInteger("first").value(), last = blocks.getInteger("last").value();
    os << "            block" << (first == last ? " " : "s ") << first;
    if (first != last)
      os << " to " << last;
    os << ": " << formatBytes(blocks.getInteger("kept").value()) << " kept, "
       << formatBytes(blocks.getInteger("recomputed").value()) << " computed again, "
       << formatBytes(blocks.getInteger("offloaded").value()) << " in host memory\n";
  }
}
