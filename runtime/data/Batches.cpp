//===- Batches.cpp - Samples into the inputs of a micro-batch -------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "data/Batches.h"

#include "core/Error.h"
#include "core/Text.h"
#include "data/RowParts.h"
#include "data/Shuffle.h"
#include "data/Tensors.h"
#include "data/TokenStream.h"

#include <algorithm>
#include <cstring>

using namespace weft;
using namespace weft::rt;

DataSource::~DataSource() = default;

namespace {

/// Sample i is tokens [i * T, i * T + T]; its labels are its tokens moved by one.
class TokenSource final : public DataSource {
public:
  TokenSource(const Manifest &manifest, const std::vector<std::string> &paths, const std::vector<int64_t> &coordinates)
      : stream(paths), length(manifest.tokensPerSample), fileCount(paths.size()) {
    for (const InputInfo &input : manifest.inputs) {
      bool tokens = input.role == InputRole::Tokens || input.role == InputRole::Labels;
      if (!tokens && input.role != InputRole::Field)
        continue;
      if (!tokens || length == 0 || isFloat(input.dtype) ||
          input.globalElements() != manifest.samplesPerMicrobatch() * length)
        throw InputError("input '" + input.name + "' of shape " + formatShape(input.shape) +
                         " cannot be read from token files; give --data FILE.safetensors with a tensor '" +
                         input.dataName() + "'");
      inputs.push_back(&input);
      parts.emplace_back(manifest, input, coordinates);
    }
    if (inputs.empty())
      throw InputError("this model has no input that token files could fill");
    int64_t needed = manifest.batch * length + 1;
    if (stream.size() < needed)
      throw InputError("the data has " + std::to_string(stream.size()) + " tokens; a step of " +
                       std::to_string(manifest.batch) + " samples of " + std::to_string(length) +
                       " tokens needs at least " + std::to_string(needed));
    ids.resize(length + 1);
    // Before the first step, not hours into training.
    for (const InputInfo *input : inputs)
      if (int64_t position = input->limit ? stream.findAtLeast(*input->limit) : -1; position >= 0)
        failAt(*input, position);
  }

  int64_t samples() const override { return (stream.size() - 1) / length; }

  void load(int64_t index, int64_t row, const InputMemory &memory) override {
    int64_t begin = index * length;
    if (std::all_of(parts.begin(), parts.end(), [&](const RowParts &part) { return part.of(row).empty(); }))
      return;
    stream.read(begin, length + 1, ids.data());
    for (size_t i = 0; i < inputs.size(); ++i) {
      const InputInfo &input = *inputs[i];
      int64_t shift = input.role == InputRole::Labels;
      if (input.limit && !parts[i].of(row).empty())
        check(input, begin + shift, ids.data() + shift);
      for (const RowParts::Piece &piece : parts[i].of(row))
        convertElements(ids.data() + shift + piece.within, DType::I64,
                        memory.of(input) + piece.local * elementBytes(input.dtype), input.dtype, piece.count);
    }
  }

  std::string describe() const override {
    return format("%zu token file%s, %lld tokens, %lld samples", fileCount, fileCount == 1 ? "" : "s",
                  static_cast<long long>(stream.size()), static_cast<long long>(samples()));
  }

private:
  void check(const InputInfo &input, int64_t begin, const int64_t *values) const {
    for (int64_t i = 0; i < length; ++i)
      if (values[i] >= *input.limit)
        failAt(input, begin + i);
  }

  [[noreturn]] void failAt(const InputInfo &input, int64_t position) const {
    int64_t id;
    stream.read(position, 1, &id);
    throw InputError(stream.describe(position) + " is " + std::to_string(id) + "; input '" + input.name +
                     "' takes ids below " + std::to_string(*input.limit) +
                     " (was the data made for another vocabulary?)");
  }

  TokenStream stream;
  std::vector<const InputInfo *> inputs;
  /// Of each input, what this rank holds.
  std::vector<RowParts> parts;
  std::vector<int64_t> ids;
  int64_t length;
  size_t fileCount;
};

} // namespace

std::unique_ptr<DataSource> weft::rt::openData(const Manifest &manifest, const std::vector<std::string> &paths,
                                               const std::vector<int64_t> &coordinates) {
  size_t tokenFiles = 0;
  for (const std::string &path : paths)
    tokenFiles += TokenStream::isTokenFile(path);
  if (tokenFiles == paths.size())
    return std::make_unique<TokenSource>(manifest, paths, coordinates);
  for (const std::string &path : paths) {
    bool isTensors = path.size() > 12 && path.compare(path.size() - 12, 12, ".safetensors") == 0;
    if (!isTensors && !TokenStream::isTokenFile(path))
      throw InputError("'" + path + "' is not a token file; make one with: weft data pack FILE -o TOKENS");
  }
  if (tokenFiles != 0)
    throw InputError("token files and safetensors files cannot be mixed in --data");
  return openTensors(manifest, paths, coordinates);
}

Batches::Batches(const Manifest &manifest, std::unique_ptr<DataSource> source, bool shuffle, uint64_t seed)
    : manifest(manifest), source(std::move(source)), shuffle(shuffle), seed(seed) {}

void Batches::load(int64_t step, int64_t microbatch, const InputMemory &memory) {
  int64_t rows = manifest.samplesPerMicrobatch(), count = source->samples();
  for (int64_t row = 0; row < rows; ++row) {
    int64_t number = step * manifest.batch + microbatch * rows + row, epoch = number / count, index = number % count;
    if (shuffle)
      index = static_cast<int64_t>(
          Shuffle(static_cast<uint64_t>(count), seed, static_cast<uint64_t>(epoch))(static_cast<uint64_t>(index)));
    source->load(index, row, memory);
  }
}

void weft::rt::fillConstantInputs(const Manifest &manifest, const InputMemory &memory,
                                  const std::vector<int64_t> &coordinates) {
  for (const InputInfo &input : manifest.inputs) {
    if (input.role == InputRole::Zeros)
      fillElements(memory.of(input), input.dtype, 0.0, 0, input.elements());
    if (input.role == InputRole::Ones)
      fillElements(memory.of(input), input.dtype, 1.0, 0, input.elements());
    if (input.role == InputRole::Positions) {
      int64_t length = input.shape.empty() ? 1 : input.shape.back();
      manifest.boxOf(input, coordinates).forEachRun([&](int64_t global, int64_t local, int64_t count) {
        for (int64_t i = 0; i < count; ++i)
          fillElements(memory.of(input), input.dtype, static_cast<double>((global + i) % length), local + i,
                       local + i + 1);
      });
    }
  }
}
