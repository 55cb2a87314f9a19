//===- Record.cpp - Values of a run, for verification ---------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "launch/Record.h"

#include "weft/safetensors.h"

using namespace weft;
using namespace weft::rt;

static constexpr const char kGradientPrefix[] = "grad/";

void Record::evaluated(const char *arena) {
  lossSum += loadDouble(arena + manifest.findState("eval_loss_sum")->offset, DType::F64, 0);
  lossCount += loadDouble(arena + manifest.findState("eval_loss_count")->offset, DType::F64, 0);
  if (const StateInfo *state = manifest.findState("logits"))
    logits.append(arena + state->offset, state->bytes);
}

void Record::keepGradients(const char *arena) {
  double count = loadDouble(arena + manifest.findState("loss_count")->offset, DType::F64, 0);
  for (const StateInfo &state : manifest.states) {
    if (state.name.compare(0, sizeof(kGradientPrefix) - 1, kGradientPrefix) != 0)
      continue;
    Gradient gradient{state.name, state.shape, std::vector<float>(state.elements())};
    for (int64_t i = 0; i < state.elements(); ++i)
      gradient.values[i] = static_cast<float>(loadDouble(arena + state.offset, state.dtype, i) / count);
    gradients.push_back(std::move(gradient));
  }
}

void Record::stepped(const char *arena, double loss, double gradNorm) {
  if (curve.empty())
    keepGradients(arena);
  curve.push_back(loss);
  gradNorms.push_back(gradNorm);
}

std::string Record::write(const char *arena, const std::string &path) const {
  int64_t steps = static_cast<int64_t>(curve.size());
  std::vector<SafetensorsEntry> entries = {{"curve", "F64", {steps}, curve.data(), steps * 8},
                                           {"grad_norm", "F64", {steps}, gradNorms.data(), steps * 8}};
  double loss = lossSum / lossCount;
  if (lossCount > 0)
    entries.push_back({"loss", "F64", {}, &loss, 8});
  if (const StateInfo *state = manifest.findState("logits"); state && !logits.empty()) {
    std::vector<int64_t> shape = state->shape;
    if (!shape.empty())
      shape[0] = shape[0] * static_cast<int64_t>(logits.size()) / state->bytes;
    entries.push_back(
        {"logits", safetensorsName(state->dtype), shape, logits.data(), static_cast<int64_t>(logits.size())});
  }
  for (const Gradient &gradient : gradients)
    entries.push_back({gradient.name, "F32", gradient.shape, gradient.values.data(),
                       static_cast<int64_t>(gradient.values.size() * sizeof(float))});
  for (const ParamInfo &param : manifest.params)
    entries.push_back(
        {"param/" + param.name, safetensorsName(param.dtype), param.shape, arena + param.offset, param.bytes});
  return writeSafetensors(path, entries);
}
