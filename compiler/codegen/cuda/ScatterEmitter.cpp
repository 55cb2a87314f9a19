//===- ScatterEmitter.cpp - Scatter kernels on a GPU ----------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Updates are sorted by the slice that they go to: a radix sort that keeps the
// order of equal keys, so that every slice adds up its updates in program order.
// Nothing is added atomically.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/cuda/KernelBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace weft;

static constexpr int64_t warp = 32, sortWarps = sortThreads / warp, sortRounds = sortTile / sortThreads;
/// Updates that a thread reads at once.
static constexpr int64_t unrollUpdates = 4;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

void KernelBuilder::emitScatter() {
  std::vector<KernelStage> stages = kernelStages(shape);
  if (stages.empty())
    return;
  ScatterGeometry g = scatterGeometry(shape);
  size_t next = 0;
  for (int64_t digit = 0; digit < g.digits; ++digit) {
    stage(stages[next++], [&] { emitSortCount(g, digit, /*write=*/false); });
    stage(stages[next++], [&] { emitSortScan(g); });
    stage(stages[next++], [&] { emitSortCount(g, digit, /*write=*/true); });
  }
  if (!g.direct)
    stage(stages[next++], [&] { emitPieces(g); });
  stage(stages[next++], [&] { emitScatterSum(g); });
}

/// The slice, counted over all dimensions up to the axis, that an update goes to (i32); one more than there are if the
/// index is out of range.
Value KernelBuilder::scatterKey(Value update) {
  Value target = results.front();
  ScatterSource scatter(target.getDefiningOp());
  int64_t slices = typeOf(target).getDimSize(scatter.axis), count = typeOf(scatter.indices).getNumElements();
  Value which = shape.rows == count ? update : remainder(update, count);
  Value taken = emitter->emit(scatter.indices, Position{Position::Flat, which, {}, {}, {}});
  Type i64 = builder.getI64Type();
  if (taken.getType() != i64)
    taken = arith::ExtSIOp::create(builder, loc, i64, taken);
  Value limit = arith::ConstantIntOp::create(builder, loc, slices, 64);
  Value inside = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, taken, limit);
  Value slice = toIndex(taken);
  if (shape.rows != count)
    slice = add(mul(divide(update, count), slices), slice);
  return toI32(arith::SelectOp::create(builder, loc, inside, slice, c(shape.bins)));
}

void KernelBuilder::emitSortCount(const ScatterGeometry &g, int64_t digit, bool write) {
  Type i32Type = builder.getI32Type();
  int64_t values = int64_t(1) << g.digitBits;
  Value thread = threadId(), tile = blockId(), lane = remainder(thread, warp), number = divide(thread, warp);
  Value counters = shared(sortWarps * values, i32Type);
  loop(thread, c(sortWarps * values), c(sortThreads), {}, [&](Value i, ValueRange) {
    sharedStore(i32(0), counters, i);
    return SmallVector<Value>();
  });
  if (digit == 0 && !write) {
    // Slices without updates stay empty.
    Value begins = scratchAt(g.begins), ends = scratchAt(g.ends);
    loop(add(mul(tile, sortThreads), thread), c(shape.bins), c(g.sortTiles * sortThreads), {},
         [&](Value bin, ValueRange) {
           globalStore(i32(0), begins, bin);
           globalStore(i32(0), ends, bin);
           return SmallVector<Value>();
         });
  }
  barrier();
  // A warp has a run of the tile; in every round it takes 32 neighbours and counts those of one value before each.
  auto syncWarp = [&] { NVVM::SyncWarpOp::create(builder, loc, i32(-1)); };
  Value earlier =
      arith::SubIOp::create(builder, loc, Value(arith::ShLIOp::create(builder, loc, i32(1), toI32(lane))), i32(1));
  Value mine = mul(number, values);
  struct Taken {
    Value valid, key, order, digit, rank;
  };
  SmallVector<Taken> taken;
  for (int64_t round = 0; round < sortRounds; ++round) {
    Value at = add(add(mul(tile, sortTile), mul(number, sortTile / sortWarps)), emitter->add(lane, round * warp));
    Taken t;
    t.valid = less(at, c(shape.rows));
    at = arith::MinUIOp::create(builder, loc, at, c(shape.rows - 1));
    t.key = digit == 0 ? scatterKey(at) : globalLoad(scratchAt(g.keys[(digit - 1) % 2]), at, i32Type);
    t.order = digit == 0 ? toI32(at) : globalLoad(scratchAt(g.order[(digit - 1) % 2]), at, i32Type);
    Value bits = arith::ShRUIOp::create(builder, loc, t.key, i32(digit * g.digitBits));
    bits = arith::AndIOp::create(builder, loc, bits, i32(values - 1));
    t.digit = toIndex(bits);
    Value matched = arith::SelectOp::create(builder, loc, t.valid, bits, i32(values));
    Value peers = NVVM::MatchSyncOp::create(builder, loc, i32Type, i32(-1), matched, NVVM::MatchSyncKind::any);
    Value before = LLVM::CtPopOp::create(builder, loc, Value(arith::AndIOp::create(builder, loc, peers, earlier)));
    Value place = add(mine, t.digit), known = sharedLoad(counters, place);
    t.rank = arith::AddIOp::create(builder, loc, known, before);
    syncWarp();
    Value first = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, before, i32(0));
    when(both(first, t.valid), [&] {
      Value all = LLVM::CtPopOp::create(builder, loc, peers);
      sharedStore(arith::AddIOp::create(builder, loc, known, all), counters, place);
    });
    syncWarp();
    taken.push_back(t);
  }
  barrier();
  // Warps after one another: a thread to each value of the digit.
  Value offsets = scratchAt(g.histogram);
  when(values == sortThreads ? Value() : less(thread, c(values)), [&] {
    Value running = i32(0);
    for (int64_t w = 0; w < sortWarps; ++w) {
      Value place = add(thread, c(w * values)), count = sharedLoad(counters, place);
      sharedStore(running, counters, place);
      running = arith::AddIOp::create(builder, loc, running, count);
    }
    if (!write)
      globalStore(running, offsets, add(mul(thread, g.sortTiles), tile));
  });
  if (!write)
    return;
  barrier();
  Value keys = scratchAt(g.keys[digit % 2]), order = scratchAt(g.order[digit % 2]);
  for (const Taken &t : taken)
    when(t.valid, [&] {
      Value base = globalLoad(offsets, add(mul(t.digit, g.sortTiles), tile), i32Type);
      Value inTile = arith::AddIOp::create(builder, loc, sharedLoad(counters, add(mine, t.digit)), t.rank);
      Value to = toIndex(arith::AddIOp::create(builder, loc, base, inTile));
      globalStore(t.key, keys, to);
      globalStore(t.order, order, to);
    });
}

/// Counts of (value, tile) to what lies before each: one block, every thread a run of them.
void KernelBuilder::emitSortScan(const ScatterGeometry &g) {
  Type i32Type = builder.getI32Type();
  int64_t count = (int64_t(1) << g.digitBits) * g.sortTiles, each = llvm::divideCeil(count, scanThreads);
  Value thread = threadId(), lane = remainder(thread, warp), number = divide(thread, warp);
  Value histogram = scratchAt(g.histogram);
  Value from = mul(thread, each);
  Value to = arith::MinSIOp::create(builder, loc, emitter->add(from, each), c(count));
  Value sum = loop(from, to, c(1), ValueRange{i32(0)}, [&](Value i, ValueRange values) {
                Value next = globalLoad(histogram, i, i32Type);
                return SmallVector<Value>{arith::AddIOp::create(builder, loc, values[0], next)};
              }).front();
  auto scanWarp = [&](Value value) {
    for (int64_t offset = 1; offset < warp; offset *= 2) {
      Value below = gpu::ShuffleOp::create(builder, loc, value, offset, warp, gpu::ShuffleMode::UP).getShuffleResult();
      Value more = arith::AddIOp::create(builder, loc, value, below);
      value = arith::SelectOp::create(builder, loc, less(lane, c(offset)), value, more);
    }
    return value;
  };
  Value upToHere = scanWarp(sum), sums = shared(scanThreads / warp, i32Type);
  when(arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, lane, c(warp - 1)),
       [&] { sharedStore(upToHere, sums, number); });
  barrier();
  Value warps = scanWarp(sharedLoad(sums, lane));
  Value previous =
      arith::MaxSIOp::create(builder, loc, arith::SubIOp::create(builder, loc, toI32(number), i32(1)), i32(0));
  auto fromLane = gpu::ShuffleModeAttr::get(builder.getContext(), gpu::ShuffleMode::IDX);
  Value before = gpu::ShuffleOp::create(builder, loc, warps, previous, i32(warp), fromLane).getShuffleResult();
  Value isFirst = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, number, c(0));
  before = arith::SelectOp::create(builder, loc, isFirst, i32(0), before);
  Value running = arith::SubIOp::create(builder, loc, arith::AddIOp::create(builder, loc, before, upToHere), sum);
  loop(from, to, c(1), ValueRange{running}, [&](Value i, ValueRange values) {
    Value next = globalLoad(histogram, i, i32Type);
    globalStore(values[0], histogram, i);
    return SmallVector<Value>{arith::AddIOp::create(builder, loc, values[0], next)};
  });
}

/// The first `count` of the sorted updates from `from` on, combined with `totals` lane by lane. Those beyond the first
/// `head` lie `gap` further.
SmallVector<Value> KernelBuilder::addUpdates(const ScatterGeometry &g, Value from, Value head, Value gap, Value count,
                                             Value column, ValueRange totals) {
  ScatterSource scatter(results.front().getDefiningOp());
  Value order = scratchAt(g.order[(g.digits - 1) % 2]);
  return unrolledLoop(c(0), count, 1, unrollUpdates, totals, [&](Value i, ValueRange values) {
    Value at = add(from, i);
    if (head)
      at = arith::SelectOp::create(builder, loc, less(i, head), at, add(at, gap));
    Value row = toIndex(globalLoad(order, at, builder.getI32Type()));
    Chunk run = chunk(row, column, add(mul(row, info.cols), column), {}, g.lanes);
    SmallVector<Value> next;
    for (auto [value, position] : llvm::zip(values, run.positions))
      next.push_back(combine(*scatter.combine, value, widen(emitter->emit(scatter.updates, position))));
    return next;
  });
}

void KernelBuilder::emitPieces(const ScatterGeometry &g) {
  ScatterSource scatter(results.front().getDefiningOp());
  if (g.lanes > 1)
    emitter->setLanes(g.lanes);
  Value number = add(mul(blockId(), function.getKnownBlockSize()->front()), threadId());
  Value keys = scratchAt(g.keys[(g.digits - 1) % 2]);
  auto keyAt = [&](Value at) { return globalLoad(keys, at, builder.getI32Type()); };
  auto differ = [&](Value x, Value y) -> Value {
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, x, y);
  };
  // Where the updates of a slice begin and end.
  when(less(number, c(shape.rows)), [&] {
    Value key = keyAt(number), bin = toIndex(key);
    Value kept = less(bin, c(shape.bins));
    Value previous = arith::MaxSIOp::create(builder, loc, arith::SubIOp::create(builder, loc, number, c(1)), c(0));
    Value next = emitter->add(number, 1);
    Value following = arith::MinSIOp::create(builder, loc, next, c(shape.rows - 1));
    Value begins =
        arith::OrIOp::create(builder, loc, differ(keyAt(previous), key),
                             Value(arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, number, c(0))));
    Value ends =
        arith::OrIOp::create(builder, loc, differ(keyAt(following), key),
                             Value(arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, next, c(shape.rows))));
    when(both(kept, begins), [&] { globalStore(toI32(number), scratchAt(g.begins), bin); });
    when(both(kept, ends), [&] { globalStore(toI32(next), scratchAt(g.ends), bin); });
  });
  if (!scatter.combine)
    return;
  // Pieces that belong to one slice altogether.
  when(less(number, c(g.pieces * g.chunks)), [&] {
    Value piece = divide(number, g.chunks), column = mul(remainder(number, g.chunks), g.lanes);
    Value from = mul(piece, scatterPiece), to = emitter->add(from, scatterPiece);
    Value last = arith::MinSIOp::create(builder, loc, arith::SubIOp::create(builder, loc, to, c(1)), c(shape.rows - 1));
    Value whole = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, keyAt(from), keyAt(last));
    Value inside = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sle, to, c(shape.rows));
    when(both(whole, inside), [&] {
      Type type = carriedType(typeOf(results.front()).getElementType());
      SmallVector<Value> totals(g.lanes, identity(*scatter.combine, type));
      totals = addUpdates(g, from, {}, {}, c(scatterPiece), column, totals);
      Value partial = scratchAt(g.partial), at = add(mul(piece, info.cols), column);
      if (g.lanes == 1)
        globalStore(totals[0], partial, at);
      else
        memory.storeRun(builder, totals, partial, at);
    });
  });
}

void KernelBuilder::emitScatterSum(const ScatterGeometry &g) {
  Value target = results.front();
  ScatterSource scatter(target.getDefiningOp());
  Type element = typeOf(target).getElementType(), type = carriedType(element);
  if (g.lanes > 1)
    emitter->setLanes(g.lanes);
  int64_t count = shape.bins * g.chunks, threads = function.getKnownBlockSize()->front();
  Value number = add(mul(blockId(), threads), threadId());
  when(count % threads == 0 ? Value() : less(number, c(count)), [&] {
    Value bin = divide(number, g.chunks), column = mul(remainder(number, g.chunks), g.lanes);
    Value at = add(mul(bin, info.cols), column);
    SmallVector<Value> totals;
    for (int64_t i = 0; i < g.lanes; ++i) {
      Value where = g.lanes == 1 ? at : emitter->lane(at, i);
      totals.push_back(scatter.input ? widen(emitter->emit(scatter.input, Position{Position::Flat, where, {}, {}, {}}))
                                     : Value(arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type))));
    }
    if (g.direct) {
      totals = loop(c(0), c(shape.rows), c(1), totals, [&](Value row, ValueRange values) {
        Value here = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, scatterKey(row), toI32(bin));
        Chunk run = chunk(row, column, add(mul(row, info.cols), column), {}, g.lanes);
        SmallVector<Value> next;
        for (auto [value, position] : llvm::zip(values, run.positions)) {
          Value update = widen(emitter->emit(scatter.updates, position));
          if (scatter.combine)
            update = combine(*scatter.combine, value, update);
          next.push_back(arith::SelectOp::create(builder, loc, here, update, value));
        }
        return next;
      });
    } else {
      Value from = toIndex(globalLoad(scratchAt(g.begins), bin, builder.getI32Type()));
      Value to = toIndex(globalLoad(scratchAt(g.ends), bin, builder.getI32Type()));
      if (scatter.combine) {
        Value firstPiece = divide(emitter->add(from, scatterPiece - 1), scatterPiece);
        Value lastPiece = divide(to, scatterPiece);
        // Before and behind the whole pieces one by one, in one loop; the pieces after them.
        Value begin = arith::MinSIOp::create(builder, loc, mul(firstPiece, scatterPiece), to);
        Value end = arith::MaxSIOp::create(builder, loc, mul(lastPiece, scatterPiece), begin);
        Value head = arith::SubIOp::create(builder, loc, begin, from);
        Value gap = arith::SubIOp::create(builder, loc, end, begin);
        Value count = arith::SubIOp::create(builder, loc, arith::SubIOp::create(builder, loc, to, from), gap);
        totals = addUpdates(g, from, head, gap, count, column, totals);
        Value partial = scratchAt(g.partial);
        totals = loop(firstPiece, lastPiece, c(1), totals, [&](Value piece, ValueRange values) {
          Value place = add(mul(piece, info.cols), column);
          SmallVector<Value> parts;
          if (g.lanes == 1)
            parts.push_back(globalLoad(partial, place, type));
          else
            parts = memory.loadRun(builder, partial, place, type, g.lanes);
          for (auto [part, value] : llvm::zip(parts, values))
            part = combine(*scatter.combine, value, part);
          return parts;
        });
      } else {
        Value any = less(from, to);
        Value last = arith::MaxSIOp::create(builder, loc, arith::SubIOp::create(builder, loc, to, c(1)), c(0));
        Value order = scratchAt(g.order[(g.digits - 1) % 2]);
        Value row = toIndex(globalLoad(order, last, builder.getI32Type()));
        Chunk run = chunk(row, column, add(mul(row, info.cols), column), {}, g.lanes);
        for (auto [total, position] : llvm::zip(totals, run.positions))
          total = arith::SelectOp::create(builder, loc, any, widen(emitter->emit(scatter.updates, position)), total);
      }
    }
    for (Value &total : totals)
      total = stored(narrow(total, element));
    if (g.lanes == 1)
      globalStore(totals[0], outputs.front(), at);
    else
      memory.storeRun(builder, totals, outputs.front(), at);
  });
}
