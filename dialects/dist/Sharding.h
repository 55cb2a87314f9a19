//===- Sharding.h - Meshes and shardings as numbers -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_DIST_SHARDING_H
#define WEFT_DIALECTS_DIST_SHARDING_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace weft::dist {

/// Named axes over ranks. Two orders: the axes that cut one dimension do so in the order listed, the first the major
/// one; `order` lays them over ranks.
struct Mesh {
  llvm::SmallVector<std::string> axes;
  llvm::SmallVector<int64_t> sizes;
  llvm::SmallVector<int64_t> order; ///< axes from the one whose index varies slowest over ranks to the fastest

  int64_t getNumAxes() const { return sizes.size(); }
  int64_t getNumRanks() const;
  /// The index of an axis, or -1.
  int64_t indexOf(llvm::StringRef axis) const;
  /// The coordinates of a rank.
  llvm::SmallVector<int64_t> coordinatesOf(int64_t rank) const;
  int64_t rankOf(llvm::ArrayRef<int64_t> coordinates) const;
  /// The ranks that agree with `rank` in all axes but `over`, in row-major order of `over` as listed.
  llvm::SmallVector<int64_t> groupOf(int64_t rank, llvm::ArrayRef<int64_t> over) const;
  /// The product of the axes' sizes.
  int64_t sizeOf(llvm::ArrayRef<int64_t> over) const;
};

/// How a tensor lies on a mesh: per axis the dimension that it cuts, or one of the constants.
struct Sharding {
  static constexpr int8_t Whole = -1;     ///< every rank along the axis holds the same
  static constexpr int8_t Unreduced = -2; ///< the tensor is the sum of what the ranks along the axis hold

  llvm::SmallVector<int8_t, 6> axes;

  static Sharding whole(const Mesh &mesh) { return {llvm::SmallVector<int8_t, 6>(mesh.getNumAxes(), Whole)}; }

  int8_t &operator[](int64_t axis) { return axes[axis]; }
  int8_t operator[](int64_t axis) const { return axes[axis]; }
  bool operator==(const Sharding &other) const { return axes == other.axes; }
  bool operator!=(const Sharding &other) const { return axes != other.axes; }

  bool isWhole() const;
  /// The axes that cut a dimension, in mesh order; with `Unreduced`, those on which the tensor is unreduced.
  llvm::SmallVector<int64_t> axesOf(int8_t dim) const;
  /// Into how many parts a dimension is cut.
  int64_t partsOf(const Mesh &mesh, int64_t dim) const;
  /// How many indices of a dimension of `size` there are before it is cut and behind each of its axes: an axis of n
  /// ranks cuts m indices into n parts of m / n, rounded up. What a part has beyond the tensor is padding.
  llvm::SmallVector<int64_t> sizesOf(const Mesh &mesh, int64_t dim, int64_t size) const;
  /// What a rank holds of a tensor of this type, padding included.
  mlir::RankedTensorType localType(const Mesh &mesh, mlir::RankedTensorType global) const;
  /// The tensor of which ranks hold this, if its sizes divide.
  mlir::RankedTensorType globalType(const Mesh &mesh, mlir::RankedTensorType local) const;
  /// Whether every dimension is divided by its axes: there is no padding.
  bool divides(const Mesh &mesh, mlir::RankedTensorType global) const;
};

/// What a rank holds of a tensor: in each dimension `size` indices from `begin` on, without padding.
struct Part {
  llvm::SmallVector<int64_t> begin, size;
};
Part partOf(const Mesh &mesh, const Sharding &sharding, llvm::ArrayRef<int64_t> shape, int64_t rank);

} // namespace weft::dist

#endif // WEFT_DIALECTS_DIST_SHARDING_H
