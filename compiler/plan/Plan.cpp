//===- Plan.cpp - What is decided about a training step -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/Plan.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace weft;

bool Layout::isWhole() const {
  return unreduced.empty() && llvm::all_of(dims, [](const auto &axes) { return axes.empty(); });
}

bool Layout::cuts(llvm::StringRef axis) const {
  return llvm::any_of(dims, [&](const auto &axes) { return llvm::is_contained(axes, axis); });
}

bool Layout::isUnreduced(llvm::StringRef axis) const { return llvm::is_contained(unreduced, axis); }

bool Layout::refines(const Layout &other) const {
  if (!unreduced.empty() || !other.unreduced.empty() || dims.size() != other.dims.size() || dims == other.dims)
    return false;
  return llvm::all_of(llvm::zip_equal(dims, other.dims), [](const auto &both) {
    const auto &[all, major] = both;
    return major.size() <= all.size() && std::equal(major.begin(), major.end(), all.begin());
  });
}

std::vector<Plan::GatheredWeight> Plan::weights(bool whereStored) const {
  std::vector<GatheredWeight> chosen;
  llvm::copy_if(gathered, std::back_inserter(chosen),
                [&](const GatheredWeight &weight) { return weight.isWhereStored == whereStored; });
  return chosen;
}

std::array<llvm::StringRef, 3> Plan::meshOrder(bool prescaledBatch) {
  if (prescaledBatch)
    return {"tp", "shard", "replica"};
  return {"shard", "replica", "tp"};
}

int64_t Plan::getNumRanks() const {
  int64_t ranks = 1;
  for (const Axis &axis : axes)
    ranks *= axis.size;
  return ranks;
}

int64_t Plan::sizeOf(llvm::StringRef axis) const {
  for (const Axis &known : axes)
    if (known.name == axis)
      return known.size;
  return 1;
}

const Plan::Parameter *Plan::find(llvm::StringRef name) const {
  for (const Parameter &parameter : parameters)
    if (parameter.name == name)
      return &parameter;
  return nullptr;
}

std::string Plan::at(int64_t line) const {
  std::string text = "plan '" + path + "'";
  return line ? text + ", line " + std::to_string(line) : text;
}

int64_t Plan::heldOf(const Layout &layout, const std::vector<int64_t> &shape, llvm::StringRef only) const {
  int64_t elements = 1;
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    int64_t size = shape[dim];
    if (dim < layout.dims.size())
      for (const std::string &axis : layout.dims[dim])
        if (only.empty() || axis == only)
          size = llvm::divideCeil(size, sizeOf(axis));
    elements *= size;
  }
  return elements;
}

std::string Plan::check(const Layout &layout, const std::vector<int64_t> &shape, bool padded) const {
  if (layout.dims.size() > shape.size())
    return "has " + std::to_string(layout.dims.size()) + " lists of axes for " + std::to_string(shape.size()) +
           " dimensions";
  llvm::StringSet<> used;
  auto take = [&](const std::string &axis) -> std::string {
    if (llvm::none_of(axes, [&](const Axis &known) { return known.name == axis; }))
      return "names the axis '" + axis + "', which the mesh does not have";
    if (!used.insert(axis).second)
      return "uses the axis '" + axis + "' twice";
    return "";
  };
  std::array<llvm::StringRef, 3> order = meshOrder(prescaledBatch);
  auto place = [&](llvm::StringRef axis) { return llvm::find(order, axis) - order.begin(); };
  for (size_t dim = 0; dim < layout.dims.size(); ++dim) {
    int64_t parts = 1;
    ptrdiff_t last = -1;
    for (const std::string &axis : layout.dims[dim]) {
      if (std::string fault = take(axis); !fault.empty())
        return fault;
      if (place(axis) < last)
        return "has '" + axis + "' behind an axis that is minor to it: the order is " + llvm::join(order, ", ");
      last = place(axis);
      parts *= sizeOf(axis);
    }
    if (!padded && shape[dim] % parts != 0)
      return "cuts dimension " + std::to_string(dim) + " of " + std::to_string(shape[dim]) + " into " +
             std::to_string(parts) + " parts, which do not divide it";
  }
  ptrdiff_t last = -1;
  for (const std::string &axis : layout.unreduced) {
    if (std::string fault = take(axis); !fault.empty())
      return fault;
    if (place(axis) < last)
      return "has '" + axis + "' behind an axis that is minor to it: the order is " + llvm::join(order, ", ");
    last = place(axis);
  }
  return "";
}

int64_t weft::bytesOfType(llvm::StringRef dtype) {
  return llvm::StringSwitch<int64_t>(dtype)
      .Cases({"f64", "i64", "u64"}, 8)
      .Cases({"f32", "i32", "u32"}, 4)
      .Cases({"f16", "bf16", "i16", "u16"}, 2)
      .Cases({"i8", "u8", "i1"}, 1)
      .Default(0);
}

const char *weft::accumulateName(Accumulate accumulate) {
  return accumulate == Accumulate::ByZero ? "by-zero" : accumulate == Accumulate::MicrobatchFirst ? "mb" : "dp";
}

std::optional<Accumulate> weft::parseAccumulate(llvm::StringRef name) {
  return llvm::StringSwitch<std::optional<Accumulate>>(name)
      .Case("by-zero", Accumulate::ByZero)
      .Case("mb", Accumulate::MicrobatchFirst)
      .Case("dp", Accumulate::DataFirst)
      .Default(std::nullopt);
}

double weft::bytesSent(llvm::StringRef kind, double bytes, int64_t ranks) {
  double share = bytes * static_cast<double>(ranks - 1) / static_cast<double>(ranks);
  return kind == "all_reduce" ? 2 * share : share;
}
