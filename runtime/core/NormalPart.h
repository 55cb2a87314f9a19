//===- NormalPart.h - Random initial values of a part -----------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CORE_NORMALPART_H
#define WEFT_CORE_NORMALPART_H

#include "core/DType.h"
#include "core/Mesh.h"

namespace weft::rt {

/// The part of a tensor of normally distributed numbers that a rank holds. An element is a function of the tensor's
/// seed and name and of its index in the tensor (Random.h), so that it does not matter who makes it; it is rounded to
/// `dtype` from f32. Padding is zero.
struct NormalPart {
  Box box;
  DType dtype = DType::F32;
  uint64_t seed = 0, name = 0; ///< the name's hash
  float deviation = 1;

  /// With padding.
  int64_t bytes() const;
  /// Writes all of them, with OpenMP's threads.
  void fill(char *to) const;
  /// The same elements at the same places, in as few dimensions as that takes, at least one: a dimension that is whole
  /// is one with that before it.
  NormalPart collapsed() const;
};

} // namespace weft::rt

#endif // WEFT_CORE_NORMALPART_H
