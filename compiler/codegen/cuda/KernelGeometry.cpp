//===- KernelGeometry.cpp - How a kernel is laid over a GPU ---------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/cuda/KernelGeometry.h"
#include "compiler/codegen/Kernel.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <numeric>

using namespace mlir;
using namespace weft;
using exec::KernelKind;
using llvm::divideCeil;

/// One access of a thread.
static constexpr int64_t accessBytes = 16;
static constexpr int64_t warp = 32, flatThreads = 256, columnThreads = 256, rowThreads = 128;
/// Columns of a resident row that a thread of a warp, or of a block, holds: what fits into registers with several
/// operands.
static constexpr int64_t warpColumns = 32, blockColumns = 16;
static constexpr int64_t mostBlockThreads = 512, loopThreads = 512;
/// What a block may have of its multiprocessor's memory, at most, less what reductions need (compute capability 8.6
/// and 8.9, which have least: 99 KiB), and what a multiprocessor with most has: more threads than these must not be
/// idle.
static constexpr int64_t mostKeptBytes = (99 << 10) - 768, multiprocessorBytes = 227 << 10, keptThreads = 1024;
/// Rows that a thread of a column kernel adds up at least, if there are that many, and the blocks that are enough to
/// fill any GPU.
static constexpr int64_t columnRows = 16, columnBlocks = 1024;
/// Updates of a scatter that every thread looks at by itself.
static constexpr int64_t directUpdates = 32;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static KernelShape shapeOf(KernelKind kind, int64_t rows, int64_t cols, Block &body) {
  KernelShape shape;
  shape.kind = kind;
  shape.rows = rows;
  shape.cols = cols;
  shape.narrowest = 8;
  int64_t bytesOf[9] = {};
  auto results = body.getTerminator()->getOperands();
  auto consider = [&](Value value) {
    RankedTensorType type = typeOf(value);
    if (2 * type.getNumElements() < rows * cols)
      return;
    int64_t bytes = elementBytes(type.getElementType());
    shape.narrowest = std::min(shape.narrowest, bytes);
    bytesOf[bytes] += bytes * type.getNumElements();
  };
  for (BlockArgument argument : body.getArguments())
    if (!argument.use_empty()) {
      consider(argument);
      if (typeOf(argument).getNumElements() == rows * cols)
        shape.operands += elementBytes(typeOf(argument).getElementType());
    }
  llvm::for_each(results, consider);
  shape.commonest = std::max_element(std::begin(bytesOf), std::end(bytesOf)) - bytesOf;
  shape.commonest = std::max(shape.commonest, shape.narrowest);
  shape.results = 0;
  for (Value result : results)
    shape.results += elementBytes(carriedType(typeOf(result).getElementType()));
  if (kind == KernelKind::scatter) {
    Value target = results.front();
    ScatterSource scatter(target.getDefiningOp());
    shape.bins = 1;
    for (int64_t size : typeOf(target).getShape().take_front(scatter.axis + 1))
      shape.bins *= size;
    shape.narrowest = elementBytes(typeOf(target).getElementType());
    shape.wide = elementBytes(carriedType(typeOf(target).getElementType()));
  }
  return shape;
}

KernelShape KernelShape::of(exec::FusedOp fused) {
  return shapeOf(fused.getKind(), fused.getRows(), fused.getCols(), fused.getBody().front());
}

KernelShape KernelShape::of(func::FuncOp kernel) {
  KernelInfo info(kernel);
  return shapeOf(info.kind, info.rows, info.cols, kernel.getBody().front());
}

/// Elements of one access, or of two of wide types beside narrow ones.
static int64_t mostLanes(const KernelShape &shape) { return std::clamp<int64_t>(accessBytes / shape.narrowest, 2, 8); }

/// A block's threads for a row that it keeps: enough of them on a multiprocessor, and few steps that are done one by
/// one, after those that are done two at a time.
static int64_t threadsOfKept(int64_t chunks, int64_t keptBytes) {
  int64_t least = std::max<int64_t>(8 * warp, keptThreads * keptBytes / multiprocessorBytes);
  int64_t best = 0, bestCost = 0;
  for (int64_t threads = llvm::alignTo(least, warp); threads <= keptThreads; threads += warp) {
    int64_t pairs = chunks / (2 * threads);
    int64_t cost = threads * (2 * pairs + 2 * divideCeil(chunks - 2 * threads * pairs, threads));
    if (best == 0 || cost < bestCost)
      best = threads, bestCost = cost;
  }
  return best;
}

/// Lanes such that every row is a number of runs.
static int64_t lanesOfRows(const KernelShape &shape) {
  return shape.cols == 0 ? 1 : std::gcd(shape.cols, mostLanes(shape));
}

FlatGeometry weft::flatGeometry(const KernelShape &shape) {
  FlatGeometry g;
  // Neighbouring threads at neighbouring accesses, where most bytes are.
  g.lanes = std::clamp<int64_t>(accessBytes / shape.commonest, 2, 8);
  g.fullChunks = shape.rows * shape.cols / g.lanes;
  return g;
}

RowGeometry weft::rowGeometry(const KernelShape &shape) {
  RowGeometry g;
  g.lanes = lanesOfRows(shape);
  g.chunks = std::max<int64_t>(1, shape.cols / g.lanes);
  if (shape.cols <= warp * warpColumns) {
    // With fewer lanes than it could be, more threads do not help: a warp reads 32 neighbours at once.
    g.threads = std::min<int64_t>(warp, llvm::PowerOf2Ceil(g.chunks));
    g.chunksPerThread = divideCeil(g.chunks, g.threads);
    g.rowsPerBlock = rowThreads / g.threads;
    return g;
  }
  int64_t best = 0;
  for (int64_t each = 1; each * g.lanes <= blockColumns; ++each) {
    int64_t threads = llvm::alignTo(divideCeil(g.chunks, each), warp);
    if (threads < 2 * warp || threads > mostBlockThreads)
      continue;
    // No idle threads first, then a block of about 256.
    int64_t score = (threads * each == g.chunks ? 1000000 : 0) - std::abs(threads - flatThreads);
    if (best == 0 || score > best) {
      best = score;
      g.threads = threads;
      g.chunksPerThread = each;
    }
  }
  if (best != 0)
    return g;
  g.resident = false;
  g.threads = loopThreads;
  if (g.lanes < mostLanes(shape)) {
    g.lanes = mostLanes(shape);
    g.shifted = true;
    g.chunks = 0;
  } else if (shape.operands * shape.cols <= mostKeptBytes) {
    g.keptBytes = shape.operands * shape.cols;
    g.threads = threadsOfKept(g.chunks, g.keptBytes);
  }
  return g;
}

ColumnGeometry weft::columnGeometry(const KernelShape &shape) {
  ColumnGeometry g;
  g.lanes = lanesOfRows(shape);
  g.chunks = std::max<int64_t>(1, shape.cols / g.lanes);
  g.across = std::min<int64_t>(warp, llvm::PowerOf2Ceil(g.chunks));
  g.down = columnThreads / g.across;
  g.tiles = divideCeil(g.chunks, g.across);
  int64_t most = std::max<int64_t>(1, shape.rows / (g.down * columnRows));
  g.rowBlocks = std::clamp<int64_t>(columnBlocks / g.tiles, 1, most);
  g.rowsPerBlock = llvm::alignTo(divideCeil(std::max<int64_t>(1, shape.rows), g.rowBlocks), g.down);
  g.rowBlocks = std::max<int64_t>(1, divideCeil(shape.rows, g.rowsPerBlock));
  return g;
}

ScatterGeometry weft::scatterGeometry(const KernelShape &shape) {
  ScatterGeometry g;
  g.lanes = lanesOfRows(shape);
  g.chunks = shape.cols / g.lanes;
  if (shape.rows <= directUpdates) {
    g.direct = true;
    return g;
  }
  // A key more than there are slices: that of an index out of range, which is left out.
  int64_t bits = llvm::Log2_64_Ceil(shape.bins + 1);
  g.digits = std::max<int64_t>(1, divideCeil(bits, 8));
  g.digitBits = divideCeil(bits, g.digits);
  g.sortTiles = divideCeil(shape.rows, sortTile);
  g.pieces = divideCeil(shape.rows, scatterPiece);
  int64_t offset = 0;
  auto place = [&](int64_t bytes) {
    int64_t at = offset;
    offset += llvm::alignTo(bytes, 64);
    return at;
  };
  for (int i : {0, 1}) {
    g.keys[i] = place(4 * shape.rows);
    g.order[i] = place(4 * shape.rows);
  }
  g.histogram = place(4 * (int64_t(1) << g.digitBits) * g.sortTiles);
  g.begins = place(4 * shape.bins);
  g.ends = place(4 * shape.bins);
  g.partial = offset;
  return g;
}

int64_t weft::kernelScratchBytes(const KernelShape &shape) {
  if (shape.rows == 0 || shape.cols == 0)
    return 0;
  switch (shape.kind) {
  case KernelKind::flat:
  case KernelKind::row:
    return 0;
  case KernelKind::column: {
    ColumnGeometry g = columnGeometry(shape);
    return g.rowBlocks == 1 ? 0 : g.rowBlocks * shape.cols * shape.results;
  }
  case KernelKind::scatter: {
    ScatterGeometry g = scatterGeometry(shape);
    return g.direct ? 0 : g.partial + g.pieces * shape.cols * shape.wide;
  }
  }
  llvm_unreachable("covered switch");
}

/// A stage of `count` threads in blocks of up to `most`.
static KernelStage linearStage(std::string suffix, int64_t count, int64_t most) {
  int64_t block = std::min<int64_t>(most, llvm::alignTo(count, warp));
  return {std::move(suffix), {static_cast<int64_t>(divideCeil(count, block)), 1, 1}, {block, 1, 1}};
}

static std::vector<KernelStage> scatterStages(const KernelShape &shape) {
  ScatterGeometry g = scatterGeometry(shape);
  KernelStage last = linearStage("_sum", shape.bins * g.chunks, flatThreads);
  if (g.direct)
    return {last};
  std::vector<KernelStage> stages;
  for (int64_t digit = 0; digit < g.digits; ++digit) {
    std::string name = std::to_string(digit);
    stages.push_back({"_count" + name, {g.sortTiles, 1, 1}, {sortThreads, 1, 1}});
    stages.push_back({"_scan" + name, {1, 1, 1}, {scanThreads, 1, 1}});
    stages.push_back({"_sort" + name, {g.sortTiles, 1, 1}, {sortThreads, 1, 1}});
  }
  stages.push_back(linearStage("_pieces", std::max(shape.rows, g.pieces * g.chunks), flatThreads));
  stages.push_back(last);
  return stages;
}

std::vector<KernelStage> weft::kernelStages(const KernelShape &shape) {
  if (shape.kind == KernelKind::scatter) {
    if (shape.cols == 0 || shape.bins == 0)
      return {};
    return scatterStages(shape);
  }
  switch (shape.kind) {
  case KernelKind::flat: {
    if (shape.rows * shape.cols == 0)
      return {};
    FlatGeometry g = flatGeometry(shape);
    bool rest = shape.rows * shape.cols % g.lanes != 0;
    return {linearStage("", g.fullChunks + rest, flatThreads)};
  }
  case KernelKind::row: {
    if (shape.rows == 0)
      return {};
    RowGeometry g = rowGeometry(shape);
    return {{"",
             {static_cast<int64_t>(divideCeil(shape.rows, g.rowsPerBlock)), 1, 1},
             {g.threads * g.rowsPerBlock, 1, 1},
             g.keptBytes}};
  }
  default: {
    if (shape.cols == 0)
      return {};
    ColumnGeometry g = columnGeometry(shape);
    KernelStage sums{g.rowBlocks == 1 ? "" : "_rows", {g.tiles, g.rowBlocks, 1}, {g.across * g.down, 1, 1}};
    if (g.rowBlocks == 1)
      return {sums};
    return {sums, {"_add", {static_cast<int64_t>(divideCeil(shape.cols, warp)), 1, 1}, {columnThreads, 1, 1}}};
  }
  }
}
