//===- Architecture.cpp - Sizes of standard models ------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/model/Architecture.h"

#include <algorithm>
#include <cmath>

using namespace weft;

namespace {

struct Preset {
  const char *name;
  Architecture sizes;
};

// As published with the models' weights (config.json of each on Hugging Face). The order of the sizes is that of
// Architecture: layers, dim, heads, kv heads, ffn, vocabulary, positions, theta, rotary fraction, epsilon, tied.
constexpr ModelFamily kGpt2 = ModelFamily::Gpt2, kLlama = ModelFamily::Llama, kNeox = ModelFamily::GptNeox;
constexpr Preset kPresets[] = {
    {"124m", {kGpt2, 12, 768, 12, 12, 3072, 50257, 1024, 0, 0, 1e-5, true}},
    {"355m", {kGpt2, 24, 1024, 16, 16, 4096, 50257, 1024, 0, 0, 1e-5, true}},
    {"774m", {kGpt2, 36, 1280, 20, 20, 5120, 50257, 1024, 0, 0, 1e-5, true}},
    {"1558m", {kGpt2, 48, 1600, 25, 25, 6400, 50257, 1024, 0, 0, 1e-5, true}},
    {"2-7b", {kLlama, 32, 4096, 32, 32, 11008, 32000, 0, 1e4, 1, 1e-5, false}},
    {"2-13b", {kLlama, 40, 5120, 40, 40, 13824, 32000, 0, 1e4, 1, 1e-5, false}},
    {"2-70b", {kLlama, 80, 8192, 64, 8, 28672, 32000, 0, 1e4, 1, 1e-5, false}},
    {"3-8b", {kLlama, 32, 4096, 32, 8, 14336, 128256, 0, 5e5, 1, 1e-5, false}},
    {"3-70b", {kLlama, 80, 8192, 64, 8, 28672, 128256, 0, 5e5, 1, 1e-5, false}},
    {"tiny-1.1b", {kLlama, 22, 2048, 32, 4, 5632, 32000, 0, 1e4, 1, 1e-5, false}},
    {"20b", {kNeox, 44, 6144, 64, 64, 24576, 50432, 0, 1e4, 0.25, 1e-5, false}},
    {"pythia-70m", {kNeox, 6, 512, 8, 8, 2048, 50304, 0, 1e4, 0.25, 1e-5, false}},
    {"pythia-160m", {kNeox, 12, 768, 12, 12, 3072, 50304, 0, 1e4, 0.25, 1e-5, false}},
    {"pythia-410m", {kNeox, 24, 1024, 16, 16, 4096, 50304, 0, 1e4, 0.25, 1e-5, false}},
    {"pythia-1.4b", {kNeox, 24, 2048, 16, 16, 8192, 50304, 0, 1e4, 0.25, 1e-5, false}},
    {"pythia-6.9b", {kNeox, 32, 4096, 32, 32, 16384, 50432, 0, 1e4, 0.25, 1e-5, false}},
    {"pythia-12b", {kNeox, 36, 5120, 40, 40, 20480, 50688, 0, 1e4, 0.25, 1e-5, false}},
};

/// The feed-forward width of a model of width `dim`: for Llama 8/3 of it, rounded up to a multiple of 256, as its
/// authors do.
int64_t defaultFfn(ModelFamily family, int64_t dim) {
  return family == ModelFamily::Llama ? (dim * 8 / 3 + 255) / 256 * 256 : 4 * dim;
}

bool checkRange(const char *option, int64_t value, int64_t limit, std::string &error) {
  if (value >= 1 && value <= limit)
    return true;
  error = std::string(option) + " is " + std::to_string(value) + "; it must lie between 1 and " + std::to_string(limit);
  return false;
}

/// Options of another family would change nothing: refused, so that nobody believes they did.
bool checkFamily(const ModelOptions &options, std::string &error) {
  auto refuse = [&](bool given, bool known, const char *option, const char *what) {
    if (!given || known)
      return false;
    error = std::string(option) + " does not apply to " + familyName(options.family) + ": it has no " + what;
    return true;
  };
  bool rotary = options.family != ModelFamily::Gpt2;
  return !refuse(options.keyValueHeads.has_value(), options.family == ModelFamily::Llama, "--kv-heads",
                 "grouped key/value heads") &&
         !refuse(options.positions.has_value(), !rotary, "--positions", "table of positions") &&
         !refuse(options.dropout.has_value(), !rotary, "--dropout", "dropout") &&
         !refuse(options.ropeTheta.has_value(), rotary, "--rope-theta", "rotary embedding") &&
         !refuse(options.rotaryFraction.has_value(), options.family == ModelFamily::GptNeox, "--rotary-fraction",
                 "partly rotated heads");
}

bool checkSizes(const Architecture &a, std::string &error) {
  // The limits keep every product of sizes far from 64 bits; real models stay well below them.
  if (!checkRange("--layers", a.layers, 10000, error) || !checkRange("--dim", a.dim, 1 << 20, error) ||
      !checkRange("--heads", a.heads, 1 << 16, error) || !checkRange("--kv-heads", a.keyValueHeads, 1 << 16, error) ||
      !checkRange("--ffn", a.ffn, 1 << 24, error) || !checkRange("--vocab", a.vocabulary, 1 << 24, error) ||
      (a.family == ModelFamily::Gpt2 && !checkRange("--positions", a.positions, 1 << 24, error)))
    return false;
  auto doesNotDivide = [&](const char *divisor, int64_t by, const char *whole, int64_t value) {
    error = std::string(divisor) + " " + std::to_string(by) + " does not divide " + whole + " " + std::to_string(value);
    return false;
  };
  if (a.dim % a.heads != 0)
    return doesNotDivide("--heads", a.heads, "--dim", a.dim);
  if (a.heads % a.keyValueHeads != 0)
    return doesNotDivide("--kv-heads", a.keyValueHeads, "--heads", a.heads);
  if (!(a.normEpsilon > 0 && a.normEpsilon < 1)) {
    error = "--norm-eps must lie between 0 and 1";
    return false;
  }
  if (!(a.dropout >= 0 && a.dropout < 1)) {
    error = "--dropout must be at least 0 and less than 1";
    return false;
  }
  if (a.family == ModelFamily::Gpt2)
    return true;
  if (!(a.ropeTheta > 1 && std::isfinite(a.ropeTheta))) {
    error = "--rope-theta must be greater than 1";
    return false;
  }
  if (!(a.rotaryFraction > 0 && a.rotaryFraction <= 1)) {
    error = "--rotary-fraction must be greater than 0 and at most 1";
    return false;
  }
  if (a.rotaryDim() < 2 || a.rotaryDim() % 2 != 0) {
    error = "the rotary embedding turns " + std::to_string(a.rotaryDim()) + " of the " + std::to_string(a.headDim()) +
            " elements of a head (--dim / --heads" +
            (a.family == ModelFamily::GptNeox ? ", times --rotary-fraction" : "") + "); that must be an even number";
    return false;
  }
  return true;
}

} // namespace

const char *weft::familyName(ModelFamily family) {
  switch (family) {
  case ModelFamily::Gpt2:
    return "gpt2";
  case ModelFamily::Llama:
    return "llama";
  case ModelFamily::GptNeox:
    return "gpt-neox";
  }
  return "";
}

std::vector<std::string> weft::presetNames(ModelFamily family) {
  std::vector<std::string> names;
  for (const Preset &preset : kPresets)
    if (preset.sizes.family == family)
      names.push_back(preset.name);
  return names;
}

bool weft::resolveArchitecture(const ModelOptions &options, Architecture &architecture, std::string &error) {
  if (!checkFamily(options, error))
    return false;
  const Preset *found = nullptr;
  for (const Preset &preset : kPresets)
    if (!found && preset.sizes.family == options.family && (options.preset.empty() || options.preset == preset.name))
      found = &preset;
  if (!found) {
    error = std::string("there is no preset '") + options.preset + "' of " + familyName(options.family) + ", only";
    const char *separator = " ";
    for (const std::string &name : presetNames(options.family)) {
      error += separator + name;
      separator = ", ";
    }
    return false;
  }
  architecture = found->sizes;
  architecture.layers = options.layers.value_or(architecture.layers);
  if (options.dim) {
    architecture.dim = *options.dim;
    // A width beyond all bounds is refused below.
    architecture.ffn = defaultFfn(options.family, std::clamp<int64_t>(*options.dim, 0, 1 << 30));
  }
  if (options.heads)
    architecture.heads = architecture.keyValueHeads = *options.heads;
  architecture.keyValueHeads = options.keyValueHeads.value_or(architecture.keyValueHeads);
  architecture.ffn = options.ffn.value_or(architecture.ffn);
  architecture.vocabulary = options.vocabulary.value_or(architecture.vocabulary);
  architecture.positions = options.positions.value_or(architecture.positions);
  architecture.ropeTheta = options.ropeTheta.value_or(architecture.ropeTheta);
  architecture.rotaryFraction = options.rotaryFraction.value_or(architecture.rotaryFraction);
  architecture.normEpsilon = options.normEpsilon.value_or(architecture.normEpsilon);
  architecture.tied = options.tied.value_or(architecture.tied);
  architecture.dropout = options.dropout.value_or(0);
  return checkSizes(architecture, error);
}
