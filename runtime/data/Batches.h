//===- Batches.h - Samples into the inputs of a micro-batch -----*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DATA_BATCHES_H
#define WEFT_DATA_BATCHES_H

#include "core/Manifest.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace weft::rt {

/// Samples by number.
class DataSource {
public:
  virtual ~DataSource();

  /// How many samples there are; at least one step's.
  virtual int64_t samples() const = 0;

  /// Writes sample `index` into row `row` of a micro-batch's inputs: the part of it that this rank holds, which may be
  /// nothing. Throws InputError for an id out of range.
  virtual void load(int64_t index, int64_t row, const InputMemory &memory) = 0;

  /// What it is, for people: "1 file, 1000 tokens, 31 samples".
  virtual std::string describe() const = 0;
};

/// Opens token files, or safetensors files with one tensor for each input, for the rank with these coordinates. Throws
/// InputError, also when there is less than one step's data.
std::unique_ptr<DataSource> openData(const Manifest &manifest, const std::vector<std::string> &paths,
                                     const std::vector<int64_t> &coordinates = {});

/// Opens a recorded batch: `x` is the first input of role tokens or field, `y` the labels, over all micro-batches; any
/// input may also go by its own name. Throws InputError.
std::unique_ptr<DataSource> openReplay(const Manifest &manifest, const std::string &path,
                                       const std::vector<int64_t> &coordinates = {});

/// The order of samples. Sample n of the endless order is element n mod N of the permutation of epoch n / N; row r of
/// micro-batch k of step s is sample s * batch + k * (batch / microbatches) + r, so the order is the same for any
/// number of micro-batches and on any mesh.
class Batches {
public:
  /// In order of the file when `shuffle` is false.
  Batches(const Manifest &manifest, std::unique_ptr<DataSource> source, bool shuffle, uint64_t seed);

  /// Fills all inputs of one micro-batch.
  void load(int64_t step, int64_t microbatch, const InputMemory &memory);

  const DataSource &data() const { return *source; }

private:
  const Manifest &manifest;
  std::unique_ptr<DataSource> source;
  bool shuffle;
  uint64_t seed;
};

/// Fills the inputs that are the same in every micro-batch: ones and positions.
void fillConstantInputs(const Manifest &manifest, const InputMemory &memory,
                        const std::vector<int64_t> &coordinates = {});

} // namespace weft::rt

#endif // WEFT_DATA_BATCHES_H
