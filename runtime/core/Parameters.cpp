//===- Parameters.cpp - Initial values of parameters and states -----------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/Parameters.h"

#include "core/Error.h"
#include "core/Random.h"
#include "core/Text.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

using namespace weft;
using namespace weft::rt;

namespace {

/// The source files, each opened and checked once.
class SourceFiles {
public:
  SourceFiles() = default;
  SourceFiles(const SourceFiles &) = delete;
  SourceFiles &operator=(const SourceFiles &) = delete;
  ~SourceFiles() {
    for (const auto &[path, descriptor] : open)
      close(descriptor);
  }

  int descriptorOf(const ParamInfo &param) {
    const ParamSource &source = param.source;
    auto found = open.find(source.file);
    if (found != open.end())
      return found->second;
    int descriptor = ::open(source.file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
      throw InputError("parameter '" + param.name + "' comes from '" + source.file + "', which cannot be opened: " +
                       strerror(errno) + "; put the file back, give --weights FILE.safetensors, or compile again");
    open[source.file] = descriptor;
    struct stat info;
    if (fstat(descriptor, &info) != 0 || info.st_size != source.fileBytes)
      throw InputError("parameter '" + param.name + "' comes from '" + source.file + "', which had " +
                       std::to_string(source.fileBytes) + " bytes when this executable was compiled and has " +
                       std::to_string(info.st_size) + " now; compile again, or give --weights FILE.safetensors");
    return descriptor;
  }

private:
  std::map<std::string, int> open;
};

} // namespace

/// Reads `bytes` bytes at `offset`, several ranges at a time. Throws InputError.
static void readRange(int descriptor, const ParamInfo &param, void *to) {
  constexpr int64_t kPart = int64_t(8) << 20;
  const ParamSource &source = param.source;
  int64_t parts = (source.bytes + kPart - 1) / kPart;
  std::atomic<int> failure{0};
#pragma omp parallel for schedule(dynamic, 1)
  for (int64_t part = 0; part < parts; ++part) {
    int64_t at = part * kPart, end = std::min(at + kPart, source.bytes);
    while (at < end && failure == 0) {
      ssize_t done = pread(descriptor, static_cast<char *>(to) + at, end - at, source.offset + at);
      if (done < 0 && errno == EINTR)
        continue;
      if (done <= 0)
        failure = done < 0 ? errno : -1;
      else
        at += done;
    }
  }
  if (failure != 0)
    throw InputError("parameter '" + param.name + "' cannot be read from '" + source.file +
                     "': " + (failure < 0 ? "the file ends before it" : strerror(failure)) +
                     "; compile again, or give --weights FILE.safetensors");
}

template <typename Word>
static void transposeRange(const Word *from, const std::vector<int64_t> &shape, const std::vector<int64_t> &strides,
                           int64_t begin, int64_t end, Word *to) {
  // `shape` and `strides` are those of the result; the innermost dimension runs fastest.
  size_t rank = shape.size();
  std::vector<int64_t> index(rank, 0);
  int64_t source = 0;
  for (int64_t i = static_cast<int64_t>(rank) - 1, rest = begin; i >= 0; --i) {
    index[i] = rest % shape[i];
    rest /= shape[i];
    source += index[i] * strides[i];
  }
  for (int64_t i = begin; i < end; ++i) {
    to[i] = from[source];
    for (int64_t d = static_cast<int64_t>(rank) - 1; d >= 0; --d) {
      source += strides[d];
      if (++index[d] < shape[d])
        break;
      source -= shape[d] * strides[d];
      index[d] = 0;
    }
  }
}

/// The two-dimensional transpose, in tiles that keep both sides in the cache.
template <typename Word> static void transposeMatrix(const Word *from, int64_t rows, int64_t columns, Word *to) {
  constexpr int64_t kTile = 32;
#pragma omp parallel for schedule(static)
  for (int64_t column = 0; column < columns; column += kTile)
    for (int64_t row = 0; row < rows; row += kTile)
      for (int64_t c = column; c < std::min(column + kTile, columns); ++c)
        for (int64_t r = row; r < std::min(row + kTile, rows); ++r)
          to[c * rows + r] = from[r * columns + c];
}

template <typename Word>
static void transposeWords(const Word *from, const std::vector<int64_t> &shape, const std::vector<int64_t> &perm,
                           Word *to) {
  if (perm == std::vector<int64_t>{1, 0})
    return transposeMatrix(from, shape[0], shape[1], to);
  std::vector<int64_t> sourceStrides(shape.size(), 1), resultShape, strides;
  for (size_t i = shape.size(); i-- > 1;)
    sourceStrides[i - 1] = sourceStrides[i] * shape[i];
  int64_t total = 1;
  for (int64_t dimension : perm) {
    resultShape.push_back(shape[dimension]);
    strides.push_back(sourceStrides[dimension]);
    total *= shape[dimension];
  }
  constexpr int64_t kPart = 1 << 16;
#pragma omp parallel for schedule(static)
  for (int64_t part = 0; part < (total + kPart - 1) / kPart; ++part)
    transposeRange(from, resultShape, strides, part * kPart, std::min(part * kPart + kPart, total), to);
}

void weft::rt::transposeElements(const void *from, const std::vector<int64_t> &shape, const std::vector<int64_t> &perm,
                                 int64_t width, void *to) {
  switch (width) {
  case 1:
    return transposeWords(static_cast<const uint8_t *>(from), shape, perm, static_cast<uint8_t *>(to));
  case 2:
    return transposeWords(static_cast<const uint16_t *>(from), shape, perm, static_cast<uint16_t *>(to));
  case 4:
    return transposeWords(static_cast<const uint32_t *>(from), shape, perm, static_cast<uint32_t *>(to));
  default:
    return transposeWords(static_cast<const uint64_t *>(from), shape, perm, static_cast<uint64_t *>(to));
  }
}

/// convertElements with all threads; the types are known to convert.
static void convertAll(const void *from, DType fromType, void *to, DType toType, int64_t count) {
  constexpr int64_t kPart = 1 << 18;
#pragma omp parallel for schedule(static)
  for (int64_t part = 0; part < (count + kPart - 1) / kPart; ++part) {
    int64_t begin = part * kPart;
    convertElements(static_cast<const char *>(from) + begin * elementBytes(fromType), fromType,
                    static_cast<char *>(to) + begin * elementBytes(toType), toType, std::min(kPart, count - begin));
  }
}

static void loadFromFile(const ParamInfo &param, SourceFiles &files, void *to) {
  const ParamSource &source = param.source;
  int descriptor = files.descriptorOf(param);
  bool sameType = source.dtype == param.dtype;
  if (sameType && source.perm.empty())
    return readRange(descriptor, param, to);
  std::unique_ptr<char[]> raw(new char[source.bytes]);
  readRange(descriptor, param, raw.get());
  if (sameType)
    return transposeElements(raw.get(), source.shape, source.perm, elementBytes(param.dtype), to);
  if (source.perm.empty())
    return convertAll(raw.get(), source.dtype, to, param.dtype, param.elements());
  std::unique_ptr<char[]> converted(new char[param.bytes]);
  convertAll(raw.get(), source.dtype, converted.get(), param.dtype, param.elements());
  transposeElements(converted.get(), source.shape, source.perm, elementBytes(param.dtype), to);
}

static void loadFromWeights(const ParamInfo &param, const SafetensorsEntry &entry, const std::string &path, void *to) {
  std::string place = "'" + path + "': tensor '" + entry.name + "' ";
  if (entry.shape != param.shape)
    throw InputError(place + "has shape " + formatShape(entry.shape) + " where parameter '" + param.name + "' has " +
                     formatShape(param.shape));
  DType type;
  if (!parseSafetensorsDType(entry.dtype, type) || isFloat(type) != isFloat(param.dtype))
    throw InputError(place + "has type " + entry.dtype + ", which does not convert to " + dtypeName(param.dtype) +
                     " of parameter '" + param.name + "'");
  convertAll(entry.data, type, to, param.dtype, param.elements());
}

static void initialise(const ParamInfo &param, uint64_t seed, void *to) {
  constexpr int64_t kPart = 1 << 16;
  const ParamSource &source = param.source;
  int64_t count = param.elements();
  uint64_t name = hashName(param.name);
#pragma omp parallel for schedule(static)
  for (int64_t part = 0; part < (count + kPart - 1) / kPart; ++part) {
    int64_t begin = part * kPart, end = std::min(begin + kPart, count);
    char *at = static_cast<char *>(to) + begin * elementBytes(param.dtype);
    if (source.kind == ParamSource::Constant) {
      fillElements(to, param.dtype, source.value, begin, end);
    } else if (param.dtype == DType::F32) {
      fillNormal(reinterpret_cast<float *>(at), begin, end - begin, seed, name, static_cast<float>(source.value));
    } else {
      std::vector<float> values(end - begin);
      fillNormal(values.data(), begin, end - begin, seed, name, static_cast<float>(source.value));
      convertElements(values.data(), DType::F32, at, param.dtype, end - begin);
    }
  }
}

std::vector<std::string> weft::rt::initialiseParameters(const Manifest &manifest, char *arena, uint64_t seed,
                                                        const SafetensorsFile *weights) {
  std::vector<std::string> remarks;
  std::vector<std::string> missing;
  SourceFiles files;
  size_t used = 0;
  for (const ParamInfo &param : manifest.params) {
    const SafetensorsEntry *entry = weights ? weights->find(param.name) : nullptr;
    for (size_t i = 0; weights && !entry && i < param.aliases.size(); ++i)
      entry = weights->find(param.aliases[i]);
    used += entry != nullptr;
    if (entry)
      loadFromWeights(param, *entry, weights->path(), param.in(arena));
    else if (weights && param.trainable)
      missing.push_back(param.name);
    else if (param.source.kind == ParamSource::File)
      loadFromFile(param, files, param.in(arena));
    else
      initialise(param, seed, param.in(arena));
  }
  if (!missing.empty())
    throw InputError("'" + weights->path() + "' has no tensor for " + std::to_string(missing.size()) +
                     " of the trained parameters, such as '" + missing.front() + "'; its first tensor is '" +
                     (weights->tensors().empty() ? "" : weights->tensors().front().name) + "'");
  if (weights && used < weights->tensors().size())
    remarks.push_back("'" + weights->path() + "': " + std::to_string(weights->tensors().size() - used) +
                      " tensors belong to no parameter and were left out");
  return remarks;
}

void weft::rt::initialiseStates(const Manifest &manifest, char *arena) {
  for (const StateInfo &state : manifest.states)
    if (state.init != 0.0)
      fillElements(state.in(arena), state.dtype, state.init, 0, state.elements());
}

std::string weft::rt::saveParameters(const Manifest &manifest, const char *arena, const std::string &path) {
  std::vector<SafetensorsEntry> entries;
  std::map<std::string, std::string> metadata = {{"format", "pt"}, {"model", manifest.model}};
  for (const ParamInfo &param : manifest.params) {
    entries.push_back({param.name, safetensorsName(param.dtype), param.shape, arena + param.offset, param.bytes});
    for (const std::string &alias : param.aliases)
      metadata["tied/" + alias] = param.name;
  }
  return writeSafetensors(path, entries, metadata);
}
