//===- Summary.cpp - What the compiler says on the way --------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Summary.h"
#include "compiler/driver/Diagnostics.h"
#include "dialects/weft/Weft.h"
#include "passes/memory/Passes.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace weft;

/// `value` with three significant digits and the unit that suits it; units grow by `step`.
static std::string formatScaled(double value, double step, llvm::ArrayRef<const char *> units) {
  size_t unit = 0;
  while (value >= step && unit + 1 < units.size())
    value /= step, ++unit;
  int digits = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  std::string text;
  llvm::raw_string_ostream os(text);
  os << llvm::format("%.*f", digits, value);
  if (*units[unit])
    os << ' ' << units[unit];
  return text;
}

std::string weft::formatBytes(double bytes) { return formatScaled(bytes, 1024, {"bytes", "KiB", "MiB", "GiB", "TiB"}); }

std::string weft::formatCount(double count) { return formatScaled(count, 1000, {"", "K", "M", "G", "T", "P"}); }

/// Lines of the import's report that are printed.
static constexpr size_t kMaxRemarks = 6;

void weft::printImport(const CompileOptions &options, const ImportReport &report, ModuleOp module) {
  llvm::raw_ostream &os = llvm::errs();
  os << "model       " << llvm::sys::path::filename(options.model);
  for (const auto &[name, value] : report.dims)
    os << ", " << name << " " << value;
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
    for (const char *part : {"parameters", "states", "gradients", "inputs", "temporaries", "workspace", "alignment"})
      if (int64_t bytes = memory->getInteger(part).value_or(0)) {
        os << separator << part << " " << formatBytes(bytes);
        separator = ", ";
      }
  }
  os << "\n";
}

void weft::printRecomputed(const std::string &strategy, llvm::ArrayRef<TaskMemoryPlan> plans, llvm::raw_ostream &os) {
  if (strategy == "none" || plans.empty())
    return;
  // Tasks with a backward pass are alike but for what they do with gradients.
  const TaskMemoryPlan &plan = plans.front();
  os << "remat       " << strategy << ": ";
  if (plan.blocks)
    os << plan.blocks << " blocks, ";
  os << formatBytes(plan.droppedBytes) << " of " << formatBytes(plan.savedBytes)
     << " saved values are computed again, by " << plan.clones << " kernels and calls, in about "
     << llvm::format("%.3g", plan.seconds * 1e3) << " ms\n";
}
