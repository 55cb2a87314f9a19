//===- KernelBuilder.h - The parts of which GPU kernels are made -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_CUDA_KERNELBUILDER_H
#define WEFT_COMPILER_CODEGEN_CUDA_KERNELBUILDER_H

#include "compiler/codegen/ElementEmitter.h"
#include "compiler/codegen/Kernel.h"
#include "compiler/codegen/cuda/KernelGeometry.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace weft {

/// Global memory: buffers are pointers, of which every one starts at a multiple of 64 bytes.
class DeviceMemory final : public ElementMemory {
public:
  explicit DeviceMemory(mlir::Type offsetType) : offsetType(offsetType) {}
  mlir::Value load(mlir::OpBuilder &builder, mlir::Value buffer, mlir::Value index, mlir::Type type) override;
  void store(mlir::OpBuilder &builder, mlir::Value element, mlir::Value buffer, mlir::Value index) override;
  llvm::SmallVector<mlir::Value> loadRun(mlir::OpBuilder &builder, mlir::Value buffer, mlir::Value base,
                                         mlir::Type type, int64_t count) override;
  /// Stores elements side by side; `base` is a multiple of their number.
  void storeRun(mlir::OpBuilder &builder, llvm::ArrayRef<mlir::Value> elements, mlir::Value buffer, mlir::Value base);
  mlir::Value address(mlir::OpBuilder &builder, mlir::Value buffer, mlir::Value index, mlir::Type type);

  /// From now on runs of a row's operands are also stored in `memory`, of the block, and found there by later passes.
  void keepRows(mlir::Value memory, int64_t cols) { kept.memory = memory, kept.cols = cols; }
  /// A pass over the row comes to the run at `linear` in its operands and at `column` of the row. `last`: none follows.
  void enterRun(mlir::Value linear, mlir::Value column, int64_t pass, bool last);

private:
  /// Where rows are kept: each operand behind the one before, from the pass on that reads it first.
  struct KeptRows {
    mlir::Value memory;
    int64_t cols = 0, used = 0, pass = 0;
    bool last = false;
    mlir::Value linear, column;
    llvm::DenseMap<mlir::Value, std::pair<int64_t, int64_t>> operands; ///< offset in bytes, pass
  };

  mlir::Type offsetType; ///< what indices are on the device: i32 or i64
  KeptRows kept;
};

/// Neighbouring elements that a thread computes together.
struct Chunk {
  llvm::SmallVector<Position> positions;
  mlir::Value linear; ///< where the first one lies
  mlir::Value valid;  ///< whether it is to be stored; null: always
};

/// The sum over a row of what is 0 but where the column is a given one: that element.
struct PickedElement {
  ReduceOp sum;
  mlir::Value column, value; ///< one for each row, broadcast; what is picked of

  /// All such sums in `passes`, which they are taken out of.
  static std::vector<PickedElement> takeFrom(std::map<int64_t, llvm::SmallVector<ReduceOp>> &passes);
};

/// A sum of exp(x - max x), which takes no pass of its own: when a larger x comes, the sum so far is scaled.
struct RunningSum {
  ReduceOp max, sum;
  int64_t place; ///< of the maximum among the reductions of its pass

  /// The first such sum in `passes`, which it is taken out of.
  static std::optional<RunningSum> takeFrom(std::map<int64_t, llvm::SmallVector<ReduceOp>> &passes);
};

/// Builds the functions of one kernel, one for each stage, with what is common to the kinds of kernels.
class KernelBuilder {
public:
  /// With several members, `source` is what one of them computes: each has a row of blocks, and the addresses of its
  /// arguments are in an array, member after member, which is the functions' only parameter.
  KernelBuilder(mlir::func::FuncOp source, mlir::gpu::GPUModuleOp module, unsigned indexBits, int64_t members = 1);

  void emit();

private:
  using V = mlir::Value;

  // The kinds.
  void emitFlat();
  void emitRows();
  void emitResidentRow(const RowGeometry &g, V row, V thread, V rowValid);
  void emitLoopedRow(const RowGeometry &g, V row, V thread);
  V keptMemory(); ///< the memory that the block is given at launch
  void emitColumns();
  void emitColumnSums(const ColumnGeometry &g);
  void emitPartialColumns(const ColumnGeometry &g);
  int64_t partialColumns(unsigned result); ///< where its partial sums start in the scratch memory
  // ScatterEmitter.cpp
  void emitScatter();
  void emitSortCount(const ScatterGeometry &g, int64_t digit, bool write);
  void emitSortScan(const ScatterGeometry &g);
  void emitPieces(const ScatterGeometry &g);
  void emitScatterSum(const ScatterGeometry &g);
  V scatterKey(V update);
  llvm::SmallVector<V> addUpdates(const ScatterGeometry &g, V from, V head, V gap, V count, V column,
                                  mlir::ValueRange totals);

  /// The types of the functions' parameters, and the arguments of the source in a function that has begun.
  llvm::SmallVector<mlir::Type> parameterTypes();
  llvm::SmallVector<V> arguments();
  /// One stage's function; `body` is emitted into it.
  void stage(const KernelStage &stage, llvm::function_ref<void()> body);

  // Structure.
  V c(int64_t value) { return emitter->index(value); }
  V add(V x, V y) { return emitter->add(x, y); }
  V mul(V x, int64_t y) { return emitter->mul(x, y); }
  V divide(V x, int64_t y);
  V remainder(V x, int64_t y);
  V less(V x, V y);
  V both(V x, V y); ///< either may be null: true
  V i32(int64_t value);
  V toI32(V index);
  V toIndex(V integer);
  V threadId(mlir::gpu::Dimension dimension = mlir::gpu::Dimension::x);
  V blockId(mlir::gpu::Dimension dimension = mlir::gpu::Dimension::x);
  void barrier();
  /// A loop with a scope of its own; `body` gets the index and the carried values and returns their next ones.
  llvm::SmallVector<V> loop(V from, V to, V step, mlir::ValueRange carried,
                            llvm::function_ref<llvm::SmallVector<V>(V, mlir::ValueRange)> body);
  /// The same with `unroll` steps in the body of a first loop, so that their loads are under way together.
  llvm::SmallVector<V> unrolledLoop(V from, V to, int64_t step, int64_t unroll, mlir::ValueRange carried,
                                    llvm::function_ref<llvm::SmallVector<V>(V, mlir::ValueRange)> body);
  void when(V condition, llvm::function_ref<void()> body);
  /// Memory of the block.
  V shared(int64_t count, mlir::Type type);
  V sharedLoad(V buffer, V index);
  void sharedStore(V element, V buffer, V index);
  /// Scratch memory from a byte offset on.
  V scratchAt(int64_t offset);
  V globalLoad(V buffer, V index, mlir::Type type) { return memory.load(builder, buffer, index, type); }
  void globalStore(V element, V buffer, V index) { memory.store(builder, element, buffer, index); }

  // Elements.
  Chunk chunk(V row, V column, V linear, V valid, int64_t lanes);
  Chunk element(V row, V column, V linear);
  /// All elements of a chunk are computed before one is stored: a result may lie over an operand.
  void storeChunk(llvm::ArrayRef<unsigned> which, const Chunk &chunk);
  V stored(V element); ///< as it lies in memory
  void storeRow(llvm::ArrayRef<unsigned> which, V row, V condition);

  // Reductions.
  V identity(ReduceKind kind, mlir::Type type) { return reductionIdentity(builder, loc, kind, type); }
  V combine(ReduceKind kind, V total, V element) {
    return combineElements(builder, loc, kind, total, element, /*reassociate=*/false);
  }
  V widen(V value) { return widenElement(builder, loc, value); }
  V narrow(V value, mlir::Type type) { return narrowElement(builder, loc, value, type); }
  static mlir::Type carried(ReduceOp reduce);
  /// The value of the lane that differs in the bits of `offset`.
  V shuffle(V value, int64_t offset);
  /// Reduces over groups of `threads` threads: a power of two within a warp, or the block. Every thread gets the total.
  llvm::SmallVector<V> reduceGroup(llvm::ArrayRef<ReduceOp> reductions, mlir::ValueRange values, int64_t threads,
                                   V thread);
  /// The totals with a chunk's elements.
  llvm::SmallVector<V> accumulate(llvm::ArrayRef<ReduceOp> reductions, mlir::ValueRange totals, const Chunk &chunk);
  llvm::SmallVector<V> identities(llvm::ArrayRef<ReduceOp> reductions, int64_t times = 1);
  // RowPatterns.cpp
  V pick(const PickedElement &element, V row, V start); ///< `start`: where the row lies
  V addRunning(const RunningSum &running, V before, V now, V sum, const Chunk &run);

  mlir::func::FuncOp source;
  mlir::gpu::GPUModuleOp module;
  KernelInfo info;
  KernelShape shape;
  int64_t scratchBytes, members;
  mlir::OpBuilder builder;
  mlir::Location loc;
  DeviceMemory memory;
  llvm::DenseMap<V, V> buffers;
  llvm::SmallVector<V> results, outputs;
  mlir::gpu::GPUFuncOp function;
  V scratch;
  ElementEmitter *emitter = nullptr;
};

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_CUDA_KERNELBUILDER_H
