//===- Literal.h - A small tensor with its values -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_WEFT_LITERAL_H
#define WEFT_DIALECTS_WEFT_LITERAL_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallVector.h"
#include <vector>

namespace weft {

/// A tensor's values on the host, for reference evaluation. Floats are held as
/// f64 and integers (i1 included, as 0 or 1) as i64; after every op `round()`
/// brings floats to the precision of the element type and wraps integers to its width. A splat
/// holds a single value.
class Literal {
public:
  Literal() = default;
  /// All elements zero (a splat).
  explicit Literal(mlir::RankedTensorType type);
  /// From a constant attribute; null result if it is not dense.
  static std::optional<Literal> fromAttr(mlir::Attribute attr);
  /// A dense attribute; a splat attribute if all elements are equal.
  mlir::DenseElementsAttr toAttr() const;

  mlir::RankedTensorType getType() const { return type; }
  llvm::ArrayRef<int64_t> getShape() const { return type.getShape(); }
  int64_t getNumElements() const { return type.getNumElements(); }
  bool isFloat() const;
  bool isSplat() const { return splat; }

  /// Element at a row-major index.
  double getFloat(int64_t index) const { return floats[splat ? 0 : index]; }
  int64_t getInt(int64_t index) const { return ints[splat ? 0 : index]; }
  /// Sets one element; a splat is expanded first.
  void setFloat(int64_t index, double value);
  void setInt(int64_t index, int64_t value);
  /// Makes every element `value` (a splat).
  void fillFloat(double value);
  void fillInt(int64_t value);
  /// Rounds floats to the element type and wraps integers; see above.
  void round();

private:
  void expand();

  mlir::RankedTensorType type;
  bool splat = true;
  std::vector<double> floats;
  std::vector<int64_t> ints;
};

/// Row-major strides, in elements, of a shape.
llvm::SmallVector<int64_t> rowMajorStrides(llvm::ArrayRef<int64_t> shape);

} // namespace weft

#endif // WEFT_DIALECTS_WEFT_LITERAL_H
