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
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>
#include <vector>

namespace weft {

/// A tensor's values on the host, for reference evaluation. Floats are held as
/// f64 and integers as sign-extended i64 (i1 as 0 or 1); after every op
/// `round()` brings floats to the precision of the element type and wraps
/// integers to its width. A splat holds a single value.
class Literal {
public:
  Literal() = default;
  /// All elements zero (a splat).
  explicit Literal(mlir::RankedTensorType type);
  /// The given elements in row-major order, rounded to the type; there are as
  /// many as the type has elements, or a single one for a splat.
  static Literal ofFloats(mlir::RankedTensorType type, std::vector<double> values);
  static Literal ofInts(mlir::RankedTensorType type, std::vector<int64_t> values);
  /// From a constant attribute; null result if it is not dense, or has an
  /// element type other than floats of at most 64 and integers of at most 64 bits.
  static std::optional<Literal> fromAttr(mlir::Attribute attr);
  /// A dense attribute; a splat attribute if all elements are equal.
  mlir::DenseElementsAttr toAttr() const;

  mlir::RankedTensorType getType() const { return type; }
  llvm::ArrayRef<int64_t> getShape() const { return type.getShape(); }
  int64_t getNumElements() const { return type.getNumElements(); }
  bool isFloat() const { return mlir::isa<mlir::FloatType>(type.getElementType()); }
  bool isSplat() const { return splat; }

  /// Element at a row-major index.
  double getFloat(int64_t index) const { return floats[splat ? 0 : index]; }
  int64_t getInt(int64_t index) const { return ints[splat ? 0 : index]; }
  /// An element of either kind as a number.
  double getNumber(int64_t index) const {
    return floats.empty() ? static_cast<double>(getInt(index)) : getFloat(index);
  }
  /// Sets one element; a splat is expanded first.
  void setFloat(int64_t index, double value) {
    if (splat)
      expand();
    floats[index] = value;
  }
  void setInt(int64_t index, int64_t value) {
    if (splat)
      expand();
    ints[index] = value;
  }
  /// Makes every element `value` (a splat).
  void fillFloat(double value);
  void fillInt(int64_t value);
  /// Rounds floats to the element type and wraps integers; see above.
  void round();

  /// The same elements in row-major order under another type of as many
  /// elements and the same element type; a splat takes any shape.
  Literal withType(mlir::RankedTensorType newType) const;
  /// A result of `newType` whose element at multi-index i is the element of
  /// this at row-major position base + sum(i[d] * strides[d]).
  Literal gatherStrided(mlir::RankedTensorType newType, int64_t base, llvm::ArrayRef<int64_t> strides) const;
  /// The opposite: writes element i of `part` at base + sum(i[d] * strides[d]).
  void scatterStrided(const Literal &part, int64_t base, llvm::ArrayRef<int64_t> strides);

private:
  void expand();

  mlir::RankedTensorType type;
  bool splat = true;
  std::vector<double> floats;
  std::vector<int64_t> ints;
};

/// Row-major strides, in elements, of a shape.
llvm::SmallVector<int64_t> rowMajorStrides(llvm::ArrayRef<int64_t> shape);

/// Calls `visit(position)` for every multi-index of `shape` in row-major order,
/// with position = base + sum(index[d] * strides[d]).
void forEachStrided(llvm::ArrayRef<int64_t> shape, int64_t base, llvm::ArrayRef<int64_t> strides,
                    llvm::function_ref<void(int64_t position)> visit);

/// `value` rounded to nearest even in a floating-point type.
double roundToType(double value, mlir::FloatType type);

/// `value` wrapped to an integer type: sign-extended, i1 as 0 or 1.
int64_t wrapToType(int64_t value, mlir::IntegerType type);

} // namespace weft

#endif // WEFT_DIALECTS_WEFT_LITERAL_H
