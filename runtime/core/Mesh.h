//===- Mesh.h - Ranks, coordinates and parts of tensors ---------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CORE_MESH_H
#define WEFT_CORE_MESH_H

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace weft::rt {

/// Named axes laid over the ranks, the last varies fastest. No axes: one rank.
struct Mesh {
  struct Axis {
    std::string name;
    int64_t size = 1;
  };
  std::vector<Axis> axes;

  /// The number of ranks.
  int64_t size() const;
  /// The index of the axis of that name, or -1.
  int find(const std::string &name) const;
  std::vector<int64_t> coordinatesOf(int64_t rank) const;
  int64_t rankAt(const std::vector<int64_t> &coordinates) const;
  /// The ranks that agree with `rank` on every axis that is not in `along` (indices of axes), by their place: the
  /// row-major index of their coordinates along these axes, in that order.
  std::vector<int64_t> groupOf(int64_t rank, const std::vector<int> &along) const;
  /// "replica=2, shard=2, tp=2".
  std::string describe() const;
};

/// How a tensor lies on the ranks: for each dimension the axes that cut it, the first the major one, and the axes over
/// which the ranks' values are to be added. Empty lists: whole.
struct Sharding {
  std::vector<std::vector<int>> dims;
  std::vector<int> unreduced;

  bool cut() const;
  /// What every rank holds of a dimension of `size`: an axis of n ranks cuts m indices into n parts of m / n, rounded
  /// up. What a part has beyond the tensor is padding.
  int64_t heldOf(size_t dim, int64_t size, const Mesh &mesh) const;
};

/// A box of a dense row-major tensor: in each dimension `size` indices from `begin` on. It lies in memory as a tensor
/// of shape `held`, at least as large as `size`; what is beyond is padding.
struct Box {
  std::vector<int64_t> shape, begin, size, held;

  /// The part of a tensor of `shape` that the rank with these coordinates holds.
  static Box of(const std::vector<int64_t> &shape, const Sharding &sharding, const Mesh &mesh,
                const std::vector<int64_t> &coordinates);

  /// Without padding.
  int64_t elements() const;
  /// Whether it is the whole tensor.
  bool whole() const;
  bool padded() const { return held != size; }
  /// Of what is held, indices [first, first + count) of the first dimension.
  Box slice(int64_t first, int64_t count) const;
  /// The same box without padding in memory.
  Box dense() const { return {shape, begin, size, size}; }
  /// Copies elements without padding to where they lie with it; the padding becomes zero.
  void spread(const void *dense, void *to, int64_t width) const;
  /// Calls `visit(global, local, count)` for every run of elements that are consecutive in the tensor, in order: the
  /// index of its first element in the tensor and in the box. Runs are as long as they can be.
  void forEachRun(const std::function<void(int64_t, int64_t, int64_t)> &visit) const;
  /// Groups runs: calls `visit(begin, end, runs)` for ranges of the tensor that hold whole runs, in order, with at most
  /// `gap` elements that are not needed between two of them. A range with more than one run is at most `most` long.
  struct Run {
    int64_t global, local, count;
  };
  void forEachSpan(int64_t gap, int64_t most,
                   const std::function<void(int64_t, int64_t, const std::vector<Run> &)> &visit) const;
  /// Copies the box out of the whole tensor, or into it; `width` is the bytes of an element.
  void extract(const void *tensor, void *box, int64_t width) const;
  void insert(const void *box, void *tensor, int64_t width) const;
};

} // namespace weft::rt

#endif // WEFT_CORE_MESH_H
