//===- ElementEmitter.h - One element of a kernel's value -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_ELEMENTEMITTER_H
#define WEFT_COMPILER_CODEGEN_ELEMENTEMITTER_H

#include "dialects/weft/Weft.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include <map>
#include <optional>
#include <tuple>
#include <vector>

namespace weft {

/// Where in a kernel's iteration space an element is wanted.
struct Position {
  enum Kind {
    Flat, ///< at row-major index `linear` of a value with rows*cols elements
    Full, ///< at row `row`, column `column` of a value with rows*cols elements; `linear`, if set, is row*cols + column
    Row,  ///< at `row` of a value with one element per row
    General ///< at the multi-index `indices` of the value's own shape
  };
  Kind kind;
  mlir::Value linear, row, column;
  llvm::SmallVector<mlir::Value> indices;
};

/// How a target reads and writes the buffers of a kernel. Elements are of their storage type (`storageType`).
class ElementMemory {
public:
  virtual ~ElementMemory();
  virtual mlir::Value load(mlir::OpBuilder &builder, mlir::Value buffer, mlir::Value index, mlir::Type type) = 0;
  virtual void store(mlir::OpBuilder &builder, mlir::Value element, mlir::Value buffer, mlir::Value index) = 0;
  /// The `count` elements from `base` on, a multiple of `count`.
  virtual llvm::SmallVector<mlir::Value> loadRun(mlir::OpBuilder &builder, mlir::Value buffer, mlir::Value base,
                                                 mlir::Type type, int64_t count);
};

/// Emits scalar code for elements of tensor values in a kernel's body.
///
/// The body is never executed op by op: an element of a result is *pulled*,
/// and so are the elements that it needs, through elementwise ops, views and
/// index maps, down to loads from the kernel's buffers. What was emitted for a
/// position is remembered in the scope (loop body) it was emitted in.
///
/// A target that reads several elements with one instruction asks for the *lanes* of an index: base, base + 1, ...,
/// where base is a multiple of their number. Index arithmetic that keeps such a run together is done once, on its base.
class ElementEmitter {
public:
  /// `buffers` maps a body's tensor arguments to what `memory` knows as buffers; without one, rank-1 memrefs.
  ElementEmitter(mlir::OpBuilder &builder, int64_t rows, int64_t cols,
                 const llvm::DenseMap<mlir::Value, mlir::Value> &buffers, ElementMemory *memory = nullptr)
      : builder(builder), rows(rows), cols(cols), columnEnd(cols), buffers(buffers), memory(memory), scopes(1) {}

  /// The element of `value` at `position`; i1 for booleans.
  mlir::Value emit(mlir::Value value, const Position &position);
  /// Stores an element of `value` at `position` into a buffer.
  void store(mlir::Value element, mlir::Value value, mlir::Value buffer, const Position &position);
  /// Says that `value` at `position` has been computed (a reduction, say).
  void bind(mlir::Value value, const Position &position, mlir::Value element);
  /// The multi-index of `position` in a tensor of `type`.
  llvm::SmallVector<mlir::Value> indicesOf(const Position &position, mlir::RankedTensorType type);
  /// The row-major index of `position` in a tensor of `type`.
  mlir::Value linearOf(const Position &position, mlir::RankedTensorType type);

  /// Says that the column of every full position, until the next call, lies in [begin, end): of a concatenation along
  /// the columns only one part may be there. Without a range, all parts are.
  void setColumns(int64_t begin, int64_t end) { columnBegin = begin, columnEnd = end; }
  void setAllColumns() { setColumns(0, cols); }

  void enterScope() { scopes.emplace_back(); }
  void leaveScope() { scopes.pop_back(); }

  mlir::Value index(int64_t value);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value add(mlir::Value x, int64_t y);
  mlir::Value mul(mlir::Value x, int64_t y);

  /// Sets the number of lanes: a power of two.
  void setLanes(int64_t count) { laneCount = count; }
  /// Lane `i` of the run at `base`, which is a multiple of the number of lanes.
  mlir::Value lane(mlir::Value base, int64_t i);

private:
  using Key = std::pair<const void *, std::vector<const void *>>;
  using Lane = std::pair<mlir::Value, int64_t>;
  /// What was emitted in one loop body.
  struct Scope {
    std::map<Key, mlir::Value> elements;
    std::map<std::tuple<const void *, const void *, const void *>, mlir::Value> arithmetic;
    std::map<int64_t, mlir::Value> constants;
    std::map<std::pair<const void *, const void *>, llvm::SmallVector<mlir::Value>> runs;
  };
  Key keyOf(mlir::Value value, const Position &position) const;
  mlir::Value emitNew(mlir::Value value, const Position &position);
  mlir::Value asStored(mlir::Value element);
  mlir::Value at(mlir::Value value, llvm::ArrayRef<mlir::Value> indices);
  mlir::Value emitBroadcast(BroadcastOp op, const Position &position);
  mlir::Value emitConcat(ConcatOp op, const Position &position, llvm::ArrayRef<mlir::Value> indices);
  mlir::Value emitPad(PadOp op, llvm::ArrayRef<mlir::Value> indices);
  mlir::Value emitRotary(RotaryOp op, llvm::ArrayRef<mlir::Value> indices);
  mlir::Value emitCumsum(CumsumOp op, llvm::ArrayRef<mlir::Value> indices);
  mlir::Value emitRandom(RandomOp op, const Position &position);

  /// Integer arithmetic, remembered like elements.
  template <typename Op> mlir::Value compute(mlir::Value x, mlir::Value y);
  mlir::Value loadAt(mlir::Value buffer, mlir::Value where, mlir::Type type);
  /// The lane that `index` is, if it is one and runs stay together across multiples of all of `sizes`.
  std::optional<Lane> laneOf(mlir::Value index, llvm::ArrayRef<int64_t> sizes = {}) const;
  /// `index` - `start`, kept in [0, size): where a part is read that may not be there. Runs stay together.
  mlir::Value shiftInto(mlir::Value index, int64_t start, int64_t size);
  void delinearize(mlir::Value linear, llvm::ArrayRef<int64_t> shape, llvm::SmallVectorImpl<mlir::Value> &indices);
  mlir::Value linearize(llvm::ArrayRef<mlir::Value> indices, llvm::ArrayRef<int64_t> shape);

  mlir::OpBuilder &builder;
  int64_t rows, cols;
  int64_t columnBegin = 0, columnEnd;
  const llvm::DenseMap<mlir::Value, mlir::Value> &buffers;
  ElementMemory *memory;
  int64_t laneCount = 1;
  llvm::DenseMap<mlir::Value, Lane> lanes;
  std::vector<Scope> scopes;
  mlir::Location loc = mlir::UnknownLoc::get(builder.getContext());
};

/// Whether the parts of a concatenation are runs of the columns of a kernel with `cols` columns.
bool joinsColumns(ConcatOp op, int64_t cols);

/// The type of an element in memory: i8 for i1, else the type itself.
mlir::Type storageType(mlir::Type elementType);

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_ELEMENTEMITTER_H
