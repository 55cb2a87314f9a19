//===- KernelBuilder.cpp - The parts of which GPU kernels are made --------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/cuda/KernelBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace weft;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

//===----------------------------------------------------------------------===//
// Global memory
//===----------------------------------------------------------------------===//

/// PTX's state space of what kernels share with the host.
static constexpr unsigned globalSpace = 1;
/// And of a block's own memory.
static constexpr unsigned sharedSpace = 3;
/// Bytes of one access at most.
static constexpr int64_t accessBytes = 16;

Value DeviceMemory::address(OpBuilder &builder, Value buffer, Value index, Type type) {
  Location loc = buffer.getLoc();
  Value offset = arith::IndexCastOp::create(builder, loc, offsetType, index);
  return LLVM::GEPOp::create(builder, loc, buffer.getType(), type, buffer, ArrayRef<LLVM::GEPArg>{offset},
                             LLVM::GEPNoWrapFlags::inbounds);
}

Value DeviceMemory::load(OpBuilder &builder, Value buffer, Value index, Type type) {
  return LLVM::LoadOp::create(builder, buffer.getLoc(), type, address(builder, buffer, index, type));
}

void DeviceMemory::store(OpBuilder &builder, Value element, Value buffer, Value index) {
  LLVM::StoreOp::create(builder, buffer.getLoc(), element, address(builder, buffer, index, element.getType()));
}

/// How many elements of a run go into one access.
static int64_t elementsOfAccess(Type type, int64_t count) { return std::min(count, accessBytes / elementBytes(type)); }

void DeviceMemory::enterRun(Value linear, Value column, int64_t pass, bool last) {
  kept.linear = linear, kept.column = column, kept.pass = pass, kept.last = last;
}

static SmallVector<Value> loadElements(OpBuilder &builder, Value first, Type type, int64_t count) {
  Location loc = first.getLoc();
  int64_t each = elementsOfAccess(type, count);
  SmallVector<Value> elements;
  for (int64_t at = 0; at < count; at += each) {
    Value pointer =
        LLVM::GEPOp::create(builder, loc, first.getType(), type, first,
                            ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(at)}, LLVM::GEPNoWrapFlags::inbounds);
    Value run = LLVM::LoadOp::create(builder, loc, VectorType::get({each}, type), pointer, each * elementBytes(type));
    for (int64_t i = 0; i < each; ++i)
      elements.push_back(vector::ExtractOp::create(builder, loc, run, i));
  }
  return elements;
}

SmallVector<Value> DeviceMemory::loadRun(OpBuilder &builder, Value buffer, Value base, Type type, int64_t count) {
  Value first = address(builder, buffer, base, type);
  if (!kept.memory || base != kept.linear)
    return loadElements(builder, first, type, count);
  auto [place, isNew] = kept.operands.try_emplace(buffer, std::pair(kept.used, kept.pass));
  auto [offset, pass] = place->second;
  if (isNew)
    kept.used += kept.cols * elementBytes(type);
  Value row = LLVM::GEPOp::create(builder, buffer.getLoc(), kept.memory.getType(), builder.getI8Type(), kept.memory,
                                  ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(offset)}, LLVM::GEPNoWrapFlags::inbounds);
  if (pass < kept.pass)
    return loadElements(builder, address(builder, row, kept.column, type), type, count);
  SmallVector<Value> elements = loadElements(builder, first, type, count);
  if (!kept.last)
    storeRun(builder, elements, row, kept.column);
  return elements;
}

void DeviceMemory::storeRun(OpBuilder &builder, ArrayRef<Value> elements, Value buffer, Value base) {
  Location loc = buffer.getLoc();
  Type type = elements.front().getType();
  int64_t count = elements.size(), each = elementsOfAccess(type, count);
  Value first = address(builder, buffer, base, type);
  for (int64_t at = 0; at < count; at += each) {
    Value pointer =
        LLVM::GEPOp::create(builder, loc, buffer.getType(), type, first,
                            ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(at)}, LLVM::GEPNoWrapFlags::inbounds);
    Value run = vector::FromElementsOp::create(builder, loc, VectorType::get({each}, type), elements.slice(at, each));
    LLVM::StoreOp::create(builder, loc, run, pointer, each * elementBytes(type));
  }
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

KernelBuilder::KernelBuilder(func::FuncOp source, gpu::GPUModuleOp module, unsigned indexBits, int64_t members)
    : source(source), module(module), info(source), shape(KernelShape::of(source)),
      scratchBytes(kernelScratchBytes(shape)), members(members), builder(source.getContext()),
      loc(UnknownLoc::get(source.getContext())), memory(builder.getIntegerType(indexBits)) {
  assert((members == 1 || scratchBytes == 0) && "members share no memory");
  results = llvm::to_vector(source.getBody().front().getTerminator()->getOperands());
}

void KernelBuilder::emit() {
  switch (info.kind) {
  case exec::KernelKind::flat:
    return emitFlat();
  case exec::KernelKind::row:
    return emitRows();
  case exec::KernelKind::column:
    return emitColumns();
  case exec::KernelKind::scatter:
    return emitScatter();
  }
}

SmallVector<Type> KernelBuilder::parameterTypes() {
  if (members > 1)
    return {LLVM::LLVMPointerType::get(builder.getContext())};
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext(), globalSpace);
  return SmallVector<Type>(source.getNumArguments() + (scratchBytes > 0 ? 1 : 0), pointer);
}

SmallVector<Value> KernelBuilder::arguments() {
  SmallVector<Value> values(function.getArguments());
  if (members == 1)
    return values;
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext(), globalSpace);
  Value parameter = values.front();
  auto count = static_cast<int64_t>(source.getNumArguments());
  Value first = arith::IndexCastOp::create(builder, loc, builder.getI64Type(),
                                           arith::MulIOp::create(builder, loc, blockId(gpu::Dimension::y),
                                                                 arith::ConstantIndexOp::create(builder, loc, count)));
  Value own = LLVM::GEPOp::create(builder, loc, parameter.getType(), pointer, parameter, ArrayRef<LLVM::GEPArg>{first},
                                  LLVM::GEPNoWrapFlags::inbounds);
  values.clear();
  for (int32_t i = 0; i < count; ++i) {
    Value place = LLVM::GEPOp::create(builder, loc, own.getType(), pointer, own, ArrayRef<LLVM::GEPArg>{i},
                                      LLVM::GEPNoWrapFlags::inbounds);
    values.push_back(LLVM::LoadOp::create(builder, loc, pointer, place));
  }
  return values;
}

void KernelBuilder::stage(const KernelStage &stage, llvm::function_ref<void()> body) {
  builder.setInsertionPointToEnd(module.getBody());
  function = gpu::GPUFuncOp::create(builder, loc, source.getSymName().str() + stage.suffix,
                                    builder.getFunctionType(parameterTypes(), {}));
  function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), builder.getUnitAttr());
  SmallVector<int32_t> block(stage.block.begin(), stage.block.end());
  function.setKnownBlockSizeAttr(builder.getDenseI32ArrayAttr(block));
  builder.setInsertionPointToStart(&function.getBody().front());
  SmallVector<Value> addresses = arguments();
  buffers.clear();
  for (auto [from, to] : llvm::zip(source.getArguments(), addresses))
    buffers[from] = to;
  outputs.clear();
  for (int64_t output : info.outputs)
    outputs.push_back(addresses[output]);
  if (scratchBytes > 0)
    scratch = function.getArgument(source.getNumArguments());
  ElementEmitter elements(builder, info.rows, info.cols, buffers, &memory);
  emitter = &elements;
  body();
  gpu::ReturnOp::create(builder, loc);
  emitter = nullptr;
}

Value KernelBuilder::divide(Value x, int64_t y) {
  return y == 1 ? x : Value(arith::DivUIOp::create(builder, loc, x, c(y)));
}
Value KernelBuilder::remainder(Value x, int64_t y) {
  return y == 1 ? c(0) : Value(arith::RemUIOp::create(builder, loc, x, c(y)));
}
Value KernelBuilder::less(Value x, Value y) {
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, x, y);
}
Value KernelBuilder::both(Value x, Value y) {
  return !x ? y : !y ? x : Value(arith::AndIOp::create(builder, loc, x, y));
}
Value KernelBuilder::i32(int64_t value) { return arith::ConstantIntOp::create(builder, loc, value, 32); }
Value KernelBuilder::toI32(Value index) {
  return arith::IndexCastOp::create(builder, loc, builder.getI32Type(), index);
}
Value KernelBuilder::toIndex(Value integer) {
  return arith::IndexCastOp::create(builder, loc, builder.getIndexType(), integer);
}
Value KernelBuilder::threadId(gpu::Dimension dimension) { return gpu::ThreadIdOp::create(builder, loc, dimension); }
Value KernelBuilder::blockId(gpu::Dimension dimension) { return gpu::BlockIdOp::create(builder, loc, dimension); }
void KernelBuilder::barrier() { gpu::BarrierOp::create(builder, loc); }

SmallVector<Value> KernelBuilder::loop(Value from, Value to, Value step, ValueRange carried,
                                       llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto op = scf::ForOp::create(builder, loc, from, to, step, carried);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(op.getBody());
  emitter->enterScope();
  SmallVector<Value> next = body(op.getInductionVar(), op.getRegionIterArgs());
  emitter->leaveScope();
  if (!carried.empty())
    scf::YieldOp::create(builder, loc, next);
  return SmallVector<Value>(op.getResults());
}

SmallVector<Value> KernelBuilder::unrolledLoop(Value from, Value to, int64_t step, int64_t unroll, ValueRange carried,
                                               llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  // Runs of `unroll` steps that all lie before the end.
  Value stride = c(step * unroll), last = arith::SubIOp::create(builder, loc, to, c(step * (unroll - 1)));
  SmallVector<Value> totals = loop(from, last, stride, carried, [&](Value i, ValueRange values) {
    SmallVector<Value> next(values);
    for (int64_t u = 0; u < unroll; ++u)
      next = body(emitter->add(i, u * step), next);
    return next;
  });
  Value span = arith::SubIOp::create(builder, loc, last, from);
  span = arith::MaxSIOp::create(builder, loc, span, c(0));
  Value runs = divide(add(span, c(step * unroll - 1)), step * unroll);
  return loop(add(from, mul(runs, step * unroll)), to, c(step), totals, body);
}

void KernelBuilder::when(Value condition, llvm::function_ref<void()> body) {
  if (!condition)
    return body();
  auto op = scf::IfOp::create(builder, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&op.getThenRegion().front());
  emitter->enterScope();
  body();
  emitter->leaveScope();
}

Value KernelBuilder::shared(int64_t count, Type type) {
  auto space = gpu::AddressSpaceAttr::get(builder.getContext(), gpu::AddressSpace::Workgroup);
  return function.addWorkgroupAttribution(MemRefType::get({count}, type, MemRefLayoutAttrInterface(), space), loc);
}
Value KernelBuilder::sharedLoad(Value buffer, Value index) {
  return memref::LoadOp::create(builder, loc, buffer, index);
}
void KernelBuilder::sharedStore(Value element, Value buffer, Value index) {
  memref::StoreOp::create(builder, loc, element, buffer, index);
}

Value KernelBuilder::keptMemory() {
  OpBuilder::InsertionGuard guard(builder);
  std::string name = function.getName().str() + "_kept";
  auto bytes = LLVM::LLVMArrayType::get(builder.getI8Type(), 0);
  builder.setInsertionPoint(function);
  LLVM::GlobalOp::create(builder, loc, bytes, /*isConstant=*/false, LLVM::Linkage::External, name, Attribute(),
                         /*alignment=*/16, sharedSpace);
  builder.setInsertionPointToStart(&function.getBody().front());
  return LLVM::AddressOfOp::create(builder, loc, LLVM::LLVMPointerType::get(builder.getContext(), sharedSpace), name);
}

Value KernelBuilder::scratchAt(int64_t offset) {
  if (offset == 0)
    return scratch;
  Value bytes = arith::ConstantIntOp::create(builder, loc, offset, 64);
  return LLVM::GEPOp::create(builder, loc, scratch.getType(), builder.getI8Type(), scratch,
                             ArrayRef<LLVM::GEPArg>{bytes}, LLVM::GEPNoWrapFlags::inbounds);
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

Chunk KernelBuilder::chunk(Value row, Value column, Value linear, Value valid, int64_t lanes) {
  if (lanes == 1)
    return {{Position{Position::Full, linear, row, column, {}}}, linear, valid};
  Chunk result{{}, linear, valid};
  for (int64_t i = 0; i < lanes; ++i)
    result.positions.push_back(Position{Position::Full, emitter->lane(linear, i), row, emitter->lane(column, i), {}});
  return result;
}

Chunk KernelBuilder::element(Value row, Value column, Value linear) { return chunk(row, column, linear, {}, 1); }

Value KernelBuilder::stored(Value element) {
  return element.getType().isInteger(1) ? Value(arith::ExtUIOp::create(builder, loc, builder.getI8Type(), element))
                                        : element;
}

void KernelBuilder::storeChunk(ArrayRef<unsigned> which, const Chunk &chunk) {
  std::vector<SmallVector<Value>> elements;
  for (unsigned result : which) {
    elements.emplace_back();
    for (const Position &position : chunk.positions)
      elements.back().push_back(stored(emitter->emit(results[result], position)));
  }
  when(chunk.valid, [&] {
    for (auto [result, values] : llvm::zip(which, elements)) {
      if (values.size() == 1)
        memory.store(builder, values.front(), outputs[result], chunk.linear);
      else
        memory.storeRun(builder, values, outputs[result], chunk.linear);
    }
  });
}

void KernelBuilder::storeRow(ArrayRef<unsigned> which, Value row, Value condition) {
  if (which.empty())
    return;
  when(condition, [&] {
    SmallVector<Value> elements;
    for (unsigned result : which)
      elements.push_back(stored(emitter->emit(results[result], Position{Position::Row, {}, row, {}, {}})));
    for (auto [result, element] : llvm::zip(which, elements))
      memory.store(builder, element, outputs[result], row);
  });
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

Type KernelBuilder::carried(ReduceOp reduce) { return carriedType(typeOf(reduce.getResult()).getElementType()); }

SmallVector<Value> KernelBuilder::identities(ArrayRef<ReduceOp> reductions, int64_t times) {
  SmallVector<Value> initial;
  for (ReduceOp reduce : reductions)
    initial.append(times, identity(reduce.getKind(), carried(reduce)));
  return initial;
}

SmallVector<Value> KernelBuilder::accumulate(ArrayRef<ReduceOp> reductions, ValueRange totals, const Chunk &chunk) {
  SmallVector<Value> next;
  for (auto [reduction, total] : llvm::zip(reductions, totals)) {
    ReduceOp reduce = reduction;
    Value sum = total;
    for (const Position &position : chunk.positions) {
      Value element = widen(emitter->emit(reduce.getInput(), position));
      if (chunk.valid)
        element =
            arith::SelectOp::create(builder, loc, chunk.valid, element, identity(reduce.getKind(), element.getType()));
      sum = combine(reduce.getKind(), sum, element);
    }
    next.push_back(sum);
  }
  return next;
}

Value KernelBuilder::shuffle(Value value, int64_t offset) {
  Type type = value.getType(), word = builder.getI32Type();
  unsigned width = type.getIntOrFloatBitWidth();
  auto exchange = [&](Value part) -> Value {
    return gpu::ShuffleOp::create(builder, loc, part, static_cast<int32_t>(offset), /*width=*/32, gpu::ShuffleMode::XOR)
        .getShuffleResult();
  };
  if (width == 32)
    return exchange(value);
  Type bits = builder.getIntegerType(width);
  if (type != bits)
    value = arith::BitcastOp::create(builder, loc, bits, value);
  if (width < 32) {
    value = exchange(arith::ExtUIOp::create(builder, loc, word, value));
    value = arith::TruncIOp::create(builder, loc, bits, value);
  } else {
    Value shift = arith::ConstantIntOp::create(builder, loc, 32, 64);
    Value low = exchange(arith::TruncIOp::create(builder, loc, word, value));
    Value high = arith::ShRUIOp::create(builder, loc, value, shift);
    high = exchange(arith::TruncIOp::create(builder, loc, word, high));
    low = arith::ExtUIOp::create(builder, loc, bits, low);
    high = arith::ShLIOp::create(builder, loc, Value(arith::ExtUIOp::create(builder, loc, bits, high)), shift);
    value = arith::OrIOp::create(builder, loc, low, high);
  }
  return type == bits ? value : Value(arith::BitcastOp::create(builder, loc, type, value));
}

SmallVector<Value> KernelBuilder::reduceGroup(ArrayRef<ReduceOp> reductions, ValueRange values, int64_t threads,
                                              Value thread) {
  constexpr int64_t warp = 32;
  auto butterfly = [&](ReduceKind kind, Value value, int64_t width) {
    for (int64_t offset = width / 2; offset > 0; offset /= 2)
      value = combine(kind, value, shuffle(value, offset));
    return value;
  };
  SmallVector<Value> totals;
  for (auto [reduction, value] : llvm::zip(reductions, values)) {
    ReduceOp reduce = reduction;
    totals.push_back(butterfly(reduce.getKind(), value, std::min(threads, warp)));
  }
  if (threads <= warp)
    return totals;
  // Every warp's total, and again every warp adds them all up: one barrier.
  int64_t warps = threads / warp;
  Value lane = remainder(thread, warp), number = divide(thread, warp);
  SmallVector<Value> parts;
  for (Value total : totals)
    parts.push_back(shared(warps, total.getType()));
  when(arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, lane, c(0)), [&] {
    for (auto [total, part] : llvm::zip(totals, parts))
      sharedStore(total, part, number);
  });
  barrier();
  Value there = less(lane, c(warps)), from = arith::MinUIOp::create(builder, loc, lane, c(warps - 1));
  for (auto [reduction, total, part] : llvm::zip(reductions, totals, parts)) {
    ReduceOp reduce = reduction;
    Value value = sharedLoad(part, from);
    if (warps < warp)
      value = arith::SelectOp::create(builder, loc, there, value, identity(reduce.getKind(), value.getType()));
    total = butterfly(reduce.getKind(), value, warp);
  }
  return totals;
}
