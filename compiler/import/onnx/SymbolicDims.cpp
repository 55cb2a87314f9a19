//===- SymbolicDims.cpp - Sizes of inputs without a value -----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/SymbolicDims.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"

using namespace weft;
using llvm::StringRef;

static constexpr const char *boundsKey = "pkg.torch.export.ExportedProgram.range_constraints";

/// Larger bounds are those of something else than a tensor.
static constexpr int64_t maxBound = int64_t(1) << 32;

std::vector<const onnx::ValueInfo *> weft::realInputs(const onnx::Model &model) {
  llvm::StringSet<> weights;
  for (const onnx::Tensor &tensor : model.initializers)
    weights.insert(tensor.name);
  std::vector<const onnx::ValueInfo *> inputs;
  for (const onnx::ValueInfo &input : model.inputs)
    if (!weights.contains(input.name))
      inputs.push_back(&input);
  return inputs;
}

std::string weft::dimName(const onnx::ValueInfo &input, size_t axis) {
  const onnx::Dim &dim = input.shape[axis];
  return dim.param.empty() ? input.name + "." + std::to_string(axis) : dim.param;
}

/// Sets the bounds from `{s72: VR[2, 4096], s70: VR[0, int_oo]}`: torch.export writes an entry for every symbolic size,
/// under a name of its own, in the order in which they appear in the inputs. Where it has other entries too, which is
/// whose is not known, and nothing is set.
static void setBounds(std::vector<SymbolicDim> &dims, StringRef text) {
  llvm::SmallVector<StringRef> ranges;
  text.split(ranges, "VR[");
  if (ranges.size() != dims.size() + 1)
    return;
  for (auto [dim, range] : llvm::zip(dims, llvm::drop_begin(ranges))) {
    auto [low, high] = range.split(']').first.split(',');
    int64_t bound = 0;
    if (!low.trim().getAsInteger(10, bound) && bound > 0 && bound <= maxBound)
      dim.least = bound;
    if (!high.trim().getAsInteger(10, bound) && bound >= dim.least && bound <= maxBound)
      dim.most = bound;
  }
}

std::vector<SymbolicDim> weft::symbolicDims(const onnx::Model &model, llvm::ArrayRef<const onnx::ValueInfo *> inputs) {
  std::vector<SymbolicDim> dims;
  for (const onnx::ValueInfo *input : inputs)
    for (auto [axis, dim] : llvm::enumerate(input->shape)) {
      if (dim.value >= 0)
        continue;
      std::string name = dimName(*input, axis);
      auto it = llvm::find_if(dims, [&](const SymbolicDim &known) { return known.name == name; });
      if (it == dims.end()) {
        it = dims.emplace(dims.end());
        it->name = name;
      }
      it->uses.push_back({input->name, static_cast<int64_t>(axis)});
    }
  if (auto it = model.graphMetadata.find(boundsKey); it != model.graphMetadata.end())
    setBounds(dims, it->second);
  return dims;
}

std::optional<int64_t> weft::defaultSize(const SymbolicDim &dim, bool isBatch, uint64_t parts, std::string &why) {
  if (isBatch) {
    // More than can be: a batch that does not divide is an error of its own.
    if (parts > static_cast<uint64_t>(maxBound))
      parts = 1;
    why = "the fewest samples that " + std::string(dim.least > 1 ? "the exporter allowed" : "there can be");
    if (parts > 1)
      why += " for " + std::to_string(parts) + " parts";
    return static_cast<int64_t>(llvm::alignTo(static_cast<uint64_t>(dim.least), parts));
  }
  why = "the most that the exporter allowed";
  return dim.most;
}
