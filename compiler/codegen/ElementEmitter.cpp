//===- ElementEmitter.cpp - One element of a kernel's value -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/ElementEmitter.h"
#include "dialects/exec/Exec.h"
#include "dialects/weft/Literal.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace weft;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

Type weft::storageType(Type elementType) {
  return elementType.isInteger(1) ? IntegerType::get(elementType.getContext(), 8) : elementType;
}

ElementMemory::~ElementMemory() = default;

SmallVector<Value> ElementMemory::loadRun(OpBuilder &builder, Value buffer, Value base, Type type, int64_t count) {
  SmallVector<Value> elements;
  for (int64_t i = 0; i < count; ++i) {
    Value offset = arith::ConstantIndexOp::create(builder, base.getLoc(), i);
    Value where = arith::AddIOp::create(builder, base.getLoc(), base, offset);
    elements.push_back(load(builder, buffer, where, type));
  }
  return elements;
}

Value ElementEmitter::index(int64_t value) {
  for (Scope &scope : scopes)
    if (auto it = scope.constants.find(value); it != scope.constants.end())
      return it->second;
  return scopes.back().constants[value] = arith::ConstantIndexOp::create(builder, loc, value);
}

template <typename Op> Value ElementEmitter::compute(Value x, Value y) {
  auto key = std::make_tuple(static_cast<const void *>(Op::getOperationName().data()), x.getAsOpaquePointer(),
                             y.getAsOpaquePointer());
  for (Scope &scope : scopes)
    if (auto it = scope.arithmetic.find(key); it != scope.arithmetic.end())
      return it->second;
  return scopes.back().arithmetic[key] = Op::create(builder, loc, x, y);
}

Value ElementEmitter::add(Value x, Value y) { return compute<arith::AddIOp>(x, y); }

Value ElementEmitter::add(Value x, int64_t y) {
  if (y == 0)
    return x;
  if (std::optional<Lane> found = laneOf(x, {y}))
    return lane(add(found->first, index(y)), found->second);
  return add(x, index(y));
}

Value ElementEmitter::mul(Value x, int64_t y) { return y == 1 ? x : compute<arith::MulIOp>(x, index(y)); }

Value ElementEmitter::lane(Value base, int64_t i) {
  // The sum of a base and a lane's number is not made anywhere else: index() constants are remembered apart.
  Value result = add(base, index(i));
  lanes[result] = {base, i};
  return result;
}

std::optional<ElementEmitter::Lane> ElementEmitter::laneOf(Value index, ArrayRef<int64_t> sizes) const {
  auto it = lanes.find(index);
  if (it == lanes.end() || llvm::any_of(sizes, [&](int64_t size) { return size % laneCount != 0; }))
    return std::nullopt;
  return it->second;
}

Value ElementEmitter::shiftInto(Value index, int64_t start, int64_t size) {
  auto shift = [&](Value from, int64_t last) {
    Value shifted = compute<arith::SubIOp>(from, this->index(start));
    return compute<arith::MinSIOp>(compute<arith::MaxSIOp>(shifted, this->index(0)), this->index(last));
  };
  if (std::optional<Lane> found = laneOf(index, {start, size}))
    return lane(shift(found->first, size - laneCount), found->second);
  return shift(index, size - 1);
}

void ElementEmitter::delinearize(Value linear, ArrayRef<int64_t> shape, SmallVectorImpl<Value> &indices) {
  size_t first = indices.size();
  indices.resize(first + shape.size());
  // A run lies in the last dimension, if that is no shorter.
  size_t inner = shape.size();
  while (inner > 0 && shape[inner - 1] == 1)
    --inner;
  std::optional<Lane> run;
  if (inner > 0 && (run = laneOf(linear, {shape[inner - 1]})))
    linear = run->first;
  // From the last dimension: the slowest one needs no remainder.
  int64_t slowest = std::distance(shape.begin(), llvm::find_if(shape, [](int64_t size) { return size != 1; }));
  for (int64_t i = static_cast<int64_t>(shape.size()) - 1; i >= 0; --i) {
    Value &result = indices[first + i];
    if (shape[i] == 1) {
      result = index(0);
      continue;
    }
    if (i == slowest) {
      result = linear;
      // Only dimensions of size 1 are left.
      continue;
    }
    Value size = index(shape[i]);
    result = compute<arith::RemUIOp>(linear, size);
    linear = compute<arith::DivUIOp>(linear, size);
  }
  if (run)
    indices[first + inner - 1] = lane(indices[first + inner - 1], run->second);
}

Value ElementEmitter::linearize(ArrayRef<Value> indices, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides = rowMajorStrides(shape), outer;
  size_t inner = shape.size();
  while (inner > 0 && shape[inner - 1] == 1)
    --inner;
  for (size_t i = 0; i + 1 < inner; ++i)
    if (shape[i] != 1)
      outer.push_back(strides[i]);
  // The elements of a run lie side by side if every row of the last dimension starts at a multiple of it.
  std::optional<Lane> run = inner > 0 ? laneOf(indices[inner - 1], outer) : std::nullopt;
  Value sum;
  for (size_t i = 0; i < inner; ++i) {
    if (shape[i] == 1)
      continue;
    Value term = mul(run && i + 1 == inner ? run->first : indices[i], strides[i]);
    sum = sum ? add(sum, term) : term;
  }
  if (!sum)
    return index(0);
  return run ? lane(sum, run->second) : sum;
}

Value ElementEmitter::linearOf(const Position &position, RankedTensorType type) {
  switch (position.kind) {
  case Position::Flat:
    return position.linear;
  case Position::Full:
    if (position.linear)
      return position.linear;
    if (std::optional<Lane> run = laneOf(position.column, {cols}))
      return lane(add(mul(position.row, cols), run->first), run->second);
    return add(mul(position.row, cols), position.column);
  case Position::Row:
    return position.row;
  case Position::General:
    return linearize(position.indices, type.getShape());
  }
  llvm_unreachable("covered switch");
}

SmallVector<Value> ElementEmitter::indicesOf(const Position &position, RankedTensorType type) {
  SmallVector<Value> indices;
  ArrayRef<int64_t> shape = type.getShape();
  if (position.kind == Position::General)
    return position.indices;
  if (position.kind == Position::Full) {
    // The columns are the last dimensions: rows and columns split without a division across them.
    int64_t product = 1, split = shape.size();
    while (split > 0 && product < cols)
      product *= shape[--split];
    if (product == cols) {
      delinearize(position.row, shape.take_front(split), indices);
      delinearize(position.column, shape.drop_front(split), indices);
      return indices;
    }
  }
  delinearize(linearOf(position, type), shape, indices);
  return indices;
}

ElementEmitter::Key ElementEmitter::keyOf(Value value, const Position &position) const {
  std::vector<const void *> where{reinterpret_cast<const void *>(static_cast<intptr_t>(position.kind))};
  for (Value part : {position.linear, position.row, position.column})
    where.push_back(part ? part.getAsOpaquePointer() : nullptr);
  for (Value part : position.indices)
    where.push_back(part.getAsOpaquePointer());
  return {value.getAsOpaquePointer(), std::move(where)};
}

void ElementEmitter::bind(Value value, const Position &position, Value element) {
  scopes.back().elements[keyOf(value, position)] = element;
}

Value ElementEmitter::emit(Value value, const Position &position) {
  Key key = keyOf(value, position);
  for (Scope &scope : llvm::reverse(scopes))
    if (auto it = scope.elements.find(key); it != scope.elements.end())
      return it->second;
  Value element = emitNew(value, position);
  scopes.back().elements[key] = element;
  return element;
}

Value ElementEmitter::at(Value value, ArrayRef<Value> indices) {
  Position position{Position::General, {}, {}, {}, SmallVector<Value>(indices)};
  return emit(value, position);
}

void ElementEmitter::store(Value element, Value value, Value buffer, const Position &position) {
  if (element.getType().isInteger(1))
    element = arith::ExtUIOp::create(builder, loc, builder.getI8Type(), element);
  Value where = linearOf(position, typeOf(value));
  if (memory)
    memory->store(builder, element, buffer, where);
  else
    memref::StoreOp::create(builder, loc, element, buffer, where);
}

Value ElementEmitter::loadAt(Value buffer, Value where, Type type) {
  if (!memory)
    return memref::LoadOp::create(builder, loc, buffer, where);
  std::optional<Lane> run = laneOf(where);
  if (!run)
    return memory->load(builder, buffer, where, type);
  std::pair<const void *, const void *> key{buffer.getAsOpaquePointer(), run->first.getAsOpaquePointer()};
  for (Scope &scope : scopes)
    if (auto it = scope.runs.find(key); it != scope.runs.end())
      return it->second[run->second];
  SmallVector<Value> elements = memory->loadRun(builder, buffer, run->first, type, laneCount);
  scopes.back().runs[key] = elements;
  return elements[run->second];
}

/// A 16-bit float as f32, by a conversion that does not allow contraction: arithmetic on such floats is done in f32,
/// where a rounding in between may be left out. Whether two values are equal has to mean the same in every kernel.
Value ElementEmitter::asStored(Value element) {
  Type type = element.getType();
  if (!type.isBF16() && !type.isF16())
    return element;
  return arith::ExtFOp::create(builder, loc, builder.getF32Type(), element);
}

Value ElementEmitter::emitNew(Value value, const Position &position) {
  RankedTensorType type = typeOf(value);
  if (auto it = buffers.find(value); it != buffers.end()) {
    Value element = loadAt(it->second, linearOf(position, type), storageType(type.getElementType()));
    if (type.getElementType().isInteger(1))
      element = arith::TruncIOp::create(builder, loc, builder.getI1Type(), element);
    return element;
  }
  Operation *op = value.getDefiningOp();
  assert(op && "a tensor argument without a buffer");
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto splat = cast<SplatElementsAttr>(constant.getValue());
    return arith::ConstantOp::create(builder, loc, cast<TypedAttr>(splat.getSplatValue<Attribute>()));
  }
  if (op->hasTrait<OpTrait::Elementwise>()) {
    // The same op on scalars, at the same position.
    IRMapping scalars;
    bool compared = isa<arith::CmpFOp>(op);
    for (Value operand : op->getOperands()) {
      Value scalar = emit(operand, position);
      scalars.map(operand, compared ? asStored(scalar) : scalar);
    }
    Operation *scalar = builder.clone(*op, scalars);
    scalar->getResult(0).setType(type.getElementType());
    scalar->setLoc(loc);
    return scalar->getResult(0);
  }
  if (isa<exec::MaterializeOp>(op))
    return emit(op->getOperand(0), position);
  if (isa<ReshapeOp>(op)) {
    if (position.kind != Position::General)
      return emit(op->getOperand(0), position);
    // As a flat index: whoever needs the operand's dimensions splits it, and a load does not.
    return emit(op->getOperand(0), Position{Position::Flat, linearOf(position, type), {}, {}, {}});
  }
  if (auto broadcast = dyn_cast<BroadcastOp>(op))
    return emitBroadcast(broadcast, position);
  if (auto random = dyn_cast<RandomOp>(op))
    return emitRandom(random, position);

  SmallVector<Value> indices = indicesOf(position, type);
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](IotaOp iota) -> Value {
        Type element = type.getElementType();
        Value counted = indices[iota.getDim()];
        if (!isa<FloatType>(element))
          return arith::IndexCastOp::create(builder, loc, element, counted);
        counted = arith::IndexCastOp::create(builder, loc, builder.getI64Type(), counted);
        return arith::SIToFPOp::create(builder, loc, element, counted);
      })
      .Case([&](TransposeOp transpose) {
        SmallVector<Value> source(indices.size());
        for (auto [i, from] : llvm::enumerate(transpose.getPerm()))
          source[from] = indices[i];
        return at(transpose.getInput(), source);
      })
      .Case([&](SliceOp slice) {
        for (auto [i, offset, stride] : llvm::zip(indices, slice.getOffsets(), slice.getStrides()))
          i = add(mul(i, stride), offset);
        return at(slice.getInput(), indices);
      })
      .Case([&](GatherOp gather) {
        int64_t axis = gather.getAxis(), rank = typeOf(gather.getIndices()).getRank();
        ArrayRef<Value> all(indices);
        Value taken = at(gather.getIndices(), all.slice(axis, rank));
        SmallVector<Value> source(all.take_front(axis));
        source.push_back(arith::IndexCastOp::create(builder, loc, builder.getIndexType(), taken));
        llvm::append_range(source, all.drop_front(axis + rank));
        return at(gather.getInput(), source);
      })
      .Case([&](ConcatOp concat) { return emitConcat(concat, position, indices); })
      .Case([&](PadOp pad) { return emitPad(pad, indices); })
      .Case([&](RotaryOp rotary) { return emitRotary(rotary, indices); })
      .Case([&](CumsumOp cumsum) { return emitCumsum(cumsum, indices); })
      .Default([&](Operation *unknown) -> Value {
        // Reductions and scatters are bound before they are asked for: weft-form-kernels promises it.
        llvm::report_fatal_error(llvm::Twine("kernel ") + unknown->getParentOfType<func::FuncOp>().getSymName() +
                                 " asks for '" + unknown->getName().getStringRef() +
                                 "' at a position where it is not computed");
      });
}

Value ElementEmitter::emitBroadcast(BroadcastOp op, const Position &position) {
  RankedTensorType type = typeOf(op.getResult()), from = typeOf(op.getInput());
  bool leading = llvm::equal(op.getDims(), llvm::seq<int64_t>(0, op.getDims().size()));
  if (position.kind == Position::Full && leading && from.getNumElements() == rows &&
      type.getNumElements() == rows * cols)
    return emit(op.getInput(), Position{Position::Row, {}, position.row, {}, {}});
  if (from.getNumElements() == 1) {
    SmallVector<Value> zeros(from.getRank(), index(0));
    return at(op.getInput(), zeros);
  }
  SmallVector<Value> indices = indicesOf(position, type), source;
  for (int64_t dim : op.getDims())
    source.push_back(indices[dim]);
  return at(op.getInput(), source);
}

bool weft::joinsColumns(ConcatOp op, int64_t cols) {
  RankedTensorType type = typeOf(op.getResult());
  return static_cast<int64_t>(op.getDim()) == type.getRank() - 1 && type.getShape().back() == cols;
}

Value ElementEmitter::emitConcat(ConcatOp op, const Position &position, ArrayRef<Value> indices) {
  int64_t dim = op.getDim(), start = 0;
  if (RankedTensorType type = typeOf(op.getResult()); type.getNumElements() == 0)
    return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type.getElementType()));
  Value result;
  if (position.kind == Position::Full && joinsColumns(op, cols))
    for (Value input : op.getInputs()) {
      int64_t size = typeOf(input).getDimSize(dim);
      if (start <= columnBegin && columnEnd <= start + size) {
        SmallVector<Value> source(indices);
        source[dim] = arith::SubIOp::create(builder, loc, indices[dim], index(start));
        return at(input, source);
      }
      start += size;
    }
  start = 0;
  for (Value input : op.getInputs()) {
    int64_t size = typeOf(input).getDimSize(dim);
    if (size == 0)
      continue;
    // Every part is read inside its bounds, and one of them is chosen: no branch in the loop.
    SmallVector<Value> source(indices);
    source[dim] = shiftInto(indices[dim], start, size);
    Value element = at(input, source);
    if (result) {
      std::optional<Lane> run = laneOf(indices[dim], {start});
      Value which = run ? run->first : indices[dim];
      Value later = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sge, which, index(start));
      element = arith::SelectOp::create(builder, loc, later, element, result);
    }
    result = element;
    start += size;
  }
  return result;
}

Value ElementEmitter::emitPad(PadOp op, ArrayRef<Value> indices) {
  RankedTensorType from = typeOf(op.getInput());
  Value inside = arith::ConstantIntOp::create(builder, loc, 1, 1);
  if (from.getNumElements() == 0)
    return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(from.getElementType()));
  SmallVector<Value> source;
  for (int64_t i = 0; i < from.getRank(); ++i) {
    Value shifted = arith::SubIOp::create(builder, loc, indices[i], index(op.getLow()[i]));
    auto require = [&](arith::CmpIPredicate predicate, Value value, int64_t bound) {
      Value holds = arith::CmpIOp::create(builder, loc, predicate, value, index(bound));
      inside = arith::AndIOp::create(builder, loc, inside, holds);
    };
    require(arith::CmpIPredicate::sge, shifted, 0);
    int64_t step = op.getInterior()[i] + 1;
    if (step != 1) {
      require(arith::CmpIPredicate::eq, arith::RemSIOp::create(builder, loc, shifted, index(step)), 0);
      shifted = arith::DivSIOp::create(builder, loc, shifted, index(step));
    }
    require(arith::CmpIPredicate::slt, shifted, from.getDimSize(i));
    shifted = arith::MaxSIOp::create(builder, loc, shifted, index(0));
    source.push_back(arith::MinSIOp::create(builder, loc, shifted, index(from.getDimSize(i) - 1)));
  }
  Value element = at(op.getInput(), source);
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element.getType()));
  return arith::SelectOp::create(builder, loc, inside, element, zero);
}

Value ElementEmitter::emitRotary(RotaryOp op, ArrayRef<Value> indices) {
  RankedTensorType table = typeOf(op.getCos());
  int64_t rotated = table.getShape().back(), half = rotated / 2, head = typeOf(op.getInput()).getDimSize(3);
  Value d = indices[3];
  // Data may be narrower than the angles: all is computed in at least f32 and rounded once.
  Type element = typeOf(op.getResult()).getElementType();
  auto widen = [&](Value value) -> Value {
    if (value.getType().getIntOrFloatBitWidth() >= 32)
      return value;
    return arith::ExtFOp::create(builder, loc, builder.getF32Type(), value);
  };
  Value own = at(op.getInput(), indices);
  // Beyond the rotated part only `own` counts; the rest is read inside its bounds all the same.
  // A run of elements turns with a run.
  std::optional<Lane> run = laneOf(d, {half, rotated});
  Value inTable = run ? run->first : d;
  if (rotated != head)
    inTable = compute<arith::MinUIOp>(inTable, index(run ? rotated - laneCount : rotated - 1));
  Value first = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, inTable, index(half));
  // By arithmetic, so that the lanes of a run share it: + half in the first half, - half in the second.
  Value behind = compute<arith::DivUIOp>(inTable, index(half));
  Value partner = compute<arith::SubIOp>(add(inTable, index(half)), mul(behind, 2 * half));
  if (run) {
    inTable = lane(inTable, run->second);
    partner = lane(partner, run->second);
  }
  SmallVector<Value> other(indices);
  other[3] = partner;
  auto entry = [&](Value values, Value column) {
    SmallVector<Value> where{indices[1], column};
    if (table.getRank() == 3)
      where.insert(where.begin(), indices[0]);
    return widen(at(values, where));
  };
  Value turned = widen(at(op.getInput(), other));
  // rot(y)[d] = -y[d+h] in the first half and y[d-h] in the second; its transpose the other way round.
  Value sine = entry(op.getSin(), op.getTransposed() ? partner : inTable);
  turned = arith::MulFOp::create(builder, loc, turned, sine);
  Value minus = arith::NegFOp::create(builder, loc, turned);
  turned = op.getTransposed() ? arith::SelectOp::create(builder, loc, first, turned, minus)
                              : arith::SelectOp::create(builder, loc, first, minus, turned);
  Value cosine = entry(op.getCos(), inTable), straight = arith::MulFOp::create(builder, loc, widen(own), cosine);
  Value result = arith::AddFOp::create(builder, loc, straight, turned);
  if (result.getType() != element)
    result = arith::TruncFOp::create(builder, loc, element, result);
  if (rotated == head)
    return result;
  Value inside = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, d, index(rotated));
  return arith::SelectOp::create(builder, loc, inside, result, own);
}

Value ElementEmitter::emitCumsum(CumsumOp op, ArrayRef<Value> indices) {
  RankedTensorType type = typeOf(op.getInput());
  int64_t dim = op.getDim();
  Value position = indices[dim], lo = index(0), hi = index(type.getDimSize(dim));
  Value next = add(position, index(1));
  (op.getReverse() ? lo : hi) = op.getExclusive() == op.getReverse() ? next : position;
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type.getElementType()));
  auto loop = scf::ForOp::create(builder, loc, lo, hi, index(1), ValueRange{zero});
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  enterScope();
  SmallVector<Value> source(indices);
  source[dim] = loop.getInductionVar();
  Value element = at(op.getInput(), source), sum = loop.getRegionIterArg(0);
  if (isa<FloatType>(type.getElementType()))
    sum = arith::AddFOp::create(builder, loc, sum, element);
  else
    sum = arith::AddIOp::create(builder, loc, sum, element);
  scf::YieldOp::create(builder, loc, sum);
  leaveScope();
  return loop.getResult(0);
}

Value ElementEmitter::emitRandom(RandomOp op, const Position &position) {
  // Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), the first number of the
  // block whose counter is the element's index.
  Type i32 = builder.getI32Type(), i64 = builder.getI64Type();
  auto constant = [&](uint32_t value) -> Value {
    return arith::ConstantIntOp::create(builder, loc, static_cast<int32_t>(value), 32);
  };
  auto low = [&](Value wide) -> Value { return arith::TruncIOp::create(builder, loc, i32, wide); };
  auto high = [&](Value wide) -> Value {
    Value shift = arith::ConstantIntOp::create(builder, loc, 32, 64);
    return low(arith::ShRUIOp::create(builder, loc, wide, shift));
  };
  auto exclusiveOr = [&](Value x, Value y) -> Value { return arith::XOrIOp::create(builder, loc, x, y); };
  RankedTensorType type = typeOf(op.getResult());
  auto scalar = [&](Value tensor) -> Value {
    Value value = at(tensor, {});
    return value.getType() == i64 ? value : arith::ExtSIOp::create(builder, loc, i64, value);
  };
  Value linear;
  if (op.getOffsets().empty()) {
    linear = arith::IndexCastOp::create(builder, loc, i64, linearOf(position, type));
  } else {
    // A part of a tensor: the place of the element in the whole.
    SmallVector<Value> indices = indicesOf(position, type);
    linear = arith::ConstantIntOp::create(builder, loc, 0, 64);
    for (auto [place, offset, size] : llvm::zip_equal(indices, op.getOffsets(), *op.getWhole())) {
      Value along = arith::IndexCastOp::create(builder, loc, i64, place);
      along = arith::AddIOp::create(builder, loc, along, scalar(offset));
      linear = arith::MulIOp::create(builder, loc, linear, arith::ConstantIntOp::create(builder, loc, size, 64));
      linear = arith::AddIOp::create(builder, loc, linear, along);
    }
  }
  Value seed = scalar(op.getSeed());
  Value key0 = constant(static_cast<uint32_t>(op.getStream())), key1 = low(seed);
  Value c0 = low(linear), c1 = high(linear), c2 = constant(op.getStream() >> 32), c3 = high(seed);
  auto product = [&](Value x, uint32_t factor) -> Value {
    Value wide = arith::ExtUIOp::create(builder, loc, i64, x);
    return arith::MulIOp::create(builder, loc, wide,
                                 arith::ConstantIntOp::create(builder, loc, static_cast<int64_t>(factor), 64));
  };
  for (int round = 0; round < 10; ++round) {
    Value p0 = product(c0, 0xD2511F53u), p1 = product(c2, 0xCD9E8D57u);
    Value n0 = exclusiveOr(exclusiveOr(high(p1), c1), key0), n2 = exclusiveOr(exclusiveOr(high(p0), c3), key1);
    c1 = low(p1);
    c3 = low(p0);
    c0 = n0;
    c2 = n2;
    key0 = arith::AddIOp::create(builder, loc, key0, constant(0x9E3779B9u));
    key1 = arith::AddIOp::create(builder, loc, key1, constant(0xBB67AE85u));
  }
  // As many upper bits as the element type holds exactly, as a number in [0, 1).
  auto element = cast<FloatType>(type.getElementType());
  unsigned count = std::min(element.getFPMantissaWidth(), 32u);
  FloatType exact = count <= 24 ? FloatType(builder.getF32Type()) : FloatType(builder.getF64Type());
  Value bits = count == 32 ? c0 : Value(arith::ShRUIOp::create(builder, loc, c0, constant(32 - count)));
  Value number = arith::UIToFPOp::create(builder, loc, exact, bits);
  Value unit = arith::ConstantOp::create(builder, loc, builder.getFloatAttr(exact, std::ldexp(1.0, -int(count))));
  number = arith::MulFOp::create(builder, loc, number, unit);
  if (element.getWidth() < exact.getWidth())
    return arith::TruncFOp::create(builder, loc, element, number);
  return number;
}
