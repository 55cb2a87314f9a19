//===- Architecture.h - Sizes of standard models ----------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_MODEL_ARCHITECTURE_H
#define WEFT_COMPILER_MODEL_ARCHITECTURE_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weft {

/// The architectures that `weft model` knows.
enum class ModelFamily { Gpt2, Llama, GptNeox };

/// The name of a family on the command line: gpt2, llama or gpt-neox.
const char *familyName(ModelFamily family);

/// What a user asks for. What is left out comes from the preset; the ffn width
/// follows a given `dim` and the key/value heads given `heads`.
struct ModelOptions {
  ModelFamily family = ModelFamily::Gpt2;
  /// Empty: the family's first preset.
  std::string preset;
  std::optional<int64_t> layers, dim, heads, ffn, vocabulary;
  /// Llama only.
  std::optional<int64_t> keyValueHeads;
  /// GPT-2 only: rows of the table of learned positions.
  std::optional<int64_t> positions;
  /// Llama and GPT-NeoX: the base of the rotary embedding's wavelengths.
  std::optional<double> ropeTheta;
  /// GPT-NeoX only: the part of each head's elements that is rotated.
  std::optional<double> rotaryFraction;
  /// GPT-2 only: the probability with which elements of the embedding, and of what attention and the MLP add, are
  /// dropped in training.
  std::optional<double> dropout;
  /// Added to the variance in norms.
  std::optional<double> normEpsilon;
  /// Whether the head is the embedding table.
  std::optional<bool> tied;
};

/// Every size of a model.
struct Architecture {
  ModelFamily family;
  int64_t layers, dim, heads, keyValueHeads, ffn, vocabulary;
  /// 0 where positions are not learned.
  int64_t positions;
  double ropeTheta, rotaryFraction, normEpsilon;
  bool tied;
  double dropout = 0;

  int64_t headDim() const { return dim / heads; }
  /// Elements of a head that are rotated, as Hugging Face rounds it.
  int64_t rotaryDim() const { return static_cast<int64_t>(static_cast<double>(headDim()) * rotaryFraction); }
};

/// The presets of a family, its default first.
std::vector<std::string> presetNames(ModelFamily family);

/// Fills in what `options` leaves out. Returns false with one message in
/// `error` for an unknown preset, for an option that the family does not have
/// and for sizes that do not go together.
bool resolveArchitecture(const ModelOptions &options, Architecture &architecture, std::string &error);

} // namespace weft

#endif // WEFT_COMPILER_MODEL_ARCHITECTURE_H
