//===- Tensors.cpp - Samples from safetensors files -----------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "data/Tensors.h"

#include "core/Error.h"
#include "core/Text.h"
#include "data/RowParts.h"
#include "weft/safetensors.h"

using namespace weft;
using namespace weft::rt;

namespace {

/// One input's tensor in one file.
struct Column {
  const InputInfo *input;
  const SafetensorsEntry *entry;
  DType dtype;
  /// Elements of one sample.
  int64_t width;
  /// What this rank holds.
  RowParts parts;
};

/// One file: `samples` samples from number `first` on.
struct File {
  std::unique_ptr<SafetensorsFile> tensors;
  std::vector<Column> columns;
  int64_t first = 0, samples = 0;
};

class TensorSource final : public DataSource {
public:
  TensorSource(const Manifest &manifest, const std::vector<int64_t> &coordinates)
      : manifest(manifest), coordinates(coordinates) {}

  /// Takes `entry` for `input`; `whole` when it has exactly one batch, in any shape.
  void add(File &file, const InputInfo &input, const SafetensorsEntry &entry, bool whole) const {
    std::string place = "'" + file.tensors->path() + "': tensor '" + entry.name + "' ";
    if (input.globalElements() % manifest.samplesPerMicrobatch() != 0)
      throw InputError("input '" + input.name + "' of shape " + formatShape(input.shape) + " does not hold " +
                       std::to_string(manifest.samplesPerMicrobatch()) + " samples");
    RowParts parts(manifest, input, coordinates);
    Column column{&input, &entry, DType::F32, parts.width(), parts};
    if (!parseSafetensorsDType(entry.dtype, column.dtype) || isFloat(column.dtype) != isFloat(input.dtype))
      throw InputError(place + "has type " + entry.dtype + ", which does not convert to " + dtypeName(input.dtype) +
                       " of input '" + input.name + "'");
    int64_t samples = whole ? manifest.batch : entry.shape.empty() ? 0 : entry.shape[0];
    if (entry.elements() != samples * column.width)
      throw InputError(place + "has shape " + formatShape(entry.shape) + "; input '" + input.name + "' needs " +
                       (whole ? std::to_string(manifest.batch) + " samples of " : "samples of ") +
                       std::to_string(column.width) + " elements");
    if (!file.columns.empty() && file.samples != samples)
      throw InputError(place + "has " + std::to_string(samples) + " samples where '" +
                       file.columns.front().entry->name + "' has " + std::to_string(file.samples));
    file.samples = samples;
    file.columns.push_back(column);
  }

  void add(File file) {
    file.first = total;
    total += file.samples;
    files.push_back(std::move(file));
  }

  int64_t samples() const override { return total; }

  void load(int64_t index, int64_t row, const InputMemory &memory) override {
    size_t number = 0;
    while (index >= files[number].first + files[number].samples)
      ++number;
    for (const Column &column : files[number].columns) {
      int64_t sample = index - files[number].first;
      const char *from =
          static_cast<const char *>(column.entry->data) + sample * column.width * elementBytes(column.dtype);
      if (column.input->limit && !isFloat(column.dtype) && !column.parts.of(row).empty())
        check(files[number], column, sample, from);
      for (const RowParts::Piece &piece : column.parts.of(row))
        convertElements(from + piece.within * elementBytes(column.dtype), column.dtype,
                        memory.of(*column.input) + piece.local * elementBytes(column.input->dtype), column.input->dtype,
                        piece.count);
    }
  }

  std::string describe() const override {
    return format("%zu safetensors file%s, %lld samples", files.size(), files.size() == 1 ? "" : "s",
                  static_cast<long long>(total));
  }

private:
  static void check(const File &file, const Column &column, int64_t sample, const void *from) {
    for (int64_t i = 0; i < column.width; ++i) {
      int64_t id = loadInteger(from, column.dtype, i);
      if ((id < 0 || id >= *column.input->limit) && !(column.input->ignore && id == *column.input->ignore))
        throw InputError("'" + file.tensors->path() + "': element " + std::to_string(i) + " of sample " +
                         std::to_string(sample) + " of '" + column.entry->name + "' is " + std::to_string(id) +
                         "; input '" + column.input->name + "' takes " + column.input->describeIds());
    }
  }

  const Manifest &manifest;
  std::vector<int64_t> coordinates;
  std::vector<File> files;
  int64_t total = 0;
};

} // namespace

static File openFile(const std::string &path) {
  std::string error;
  File file;
  file.tensors = SafetensorsFile::open(path, error);
  if (!file.tensors)
    throw InputError(error);
  return file;
}

/// "it has images, labels": what a file offers, for the message that something is not there.
static std::string listTensors(const SafetensorsFile &file) {
  constexpr size_t most = 10;
  std::string list;
  for (size_t i = 0; i < file.tensors().size() && i < most; ++i)
    list += (i ? ", " : "") + file.tensors()[i].name;
  if (file.tensors().size() > most)
    list += ", and " + std::to_string(file.tensors().size() - most) + " more";
  return list.empty() ? "it has none" : "it has " + list;
}

std::unique_ptr<DataSource> weft::rt::openTensors(const Manifest &manifest, const std::vector<std::string> &paths,
                                                  const std::vector<int64_t> &coordinates) {
  auto source = std::make_unique<TensorSource>(manifest, coordinates);
  for (const std::string &path : paths) {
    File file = openFile(path);
    for (const InputInfo &input : manifest.inputs)
      if (const SafetensorsEntry *entry = file.tensors->find(input.dataName()))
        source->add(file, input, *entry, /*whole=*/false);
      else if (!input.isConstant())
        throw InputError("'" + path + "' has no tensor '" + input.dataName() + "' for input '" + input.name +
                         "', of shape " + formatShape(input.shape) + " in one micro-batch; " +
                         listTensors(*file.tensors) + " (weft compile --input " + input.name +
                         "=NAME says which one is meant)");
    source->add(std::move(file));
  }
  if (source->samples() < manifest.batch)
    throw InputError("the data has " + std::to_string(source->samples()) + " samples; a step needs at least " +
                     std::to_string(manifest.batch));
  return source;
}

std::unique_ptr<DataSource> weft::rt::openReplay(const Manifest &manifest, const std::string &path,
                                                 const std::vector<int64_t> &coordinates) {
  auto source = std::make_unique<TensorSource>(manifest, coordinates);
  File file = openFile(path);
  bool xTaken = false, yTaken = false;
  for (const InputInfo &input : manifest.inputs) {
    const SafetensorsEntry *entry = file.tensors->find(input.dataName());
    bool labels = input.role == InputRole::Labels, constant = input.isConstant();
    if (!entry && !constant && !(labels ? yTaken : xTaken)) {
      entry = file.tensors->find(labels ? "y" : "x");
      (labels ? yTaken : xTaken) = true;
    }
    if (entry)
      source->add(file, input, *entry, /*whole=*/true);
    else if (!constant)
      throw InputError("'" + path + "' has no tensor for input '" + input.name + "': neither '" + input.dataName() +
                       "' nor '" + (labels ? "y" : "x") + "'; " + listTensors(*file.tensors));
  }
  source->add(std::move(file));
  return source;
}
