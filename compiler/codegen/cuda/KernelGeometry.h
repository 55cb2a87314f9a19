//===- KernelGeometry.h - How a kernel is laid over a GPU -------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Everything here follows from sizes and types alone: not from the GPU, so that
// the order of additions, and with it every bit of a result, is the same on all.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_CUDA_KERNELGEOMETRY_H
#define WEFT_COMPILER_CODEGEN_CUDA_KERNELGEOMETRY_H

#include "dialects/exec/Exec.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <array>
#include <string>
#include <vector>

namespace weft {

/// What the geometry of a kernel depends on.
struct KernelShape {
  exec::KernelKind kind = exec::KernelKind::flat;
  int64_t rows = 1, cols = 1;
  int64_t narrowest = 4; ///< bytes of the narrowest element among values of full size
  int64_t commonest = 4; ///< bytes of the element that most of their bytes belong to
  int64_t operands = 0;  ///< bytes that operands of full size have for one element, added up
  int64_t results = 1;   ///< bytes of one carried element of each reduction, added up (column kernels)
  int64_t bins = 0;      ///< slices that a scatter writes
  int64_t wide = 4;      ///< bytes of the element in which a scatter is carried

  static KernelShape of(exec::FusedOp fused);
  static KernelShape of(mlir::func::FuncOp kernel);
};

/// One launch. All stages of a kernel have the kernel's arguments.
struct KernelStage {
  std::string suffix; ///< appended to the kernel's name
  std::array<int64_t, 3> grid = {1, 1, 1}, block = {1, 1, 1};
  int64_t sharedBytes = 0; ///< of the block's memory that is given at launch
};

struct FlatGeometry {
  int64_t lanes = 1;      ///< consecutive elements of a thread
  int64_t fullChunks = 0; ///< threads with all lanes; what is left is done by one more
};

/// A row belongs to `threads` threads: part of a warp, a warp, or a block.
struct RowGeometry {
  int64_t lanes = 1;
  int64_t threads = 32;
  int64_t rowsPerBlock = 1;
  int64_t chunks = 1;          ///< of `lanes` columns in a row; of a shifted row unknown, 0
  int64_t chunksPerThread = 1; ///< resident rows: chunks of a thread, kept in registers between passes
  bool resident = true;        ///< else every pass reads the row again
  int64_t keptBytes = 0;       ///< not 0: later passes find it in the block's memory
  bool shifted = false;        ///< rows start anywhere: chunks are aligned in memory, ends are done element by element
};

struct ColumnGeometry {
  int64_t lanes = 1;
  int64_t across = 32, down = 8; ///< threads of a block along columns (`lanes` each) and rows
  int64_t chunks = 1, tiles = 1; ///< of the columns, in chunks and in blocks
  int64_t rowsPerBlock = 1, rowBlocks = 1;
};

/// Sorted by slice, by least significant digits first; then added up.
struct ScatterGeometry {
  int64_t lanes = 1, chunks = 1;
  bool direct = false; ///< so few updates that every thread looks at all of them
  int64_t digits = 0, digitBits = 0, sortTiles = 0;
  int64_t pieces = 0; ///< runs of `scatterPiece` sorted updates
  /// Byte offsets in the scratch memory.
  int64_t keys[2], order[2], histogram = 0, begins = 0, ends = 0, partial = 0;
};

/// Updates of one block of the sort, and its threads.
inline constexpr int64_t sortTile = 1024, sortThreads = 256;
/// Sorted updates of one slice that are added up by one thread; longer runs are cut.
inline constexpr int64_t scatterPiece = 64;
/// Threads of a block that adds up offsets.
inline constexpr int64_t scanThreads = 1024;

FlatGeometry flatGeometry(const KernelShape &shape);
RowGeometry rowGeometry(const KernelShape &shape);
ColumnGeometry columnGeometry(const KernelShape &shape);
ScatterGeometry scatterGeometry(const KernelShape &shape);

/// Bytes of memory that a kernel needs between its stages.
int64_t kernelScratchBytes(const KernelShape &shape);
/// The launches of a kernel, in order; none where there is nothing to compute.
std::vector<KernelStage> kernelStages(const KernelShape &shape);

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_CUDA_KERNELGEOMETRY_H
