//===- LoopEmitter.cpp - Flat, row and column kernels on a GPU ------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/cuda/KernelBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace weft;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Steps of a loop over memory that are under way together.
static constexpr int64_t unrollRows = 4, unrollChunks = 2;

void KernelBuilder::emitFlat() {
  std::vector<KernelStage> stages = kernelStages(shape);
  if (stages.empty())
    return;
  FlatGeometry g = flatGeometry(shape);
  int64_t count = info.rows * info.cols, threads = stages[0].block[0];
  SmallVector<unsigned> all = llvm::to_vector(llvm::seq<unsigned>(0, results.size()));
  stage(stages[0], [&] {
    Value number = add(mul(blockId(), threads), threadId());
    bool exact = g.fullChunks == stages[0].grid[0] * threads;
    when(exact ? Value() : less(number, c(g.fullChunks)), [&] {
      emitter->setLanes(g.lanes);
      Chunk run{{}, mul(number, g.lanes), {}};
      for (int64_t i = 0; i < g.lanes; ++i)
        run.positions.push_back(Position{Position::Flat, emitter->lane(run.linear, i), {}, {}, {}});
      storeChunk(all, run);
    });
    if (count % g.lanes == 0)
      return;
    Value rest = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, number, c(g.fullChunks));
    when(rest, [&] {
      loop(c(g.fullChunks * g.lanes), c(count), c(1), {}, [&](Value i, ValueRange) {
        storeChunk(all, Chunk{{Position{Position::Flat, i, {}, {}, {}}}, i, {}});
        return SmallVector<Value>();
      });
    });
  });
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

void KernelBuilder::emitRows() {
  std::vector<KernelStage> stages = kernelStages(shape);
  if (stages.empty())
    return;
  RowGeometry g = rowGeometry(shape);
  stage(stages[0], [&] {
    if (g.lanes > 1)
      emitter->setLanes(g.lanes);
    Value thread = threadId(), row = blockId(), rowValid;
    if (g.rowsPerBlock > 1) {
      row = add(mul(row, g.rowsPerBlock), divide(thread, g.threads));
      thread = remainder(thread, g.threads);
      // All lanes of a warp take part in shuffles: those without a row compute the last one again.
      if (info.rows % g.rowsPerBlock != 0) {
        rowValid = less(row, c(info.rows));
        row = arith::MinUIOp::create(builder, loc, row, c(info.rows - 1));
      }
    }
    if (g.resident)
      emitResidentRow(g, row, thread, rowValid);
    else
      emitLoopedRow(g, row, thread);
  });
}

void KernelBuilder::emitResidentRow(const RowGeometry &g, Value row, Value thread, Value rowValid) {
  SmallVector<unsigned> full, perRow;
  for (auto [i, result] : llvm::enumerate(results))
    (typeOf(result).getNumElements() == info.rows * info.cols && !isRowValue(result, info.cols) ? full : perRow)
        .push_back(i);
  // What is emitted for a chunk is remembered: a row is read once, and later passes find it in registers.
  SmallVector<Chunk> chunks;
  Value start = mul(row, info.cols);
  for (int64_t i = 0; i < g.chunksPerThread && info.cols > 0; ++i) {
    Value number = emitter->add(thread, i * g.threads), valid;
    if ((i + 1) * g.threads > g.chunks) {
      valid = less(number, c(g.chunks));
      number = arith::MinUIOp::create(builder, loc, number, c(g.chunks - 1));
    }
    Value column = mul(number, g.lanes);
    chunks.push_back(chunk(row, column, add(start, column), valid, g.lanes));
  }
  Position atRow{Position::Row, {}, row, {}, {}};
  for (auto &[pass, reductions] : reductionPasses(source)) {
    SmallVector<Value> totals = identities(reductions);
    for (const Chunk &each : chunks)
      totals = accumulate(reductions, totals, each);
    totals = reduceGroup(reductions, totals, g.threads, thread);
    for (auto [reduction, total] : llvm::zip(reductions, totals)) {
      ReduceOp reduce = reduction;
      emitter->bind(reduce.getResult(), atRow, narrow(total, typeOf(reduce.getResult()).getElementType()));
    }
  }
  if (!full.empty())
    for (Chunk &each : chunks) {
      each.valid = both(each.valid, rowValid);
      storeChunk(full, each);
    }
  Value first =
      g.threads == 1 ? Value() : Value(arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, thread, c(0)));
  storeRow(perRow, row, both(first, rowValid));
}

void KernelBuilder::emitLoopedRow(const RowGeometry &g, Value row, Value thread) {
  SmallVector<unsigned> full, perRow;
  for (auto [i, result] : llvm::enumerate(results))
    (typeOf(result).getNumElements() == info.rows * info.cols && !isRowValue(result, info.cols) ? full : perRow)
        .push_back(i);
  Value start = mul(row, info.cols), head, count = c(g.chunks), ends;
  if (g.shifted) {
    // Elements before the first run that is aligned in memory, runs, and elements after the last.
    Value past = remainder(start, g.lanes);
    head = remainder(arith::SubIOp::create(builder, loc, c(g.lanes), past), g.lanes);
    Value inside = arith::SubIOp::create(builder, loc, c(info.cols), head);
    count = divide(inside, g.lanes);
    ends = add(head, remainder(inside, g.lanes));
  }
  std::map<int64_t, SmallVector<ReduceOp>> passes = reductionPasses(source);
  std::vector<PickedElement> picked = PickedElement::takeFrom(passes);
  std::optional<RunningSum> running = RunningSum::takeFrom(passes);
  if (g.keptBytes > 0)
    memory.keepRows(keptMemory(), info.cols);
  int64_t pass = 0, last = passes.size() - full.empty();
  auto sweep = [&](ValueRange carried, llvm::function_ref<SmallVector<Value>(const Chunk &, ValueRange)> body) {
    SmallVector<Value> totals = unrolledLoop(
        thread, count, g.threads, unrollChunks, carried, [&](Value number, ValueRange values) -> SmallVector<Value> {
          Value column = mul(number, g.lanes);
          if (!g.shifted) {
            Chunk run = chunk(row, column, add(start, column), {}, g.lanes);
            memory.enterRun(run.linear, column, pass, pass == last);
            return body(run, values);
          }
          column = add(head, column);
          Chunk run{{}, add(start, column), {}};
          for (int64_t i = 0; i < g.lanes; ++i)
            run.positions.push_back(
                Position{Position::Full, emitter->lane(run.linear, i), row, emitter->add(column, i), {}});
          return body(run, values);
        });
    if (!g.shifted)
      return totals;
    return loop(thread, ends, c(g.threads), totals, [&](Value i, ValueRange values) {
      Value behind = add(i, mul(count, g.lanes));
      Value column = arith::SelectOp::create(builder, loc, less(i, head), i, behind);
      return body(element(row, column, add(start, column)), values);
    });
  };
  Position atRow{Position::Row, {}, row, {}, {}};
  auto bind = [&](ReduceOp reduce, Value total) {
    emitter->bind(reduce.getResult(), atRow, narrow(total, typeOf(reduce.getResult()).getElementType()));
  };
  for (const PickedElement &element : picked)
    bind(element.sum, pick(element, row, start));
  for (auto &[number, reductions] : passes) {
    bool runs = running && llvm::is_contained(reductions, running->max);
    SmallVector<ReduceOp> all(reductions);
    if (runs)
      all.push_back(running->sum);
    SmallVector<Value> own = sweep(identities(all), [&](const Chunk &run, ValueRange values) {
      SmallVector<Value> next = accumulate(reductions, values.take_front(reductions.size()), run);
      if (runs)
        next.push_back(addRunning(*running, values[running->place], next[running->place], values.back(), run));
      return next;
    });
    SmallVector<Value> totals =
        reduceGroup(reductions, ValueRange(own).take_front(reductions.size()), g.threads, thread);
    for (auto [reduction, total] : llvm::zip(reductions, totals))
      bind(reduction, total);
    if (runs) {
      Value scaled = addRunning(*running, own[running->place], totals[running->place], own.back(), {});
      bind(running->sum, reduceGroup({running->sum}, scaled, g.threads, thread).front());
    }
    ++pass;
  }
  if (!full.empty())
    sweep({}, [&](const Chunk &run, ValueRange) {
      storeChunk(full, run);
      return SmallVector<Value>();
    });
  storeRow(perRow, row, arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, thread, c(0)));
}

//===----------------------------------------------------------------------===//
// Columns
//===----------------------------------------------------------------------===//

void KernelBuilder::emitColumns() {
  std::vector<KernelStage> stages = kernelStages(shape);
  if (stages.empty())
    return;
  ColumnGeometry g = columnGeometry(shape);
  stage(stages[0], [&] { emitColumnSums(g); });
  if (stages.size() > 1)
    stage(stages[1], [&] { emitPartialColumns(g); });
}

void KernelBuilder::emitColumnSums(const ColumnGeometry &g) {
  SmallVector<ReduceOp> reductions;
  for (Value result : results)
    reductions.push_back(cast<ReduceOp>(result.getDefiningOp()));
  if (g.lanes > 1)
    emitter->setLanes(g.lanes);
  Value thread = threadId(), tile = blockId(gpu::Dimension::x), block = blockId(gpu::Dimension::y);
  Value x = remainder(thread, g.across), y = divide(thread, g.across);
  Value number = add(mul(tile, g.across), x);
  if (g.tiles * g.across > g.chunks)
    number = arith::MinUIOp::create(builder, loc, number, c(g.chunks - 1));
  Value column = mul(number, g.lanes);
  Value first = mul(block, g.rowsPerBlock);
  Value end = arith::MinSIOp::create(builder, loc, emitter->add(first, g.rowsPerBlock), c(info.rows));
  SmallVector<Value> totals = unrolledLoop(
      add(first, y), end, g.down, unrollRows, identities(reductions, g.lanes), [&](Value row, ValueRange values) {
        Chunk run = chunk(row, column, add(mul(row, info.cols), column), {}, g.lanes);
        SmallVector<Value> next;
        for (auto [i, reduction] : llvm::enumerate(reductions)) {
          ReduceOp reduce = reduction;
          for (auto [j, position] : llvm::enumerate(run.positions))
            next.push_back(
                combine(reduce.getKind(), values[i * g.lanes + j], widen(emitter->emit(reduce.getInput(), position))));
        }
        return next;
      });
  // The threads of a column add up in the order of their rows.
  int64_t width = g.across * g.lanes;
  llvm::MapVector<Type, Value> buffer;
  for (auto [i, reduction] : llvm::enumerate(reductions)) {
    ReduceOp reduce = reduction;
    Type type = carried(reduce);
    // One buffer for all sums of a type: however many there are, they fit.
    Value &sums = buffer[type];
    if (sums)
      barrier();
    else
      sums = shared(width * g.down, type);
    Value place = add(mul(y, width), mul(x, g.lanes));
    for (int64_t j = 0; j < g.lanes; ++j)
      sharedStore(totals[i * g.lanes + j], sums, add(place, c(j)));
    barrier();
    Value at = add(mul(tile, width), thread);
    Value there = less(thread, c(width));
    if (g.tiles * width > info.cols)
      there = both(there, less(at, c(info.cols)));
    when(there, [&] {
      Value total = identity(reduce.getKind(), type);
      for (int64_t j = 0; j < g.down; ++j)
        total = combine(reduce.getKind(), total, sharedLoad(sums, add(thread, c(j * width))));
      if (g.rowBlocks == 1)
        globalStore(stored(narrow(total, typeOf(reduce.getResult()).getElementType())), outputs[i], at);
      else
        globalStore(total, scratchAt(partialColumns(i)), add(mul(block, info.cols), at));
    });
  }
}

int64_t KernelBuilder::partialColumns(unsigned result) {
  int64_t offset = 0;
  for (Value before : ArrayRef<Value>(results).take_front(result))
    offset += columnGeometry(shape).rowBlocks * info.cols * elementBytes(carriedType(typeOf(before).getElementType()));
  return offset;
}

void KernelBuilder::emitPartialColumns(const ColumnGeometry &g) {
  constexpr int64_t across = 32, down = 8;
  Value thread = threadId(), x = remainder(thread, across), y = divide(thread, across);
  Value column = add(mul(blockId(), across), x);
  Value inside = arith::MinUIOp::create(builder, loc, column, c(info.cols - 1));
  llvm::MapVector<Type, Value> buffer;
  for (auto [i, result] : llvm::enumerate(results)) {
    auto reduce = cast<ReduceOp>(result.getDefiningOp());
    Type type = carried(reduce);
    Value from = scratchAt(partialColumns(i));
    SmallVector<Value> totals =
        unrolledLoop(y, c(g.rowBlocks), down, unrollRows, identities({reduce}), [&](Value block, ValueRange values) {
          Value part = globalLoad(from, add(mul(block, info.cols), inside), type);
          return SmallVector<Value>{combine(reduce.getKind(), values[0], part)};
        });
    Value &sums = buffer[type];
    if (sums)
      barrier();
    else
      sums = shared(across * down, type);
    sharedStore(totals[0], sums, thread);
    barrier();
    when(both(less(thread, c(across)), less(column, c(info.cols))), [&] {
      Value total = identity(reduce.getKind(), type);
      for (int64_t j = 0; j < down; ++j)
        total = combine(reduce.getKind(), total, sharedLoad(sums, add(thread, c(j * across))));
      globalStore(stored(narrow(total, typeOf(result).getElementType())), outputs[i], column);
    });
  }
}
