//===- Parameters.cpp - Initial values of parameters and states -----------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/Parameters.h"

#include "comm/Ranks.h"
#include "core/Error.h"
#include "core/NormalPart.h"
#include "core/Random.h"
#include "core/Text.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

using namespace weft;
using namespace weft::rt;

/// A source as it is opened: $ORIGIN is the folder of the executable.
static std::string placeOf(const std::string &file) {
  static constexpr char kOrigin[] = "$ORIGIN/";
  if (file.rfind(kOrigin, 0) != 0)
    return file;
  return std::filesystem::read_symlink("/proc/self/exe").replace_filename(file.substr(strlen(kOrigin))).string();
}

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
    int descriptor = ::open(placeOf(source.file).c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
      throw InputError("parameter '" + param.name + "' comes from '" + placeOf(source.file) +
                       "', which cannot be opened: " + strerror(errno) +
                       "; put the file back, give --weights FILE.safetensors, or compile again");
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

/// Reads bytes [begin, end) of a parameter's source, several ranges at a time. Throws InputError.
static void readRange(int descriptor, const ParamInfo &param, int64_t begin, int64_t end, void *to) {
  constexpr int64_t kPart = int64_t(1) << 20;
  const ParamSource &source = param.source;
  int64_t parts = (end - begin + kPart - 1) / kPart;
  std::atomic<int> failure{0};
#pragma omp parallel for schedule(dynamic, 1)
  for (int64_t part = 0; part < parts; ++part) {
    int64_t at = begin + part * kPart, last = std::min(at + kPart, end);
    while (at < last && failure == 0) {
      ssize_t done = pread(descriptor, static_cast<char *>(to) + (at - begin), last - at, source.offset + at);
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

/// Reads a box of a parameter's source: of the file only the pages that hold it.
static void readBox(int descriptor, const ParamInfo &param, const Box &box, void *to) {
  constexpr int64_t kPage = 4096, kMost = int64_t(4) << 20;
  int64_t width = elementBytes(param.source.dtype);
  std::vector<char> span;
  box.forEachSpan(kPage / width, kMost / width, [&](int64_t begin, int64_t end, const std::vector<Box::Run> &runs) {
    char *into = static_cast<char *>(to) + runs.front().local * width;
    if (runs.size() == 1)
      return readRange(descriptor, param, begin * width, end * width, into);
    span.resize((end - begin) * width);
    readRange(descriptor, param, begin * width, end * width, span.data());
    for (const Box::Run &run : runs)
      memcpy(static_cast<char *>(to) + run.local * width, span.data() + (run.global - begin) * width,
             run.count * width);
  });
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

/// The box of a parameter in the layout of its file.
static Box boxInFile(const ParamSource &source, const Box &box) {
  if (source.perm.empty())
    return box;
  Box result{source.shape, source.shape, source.shape, source.shape};
  for (size_t i = 0; i < source.perm.size(); ++i) {
    result.begin[source.perm[i]] = box.begin[i];
    result.size[source.perm[i]] = result.held[source.perm[i]] = box.size[i];
  }
  return result;
}

static void loadFromFile(const ParamInfo &param, const Box &part, SourceFiles &files, void *to) {
  const ParamSource &source = param.source;
  int descriptor = files.descriptorOf(param);
  Box box = boxInFile(source, part);
  bool sameType = source.dtype == param.dtype;
  int64_t count = box.elements();
  if (sameType && source.perm.empty())
    return readBox(descriptor, param, box, to);
  std::unique_ptr<char[]> raw(new char[count * elementBytes(source.dtype)]);
  readBox(descriptor, param, box, raw.get());
  if (sameType)
    return transposeElements(raw.get(), box.size, source.perm, elementBytes(param.dtype), to);
  if (source.perm.empty())
    return convertAll(raw.get(), source.dtype, to, param.dtype, count);
  std::unique_ptr<char[]> converted(new char[count * elementBytes(param.dtype)]);
  convertAll(raw.get(), source.dtype, converted.get(), param.dtype, count);
  transposeElements(converted.get(), box.size, source.perm, elementBytes(param.dtype), to);
}

/// Whether each size of `file` is the product of consecutive sizes of `shape`: a parameter whose packed parts have a
/// dimension of their own is the same bytes.
static bool isSplitOf(const std::vector<int64_t> &shape, const std::vector<int64_t> &file) {
  size_t at = 0;
  for (int64_t size : file) {
    int64_t product = 1;
    while (at < shape.size() && (product < size || shape[at] == 1))
      product *= shape[at++];
    if (product != size)
      return false;
  }
  return at == shape.size();
}

static void loadFromWeights(const ParamInfo &param, const Box &box, const SafetensorsEntry &entry,
                            const std::string &path, void *to) {
  std::string place = "'" + path + "': tensor '" + entry.name + "' ";
  bool packed = entry.shape.size() < param.shape.size() && !entry.shape.empty() && isSplitOf(param.shape, entry.shape);
  if (entry.shape != param.shape && !packed)
    throw InputError(place + "has shape " + formatShape(entry.shape) + " where parameter '" + param.name + "' has " +
                     formatShape(param.shape));
  DType type;
  if (!parseSafetensorsDType(entry.dtype, type) || isFloat(type) != isFloat(param.dtype))
    throw InputError(place + "has type " + entry.dtype + ", which does not convert to " + dtypeName(param.dtype) +
                     " of parameter '" + param.name + "'");
  box.forEachRun([&](int64_t global, int64_t local, int64_t count) {
    convertAll(static_cast<const char *>(entry.data) + global * elementBytes(type), type,
               static_cast<char *>(to) + local * elementBytes(param.dtype), param.dtype, count);
  });
}

std::vector<std::string> weft::rt::initialiseParameters(const Manifest &manifest, ArenaMemory &arena, uint64_t seed,
                                                        const SafetensorsFile *weights,
                                                        const std::vector<int64_t> &coordinates) {
  std::vector<std::string> remarks;
  std::vector<std::string> missing;
  SourceFiles files;
  size_t used = 0;
  // The weights' tensor for a parameter, if there is one.
  auto find = [&](const ParamInfo &param) {
    const SafetensorsEntry *entry = weights ? weights->find(param.name) : nullptr;
    for (size_t i = 0; weights && !entry && i < param.aliases.size(); ++i)
      entry = weights->find(param.aliases[i]);
    return entry;
  };
  // The elements of a box, without padding.
  auto produce = [&](const ParamInfo &param, const SafetensorsEntry *entry, const Box &box, char *to) {
    if (entry)
      loadFromWeights(param, box, *entry, weights->path(), to);
    else if (param.source.kind == ParamSource::File)
      loadFromFile(param, box, files, to);
    else
      fillElements(to, param.dtype, param.source.value, 0, box.elements());
  };
  auto fill = [&](const ParamInfo &param, const SafetensorsEntry *entry) {
    Box box = manifest.boxOf(param, coordinates);
    if (!entry && param.source.kind == ParamSource::Normal)
      return arena.writeNormal(param.offset,
                               {box, param.dtype, seed, hashName(param.name), static_cast<float>(param.source.value)});
    // Rows go where they lie in the file's order; what is transposed on the way is read as a whole.
    bool ordered = !box.shape.empty() && (entry || param.source.perm.empty());
    int64_t rows = ordered ? std::max<int64_t>(box.held[0], 1) : 1, rowBytes = param.bytes / rows;
    int64_t most = std::clamp<int64_t>(arena.directBytes() / std::max<int64_t>(rowBytes, 1), 1, rows);
    for (int64_t first = 0; first < rows; first += most) {
      int64_t count = std::min(most, rows - first);
      Box part = ordered ? box.slice(first, count) : box;
      arena.write(param.offset + first * rowBytes, count * rowBytes, [&](char *to) {
        if (!part.padded())
          return produce(param, entry, part, to);
        std::vector<char> dense(part.elements() * elementBytes(param.dtype));
        produce(param, entry, part.dense(), dense.data());
        part.spread(dense.data(), to, elementBytes(param.dtype));
      });
    }
  };
  for (const ParamInfo *param : manifest.stored()) {
    const SafetensorsEntry *entry = find(*param);
    used += entry != nullptr;
    if (!entry && weights && param->trainable)
      missing.push_back(param->name);
    else
      fill(*param, entry);
  }
  if (!missing.empty())
    throw InputError("'" + weights->path() + "' has no tensor for " + std::to_string(missing.size()) +
                     " of the trained parameters, such as '" + missing.front() + "'; its first tensor is '" +
                     (weights->tensors().empty() ? "" : weights->tensors().front().name) + "'");
  for (const ParamInfo &master : manifest.masters)
    fill(master, find(master));
  if (weights && used < weights->tensors().size())
    remarks.push_back("'" + weights->path() + "': " + std::to_string(weights->tensors().size() - used) +
                      " tensors belong to no parameter and were left out");
  return remarks;
}

void weft::rt::initialiseStates(const Manifest &manifest, ArenaMemory &arena, uint64_t seed,
                                const std::vector<int64_t> &coordinates) {
  for (const StateInfo &state : manifest.states) {
    if (state.init != 0.0)
      arena.write(state.offset, state.bytes,
                  [&](char *to) { fillElements(to, state.dtype, state.init, 0, state.elements()); });
    if (state.kind == "random") {
      // The high half; tasks count in the low half.
      uint64_t first = seed << 32;
      arena.write(state.offset, state.bytes, [&](char *to) { memcpy(to, &first, state.bytes); });
    }
    if (state.kind == "mesh")
      arena.write(state.offset, state.bytes, [&](char *to) { memcpy(to, coordinates.data(), state.bytes); });
  }
}

std::string weft::rt::saveParameters(const Manifest &manifest, ArenaMemory &arena, const std::string &path,
                                     Ranks *ranks) {
  bool writes = !ranks || ranks->rank() == 0;
  std::vector<SafetensorsEntry> entries;
  std::map<std::string, std::string> metadata = {{"format", "pt"}, {"model", manifest.model}};
  for (const ParamInfo *stored : manifest.stored()) {
    const ParamInfo &param = *stored;
    entries.push_back({param.name, safetensorsName(param.dtype), param.fileShape(), nullptr,
                       param.globalElements() * elementBytes(param.dtype)});
    for (const std::string &alias : param.aliases)
      metadata["tied/" + alias] = param.name;
  }
  std::optional<SafetensorsWriter> writer;
  if (writes) {
    writer.emplace(path, entries, metadata);
    if (!writer->error().empty())
      return writer->error();
  }
  // One tensor at a time is whole, in rank 0.
  std::vector<char> whole;
  for (const ParamInfo *stored : manifest.stored()) {
    const ParamInfo &param = *stored;
    bool good = true;
    arena.read(param.offset, param.bytes, [&](const char *local) {
      if (ranks) {
        whole.resize(writes ? param.globalElements() * elementBytes(param.dtype) : 0);
        ranks->gather(param, local, whole.data());
        local = whole.data();
      }
      good = !writes || writer->append(local, param.globalElements() * elementBytes(param.dtype));
    });
    if (!good)
      return writer->error();
  }
  return writes && !writer->commit() ? writer->error() : "";
}
