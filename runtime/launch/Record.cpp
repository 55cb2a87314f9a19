//===- Record.cpp - Values of a run, for verification ---------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "launch/Record.h"

#include "weft/safetensors.h"

#include <optional>

using namespace weft;
using namespace weft::rt;

static constexpr const char kGradientPrefix[] = "grad/";

double weft::rt::readScalar(const Manifest &manifest, ArenaMemory &arena, const char *state) {
  const StateInfo &info = *manifest.findState(state);
  double value = 0;
  arena.read(info.offset, info.bytes, [&](const char *from) { value = loadDouble(from, info.dtype, 0); });
  return value;
}

void Record::evaluated(ArenaMemory &arena) {
  lossSum += readScalar(manifest, arena, "eval_loss_sum");
  lossCount += readScalar(manifest, arena, "eval_loss_count");
  if (const StateInfo *state = manifest.findState("logits"))
    arena.read(state->offset, state->bytes, [&](const char *from) { logits.append(from, state->bytes); });
}

void Record::keepGradients(ArenaMemory &arena) {
  double count = readScalar(manifest, arena, "loss_count");
  for (const StateInfo &state : manifest.states) {
    if (state.name.compare(0, sizeof(kGradientPrefix) - 1, kGradientPrefix) != 0)
      continue;
    Gradient gradient{state, std::vector<float>(state.elements())};
    gradient.tensor.dtype = DType::F32;
    gradient.tensor.bytes = state.elements() * static_cast<int64_t>(sizeof(float));
    arena.read(state.offset, state.bytes, [&](const char *from) {
      for (int64_t i = 0; i < state.elements(); ++i)
        gradient.values[i] = static_cast<float>(loadDouble(from, state.dtype, i) / count);
    });
    gradients.push_back(std::move(gradient));
  }
}

void Record::stepped(ArenaMemory &arena, double loss, double gradNorm) {
  if (curve.empty())
    keepGradients(arena);
  curve.push_back(loss);
  gradNorms.push_back(gradNorm);
}

std::string Record::write(ArenaMemory &arena, const std::string &path, Ranks &ranks) const {
  int64_t steps = static_cast<int64_t>(curve.size());
  double loss = lossSum / lossCount;
  std::vector<SafetensorsEntry> entries = {{"curve", "F64", {steps}, curve.data(), steps * 8},
                                           {"grad_norm", "F64", {steps}, gradNorms.data(), steps * 8}};
  if (lossCount > 0)
    entries.push_back({"loss", "F64", {}, &loss, 8});
  // What every rank has comes first; of what follows, each tensor is brought together when it is written.
  size_t scalars = entries.size();
  auto add = [&](const std::string &name, const TensorInfo &tensor, int64_t times) {
    std::vector<int64_t> shape = tensor.fileShape();
    if (!shape.empty())
      shape[0] *= times;
    entries.push_back({name, safetensorsName(tensor.dtype), shape, nullptr,
                       times * tensor.globalElements() * elementBytes(tensor.dtype)});
  };
  const StateInfo *probe = manifest.findState("logits");
  int64_t batches = probe && probe->bytes > 0 ? static_cast<int64_t>(logits.size()) / probe->bytes : 0;
  if (batches > 0)
    add("logits", *probe, batches);
  for (const Gradient &gradient : gradients)
    add(gradient.tensor.name, gradient.tensor, 1);
  for (const ParamInfo &param : manifest.params)
    add("param/" + param.name, param, 1);

  bool writes = ranks.rank() == 0;
  std::optional<SafetensorsWriter> writer;
  if (writes) {
    writer.emplace(path, entries);
    for (size_t i = 0; i < scalars; ++i)
      writer->append(entries[i].data, entries[i].bytes);
  }
  std::vector<char> whole;
  auto append = [&](const TensorInfo &tensor, const void *local) {
    // Without a writer that works the others would wait in vain: all leave.
    if (writes && !writer->error().empty())
      return;
    whole.resize(writes ? tensor.globalElements() * elementBytes(tensor.dtype) : 0);
    ranks.gather(tensor, local, whole.data());
    if (writes)
      writer->append(whole.data(), static_cast<int64_t>(whole.size()));
  };
  for (int64_t batch = 0; batch < batches; ++batch)
    append(*probe, logits.data() + batch * probe->bytes);
  for (const Gradient &gradient : gradients)
    append(gradient.tensor, gradient.values.data());
  for (const ParamInfo &param : manifest.params)
    arena.read(param.offset, param.bytes, [&](const char *from) { append(param, from); });
  if (!writes || writer->commit())
    return "";
  return writer->error();
}
