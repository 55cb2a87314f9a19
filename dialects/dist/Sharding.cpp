//===- Sharding.cpp - Meshes and shardings as numbers -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Sharding.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>

using namespace mlir;
using namespace weft::dist;

int64_t Mesh::getNumRanks() const { return sizeOf(llvm::to_vector(llvm::seq<int64_t>(0, getNumAxes()))); }

int64_t Mesh::indexOf(llvm::StringRef axis) const {
  const auto *it = llvm::find(axes, axis);
  return it == axes.end() ? -1 : it - axes.begin();
}

SmallVector<int64_t> Mesh::coordinatesOf(int64_t rank) const {
  SmallVector<int64_t> coordinates(sizes.size());
  for (int64_t axis : llvm::reverse(order)) {
    coordinates[axis] = rank % sizes[axis];
    rank /= sizes[axis];
  }
  return coordinates;
}

int64_t Mesh::rankOf(ArrayRef<int64_t> coordinates) const {
  int64_t rank = 0;
  for (int64_t axis : order)
    rank = rank * sizes[axis] + coordinates[axis];
  return rank;
}

SmallVector<int64_t> Mesh::groupOf(int64_t rank, ArrayRef<int64_t> over) const {
  SmallVector<int64_t> strides(sizes.size(), 1);
  int64_t stride = 1;
  for (int64_t axis : llvm::reverse(order)) {
    strides[axis] = stride;
    stride *= sizes[axis];
  }
  SmallVector<int64_t> coordinates = coordinatesOf(rank);
  for (int64_t axis : over)
    rank -= coordinates[axis] * strides[axis];
  SmallVector<int64_t> ranks = {rank};
  for (int64_t axis : over) {
    SmallVector<int64_t> next;
    for (int64_t base : ranks)
      for (int64_t i = 0; i < sizes[axis]; ++i)
        next.push_back(base + i * strides[axis]);
    ranks = std::move(next);
  }
  return ranks;
}

int64_t Mesh::sizeOf(ArrayRef<int64_t> over) const {
  int64_t product = 1;
  for (int64_t axis : over)
    product *= sizes[axis];
  return product;
}

bool Sharding::isWhole() const {
  return llvm::all_of(axes, [](int8_t how) { return how == Whole; });
}

SmallVector<int64_t> Sharding::axesOf(int8_t dim) const {
  SmallVector<int64_t> found;
  for (auto [axis, how] : llvm::enumerate(axes))
    if (how == dim)
      found.push_back(axis);
  return found;
}

int64_t Sharding::partsOf(const Mesh &mesh, int64_t dim) const { return mesh.sizeOf(axesOf(dim)); }

SmallVector<int64_t> Sharding::sizesOf(const Mesh &mesh, int64_t dim, int64_t size) const {
  SmallVector<int64_t> sizes = {size};
  for (int64_t axis : axesOf(dim))
    sizes.push_back(llvm::divideCeil(sizes.back(), mesh.sizes[axis]));
  return sizes;
}

RankedTensorType Sharding::localType(const Mesh &mesh, RankedTensorType global) const {
  SmallVector<int64_t> shape(global.getShape());
  for (auto [dim, size] : llvm::enumerate(shape))
    size = sizesOf(mesh, dim, size).back();
  return global.clone(shape);
}

RankedTensorType Sharding::globalType(const Mesh &mesh, RankedTensorType local) const {
  SmallVector<int64_t> shape(local.getShape());
  for (auto [axis, how] : llvm::enumerate(axes))
    if (how >= 0)
      shape[how] *= mesh.sizes[axis];
  return local.clone(shape);
}

bool Sharding::divides(const Mesh &mesh, RankedTensorType global) const {
  for (int64_t dim = 0; dim < global.getRank(); ++dim)
    if (global.getDimSize(dim) % partsOf(mesh, dim) != 0)
      return false;
  return true;
}

Part weft::dist::partOf(const Mesh &mesh, const Sharding &sharding, ArrayRef<int64_t> shape, int64_t rank) {
  SmallVector<int64_t> coordinates = mesh.coordinatesOf(rank);
  Part part{SmallVector<int64_t>(shape.size(), 0), SmallVector<int64_t>(shape)};
  for (int64_t dim = 0, dims = shape.size(); dim < dims; ++dim) {
    SmallVector<int64_t> sizes = sharding.sizesOf(mesh, dim, shape[dim]);
    for (auto [axis, held] : llvm::zip_equal(sharding.axesOf(dim), ArrayRef(sizes).drop_front())) {
      int64_t before = coordinates[axis] * held;
      part.begin[dim] += before;
      part.size[dim] = std::clamp<int64_t>(part.size[dim] - before, 0, held);
    }
  }
  return part;
}
