//===- Mesh.cpp - Ranks, coordinates and parts of tensors -----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/Mesh.h"

#include <algorithm>
#include <cstring>

using namespace weft::rt;

int64_t Mesh::size() const {
  int64_t count = 1;
  for (const Axis &axis : axes)
    count *= axis.size;
  return count;
}

int Mesh::find(const std::string &name) const {
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i].name == name)
      return static_cast<int>(i);
  return -1;
}

std::vector<int64_t> Mesh::coordinatesOf(int64_t rank) const {
  std::vector<int64_t> coordinates(axes.size());
  for (size_t i = axes.size(); i-- > 0;) {
    coordinates[i] = rank % axes[i].size;
    rank /= axes[i].size;
  }
  return coordinates;
}

int64_t Mesh::rankAt(const std::vector<int64_t> &coordinates) const {
  int64_t rank = 0;
  for (size_t i = 0; i < axes.size(); ++i)
    rank = rank * axes[i].size + coordinates[i];
  return rank;
}

std::vector<int64_t> Mesh::groupOf(int64_t rank, const std::vector<int> &along) const {
  std::vector<int64_t> coordinates = coordinatesOf(rank), ranks;
  for (int axis : along)
    coordinates[axis] = 0;
  while (true) {
    ranks.push_back(rankAt(coordinates));
    size_t i = along.size();
    while (i > 0 && ++coordinates[along[i - 1]] == axes[along[i - 1]].size)
      coordinates[along[--i]] = 0;
    if (i == 0)
      return ranks;
  }
}

std::string Mesh::describe() const {
  std::string text;
  for (const Axis &axis : axes)
    text += (text.empty() ? "" : ", ") + axis.name + "=" + std::to_string(axis.size);
  return text;
}

bool Sharding::cut() const {
  return std::any_of(dims.begin(), dims.end(), [](const std::vector<int> &axes) { return !axes.empty(); });
}

int64_t Sharding::heldOf(size_t dim, int64_t size, const Mesh &mesh) const {
  if (dim < dims.size())
    for (int axis : dims[dim])
      size = (size + mesh.axes[axis].size - 1) / mesh.axes[axis].size;
  return size;
}

Box Box::of(const std::vector<int64_t> &shape, const Sharding &sharding, const Mesh &mesh,
            const std::vector<int64_t> &coordinates) {
  Box box{shape, std::vector<int64_t>(shape.size(), 0), shape, shape};
  for (size_t i = 0; i < sharding.dims.size(); ++i)
    for (int axis : sharding.dims[i]) {
      int64_t &held = box.held[i];
      held = (held + mesh.axes[axis].size - 1) / mesh.axes[axis].size;
      int64_t before = coordinates[axis] * held;
      box.begin[i] += before;
      box.size[i] = std::clamp<int64_t>(box.size[i] - before, 0, held);
    }
  return box;
}

int64_t Box::elements() const {
  int64_t count = 1;
  for (int64_t length : size)
    count *= length;
  return count;
}

Box Box::slice(int64_t first, int64_t count) const {
  Box part = *this;
  part.begin[0] += first;
  part.size[0] = std::clamp<int64_t>(size[0] - first, 0, count);
  part.held[0] = count;
  return part;
}

bool Box::whole() const { return size == shape; }

void Box::forEachRun(const std::function<void(int64_t, int64_t, int64_t)> &visit) const {
  if (elements() == 0)
    return;
  // Everything inside the innermost dimension that is cut belongs to one run.
  size_t outer = shape.size();
  while (outer > 0 && held[outer - 1] == shape[outer - 1])
    --outer;
  int64_t inner = 1;
  for (size_t i = outer; i < shape.size(); ++i)
    inner *= shape[i];
  if (outer == 0)
    return visit(0, 0, inner);
  int64_t cut = static_cast<int64_t>(outer) - 1, count = size[cut] * inner;
  std::vector<int64_t> index(outer, 0);
  while (true) {
    int64_t global = 0, local = 0;
    for (size_t i = 0; i < outer; ++i) {
      global = global * shape[i] + begin[i] + index[i];
      local = local * held[i] + index[i];
    }
    visit(global * inner, local * inner, count);
    int64_t i = cut - 1;
    for (; i >= 0 && ++index[i] == size[i]; --i)
      index[i] = 0;
    if (i < 0)
      return;
  }
}

void Box::forEachSpan(int64_t gap, int64_t most,
                      const std::function<void(int64_t, int64_t, const std::vector<Run> &)> &visit) const {
  std::vector<Run> runs;
  int64_t end = 0;
  forEachRun([&](int64_t global, int64_t local, int64_t count) {
    if (!runs.empty() && (global - end > gap || global + count - runs.front().global > most)) {
      visit(runs.front().global, end, runs);
      runs.clear();
    }
    runs.push_back({global, local, count});
    end = global + count;
  });
  if (!runs.empty())
    visit(runs.front().global, end, runs);
}

void Box::extract(const void *tensor, void *box, int64_t width) const {
  forEachRun([&](int64_t global, int64_t local, int64_t count) {
    memcpy(static_cast<char *>(box) + local * width, static_cast<const char *>(tensor) + global * width, count * width);
  });
}

void Box::spread(const void *dense, void *to, int64_t width) const {
  int64_t bytes = width;
  for (int64_t length : held)
    bytes *= length;
  memset(to, 0, bytes);
  const char *from = static_cast<const char *>(dense);
  forEachRun([&](int64_t, int64_t local, int64_t count) {
    memcpy(static_cast<char *>(to) + local * width, from, count * width);
    from += count * width;
  });
}

void Box::insert(const void *box, void *tensor, int64_t width) const {
  forEachRun([&](int64_t global, int64_t local, int64_t count) {
    memcpy(static_cast<char *>(tensor) + global * width, static_cast<const char *>(box) + local * width, count * width);
  });
}
