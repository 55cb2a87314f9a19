//===- KernelEmitter.cpp - Loops for a kernel, on the host -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/host/KernelEmitter.h"
#include "compiler/codegen/ElementEmitter.h"
#include "dialects/exec/Exec.h"
#include "dialects/weft/Sort.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace weft;
using exec::KernelKind;

/// Rows that a column sum adds up before the sum joins the total: rounding
/// errors grow with the length of a chain of additions.
static constexpr int64_t columnBlock = 64;
/// The largest row buffer kept on the stack, in bytes.
static constexpr int64_t maxRowBuffer = 512 * 1024;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static int64_t countOf(Value value) { return typeOf(value).getNumElements(); }

namespace {

/// What a kernel function says of itself.
struct KernelInfo {
  KernelKind kind;
  int64_t rows, cols;
  SmallVector<int64_t> outputs;

  explicit KernelInfo(func::FuncOp kernel)
      : kind(*exec::symbolizeKernelKind(kernel->getAttrOfType<StringAttr>(exec::kindAttr).getValue())),
        rows(kernel->getAttrOfType<IntegerAttr>(exec::rowsAttr).getInt()),
        cols(kernel->getAttrOfType<IntegerAttr>(exec::colsAttr).getInt()),
        outputs(kernel->getAttrOfType<DenseI64ArrayAttr>(exec::outputsAttr).asArrayRef()) {}
};

class HostKernel {
public:
  explicit HostKernel(func::FuncOp source)
      : source(source), info(source), builder(source), loc(UnknownLoc::get(source.getContext())) {}

  void emit() {
    declare();
    ElementEmitter elements(builder, info.rows, info.cols, buffers);
    emitter = &elements;
    switch (info.kind) {
    case KernelKind::flat:
      emitFlat();
      break;
    case KernelKind::row:
      emitRows();
      break;
    case KernelKind::column:
      emitColumns();
      break;
    case KernelKind::scatter:
      emitScatter();
      break;
    }
    func::ReturnOp::create(builder, loc);
    std::string name = source.getSymName().str();
    source.erase();
    function.setSymName(name);
  }

private:
  /// The function on buffers: every argument is a dense memref that aliases no other.
  void declare() {
    SmallVector<Type> types;
    for (Type type : source.getArgumentTypes()) {
      auto tensor = cast<RankedTensorType>(type);
      types.push_back(MemRefType::get({tensor.getNumElements()}, storageType(tensor.getElementType())));
    }
    types.append(2, builder.getIndexType());
    function =
        func::FuncOp::create(builder, loc, source.getSymName().str() + ".body", builder.getFunctionType(types, {}));
    function.setPrivate();
    for (int64_t i = 0, e = types.size() - 2; i < e; ++i) {
      function.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
      function.setArgAttr(i, LLVM::LLVMDialect::getNonNullAttrName(), builder.getUnitAttr());
    }
    Block *entry = function.addEntryBlock();
    for (auto [from, to] : llvm::zip(source.getArguments(), entry->getArguments()))
      buffers[from] = to;
    lo = entry->getArgument(types.size() - 2);
    hi = entry->getArgument(types.size() - 1);
    builder.setInsertionPointToStart(entry);
    results = llvm::to_vector(source.getBody().front().getTerminator()->getOperands());
    for (int64_t output : info.outputs)
      outputs.push_back(entry->getArgument(output));
  }

  /// A loop over [from, to) with a scope of its own; `body` gets the index and the carried values and returns their
  /// next ones.
  SmallVector<Value> loop(Value from, Value to, ValueRange carried,
                          llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
    auto op = scf::ForOp::create(builder, loc, from, to, emitter->index(1), carried);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(op.getBody());
    emitter->enterScope();
    SmallVector<Value> next = body(op.getInductionVar(), op.getRegionIterArgs());
    emitter->leaveScope();
    if (!carried.empty())
      scf::YieldOp::create(builder, loc, next);
    return SmallVector<Value>(op.getResults());
  }
  void loop(Value from, Value to, llvm::function_ref<void(Value)> body) {
    loop(from, to, {}, [&](Value i, ValueRange) {
      body(i);
      return SmallVector<Value>();
    });
  }

  /// All elements at one position are computed before one is stored: a result may lie over an operand.
  void storeResults(ArrayRef<unsigned> which, const Position &position) {
    SmallVector<Value> elements;
    for (unsigned i : which)
      elements.push_back(emitter->emit(results[i], position));
    for (auto [i, element] : llvm::zip(which, elements))
      emitter->store(element, results[i], outputs[i], position);
  }

  void emitFlat() {
    SmallVector<unsigned> all = llvm::to_vector(llvm::seq<unsigned>(0, results.size()));
    loop(lo, hi, [&](Value i) { storeResults(all, Position{Position::Flat, i, {}, {}, {}}); });
  }

  //===--------------------------------------------------------------------===//
  // Reductions
  //===--------------------------------------------------------------------===//

  Value identity(ReduceKind kind, Type type) {
    if (auto floating = dyn_cast<FloatType>(type)) {
      const llvm::fltSemantics &semantics = floating.getFloatSemantics();
      APFloat value = kind == ReduceKind::sum    ? APFloat::getZero(semantics)
                      : kind == ReduceKind::prod ? APFloat::getOne(semantics)
                                                 : APFloat::getInf(semantics, kind == ReduceKind::max);
      return arith::ConstantOp::create(builder, loc, FloatAttr::get(type, value));
    }
    unsigned width = type.getIntOrFloatBitWidth();
    APInt value = kind == ReduceKind::sum    ? APInt(width, 0)
                  : kind == ReduceKind::prod ? APInt(width, 1)
                  : kind == ReduceKind::max  ? APInt::getSignedMinValue(width)
                                             : APInt::getSignedMaxValue(width);
    return arith::ConstantOp::create(builder, loc, IntegerAttr::get(type, value));
  }

  /// Additions may be reassociated, here and nowhere else: it is what lets them run in vector lanes.
  Value combine(ReduceKind kind, Value total, Value element) {
    auto *context = builder.getContext();
    auto order = arith::FastMathFlagsAttr::get(context, arith::FastMathFlags::reassoc);
    auto number = arith::FastMathFlagsAttr::get(context, arith::FastMathFlags::nnan | arith::FastMathFlags::nsz |
                                                             arith::FastMathFlags::reassoc);
    if (isa<FloatType>(total.getType())) {
      switch (kind) {
      case ReduceKind::sum:
        return arith::AddFOp::create(builder, loc, total, element, order);
      case ReduceKind::prod:
        return arith::MulFOp::create(builder, loc, total, element, order);
      case ReduceKind::max:
        return arith::MaxNumFOp::create(builder, loc, total, element, number);
      case ReduceKind::min:
        return arith::MinNumFOp::create(builder, loc, total, element, number);
      }
    }
    switch (kind) {
    case ReduceKind::sum:
      return arith::AddIOp::create(builder, loc, total, element);
    case ReduceKind::prod:
      return arith::MulIOp::create(builder, loc, total, element);
    case ReduceKind::max:
      return arith::MaxSIOp::create(builder, loc, total, element);
    case ReduceKind::min:
      return arith::MinSIOp::create(builder, loc, total, element);
    }
    llvm_unreachable("covered switch");
  }

  /// The type in which a reduction is carried: f32 for narrower floats.
  Type carriedType(Type element) {
    if (isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32)
      return builder.getF32Type();
    return element;
  }
  Value widen(Value value) {
    Type type = carriedType(value.getType());
    return type == value.getType() ? value : Value(arith::ExtFOp::create(builder, loc, type, value));
  }
  Value narrow(Value value, Type type) {
    return type == value.getType() ? value : Value(arith::TruncFOp::create(builder, loc, type, value));
  }

  //===--------------------------------------------------------------------===//
  // Row kernels
  //===--------------------------------------------------------------------===//

  /// The pass over the columns in which a row reduction is computed: after those it depends on.
  int64_t passOf(Value value, DenseMap<Value, int64_t> &known) {
    auto it = known.find(value);
    if (it != known.end())
      return it->second;
    Operation *op = value.getDefiningOp();
    int64_t pass = 0;
    if (op)
      for (Value operand : op->getOperands())
        pass = std::max(pass, passOf(operand, known));
    if (op && isa<ReduceOp>(op))
      ++pass;
    return known[value] = pass;
  }

  /// Adds to `found` the costly values that are computed at the element itself in order to know `value` there.
  void findCostly(Value value, llvm::SetVector<Value> &found, llvm::SmallDenseSet<Value, 16> &seen) {
    Operation *op = value.getDefiningOp();
    if (!op || !seen.insert(value).second)
      return;
    bool same = op->hasTrait<OpTrait::Elementwise>() || isa<ReshapeOp>(op);
    if (!same || countOf(value) != info.rows * info.cols)
      return;
    if (isa<math::MathDialect>(op->getDialect()) && !isa<math::SqrtOp, math::AbsFOp, math::AbsIOp>(op))
      found.insert(value);
    for (Value operand : op->getOperands())
      findCostly(operand, found, seen);
  }

  /// Where the columns of the given results are cut by concatenations at the element itself, with both ends. More parts
  /// than a few are not worth a loop each.
  SmallVector<int64_t> findColumnCuts(ArrayRef<unsigned> which) {
    constexpr size_t kMostParts = 8;
    llvm::SmallSetVector<Value, 16> work;
    for (unsigned i : which)
      work.insert(results[i]);
    SmallVector<int64_t> cuts = {0, info.cols};
    for (size_t i = 0; i < work.size(); ++i) {
      Operation *op = work[i].getDefiningOp();
      if (!op || countOf(work[i]) != info.rows * info.cols)
        continue;
      if (op->hasTrait<OpTrait::Elementwise>() || isa<ReshapeOp>(op))
        work.insert(op->operand_begin(), op->operand_end());
      auto concat = dyn_cast<ConcatOp>(op);
      if (!concat || !joinsColumns(concat, info.cols))
        continue;
      int64_t end = 0;
      for (Value input : concat.getInputs())
        cuts.push_back(end += typeOf(input).getShape().back());
    }
    llvm::sort(cuts);
    cuts.erase(llvm::unique(cuts), cuts.end());
    if (cuts.size() > kMostParts + 1)
      cuts = {0, info.cols};
    return cuts;
  }

  void emitRows() {
    SmallVector<ReduceOp> reductions(source.getBody().front().getOps<ReduceOp>());
    DenseMap<Value, int64_t> passes;
    int64_t last = 0;
    std::map<int64_t, SmallVector<ReduceOp>> byPass;
    for (ReduceOp reduce : reductions) {
      int64_t pass = passOf(reduce.getResult(), passes);
      byPass[pass].push_back(reduce);
      last = std::max(last, pass);
    }
    SmallVector<unsigned> full, perRow;
    for (auto [i, result] : llvm::enumerate(results))
      (countOf(result) == info.rows * info.cols && !isRowValue(result) ? full : perRow).push_back(i);

    // Costly values that several passes need are kept for the length of a row.
    std::vector<llvm::SetVector<Value>> costly(last + 2);
    for (auto &[pass, group] : byPass) {
      llvm::SmallDenseSet<Value, 16> seen;
      for (ReduceOp reduce : group)
        findCostly(reduce.getInput(), costly[pass], seen);
    }
    llvm::SmallDenseSet<Value, 16> seen;
    for (unsigned i : full)
      findCostly(results[i], costly[last + 1], seen);
    llvm::MapVector<Value, Value> rowBuffers;
    for (int64_t pass = 1; pass <= last; ++pass)
      for (Value value : costly[pass]) {
        bool again = false;
        for (int64_t later = pass + 1; later <= last + 1; ++later)
          again |= costly[later].contains(value);
        int64_t bytes = info.cols * elementBytes(typeOf(value).getElementType());
        if (again && bytes <= maxRowBuffer && !rowBuffers.count(value))
          rowBuffers[value] = memref::AllocaOp::create(
              builder, loc, MemRefType::get({info.cols}, storageType(typeOf(value).getElementType())));
      }

    SmallVector<int64_t> cuts = findColumnCuts(full);
    Value zero = emitter->index(0), cols = emitter->index(info.cols);
    loop(lo, hi, [&](Value row) {
      Position atRow{Position::Row, {}, row, {}, {}};
      llvm::SmallDenseSet<Value, 8> kept;
      // Binds what earlier passes kept and stores what this one computes first.
      auto restore = [&](const Position &position, Value column) {
        for (auto &[value, buffer] : rowBuffers)
          if (kept.contains(value))
            emitter->bind(value, position, memref::LoadOp::create(builder, loc, buffer, column));
      };
      auto keep = [&](int64_t pass, const Position &position, Value column) {
        for (Value value : costly[pass])
          if (Value buffer = rowBuffers.lookup(value); buffer && !kept.contains(value))
            memref::StoreOp::create(builder, loc, emitter->emit(value, position), buffer, column);
      };
      for (auto &[pass, group] : byPass) {
        int64_t current = pass;
        SmallVector<ReduceOp> &members = group;
        SmallVector<Value> initial;
        for (ReduceOp reduce : members)
          initial.push_back(identity(reduce.getKind(), carriedType(typeOf(reduce.getResult()).getElementType())));
        SmallVector<Value> totals = loop(zero, cols, initial, [&](Value column, ValueRange carried) {
          Position position{Position::Full, {}, row, column, {}};
          restore(position, column);
          SmallVector<Value> next;
          for (auto [reduce, total] : llvm::zip(members, carried))
            next.push_back(combine(reduce.getKind(), total, widen(emitter->emit(reduce.getInput(), position))));
          keep(current, position, column);
          return next;
        });
        for (auto [reduce, total] : llvm::zip(members, totals))
          emitter->bind(reduce.getResult(), atRow, narrow(total, typeOf(reduce.getResult()).getElementType()));
        kept.insert(costly[pass].begin(), costly[pass].end());
      }
      // A loop for each part of what is concatenated along the columns: inside it, nothing has to be chosen.
      for (size_t i = 0; !full.empty() && i + 1 < cuts.size(); ++i) {
        emitter->setColumns(cuts[i], cuts[i + 1]);
        Value end = emitter->index(cuts[i + 1]);
        loop(emitter->index(cuts[i]), end, [&](Value column) {
          Position position{Position::Full, {}, row, column, {}};
          restore(position, column);
          storeResults(full, position);
        });
      }
      emitter->setAllColumns();
      storeResults(perRow, atRow);
    });
  }

  /// With one column, full and row values have the same size: those after a reduction are row values.
  bool isRowValue(Value value) {
    if (info.cols != 1)
      return false;
    SmallVector<Value> work{value};
    llvm::SmallDenseSet<Value, 16> seen;
    while (!work.empty()) {
      Operation *op = work.pop_back_val().getDefiningOp();
      if (!op || !seen.insert(op->getResult(0)).second)
        continue;
      if (isa<ReduceOp>(op))
        return true;
      if (op->hasTrait<OpTrait::Elementwise>() || isa<ReshapeOp>(op))
        llvm::append_range(work, op->getOperands());
    }
    return false;
  }

  //===--------------------------------------------------------------------===//
  // Column and scatter kernels
  //===--------------------------------------------------------------------===//

  void emitColumns() {
    SmallVector<ReduceOp> reductions;
    SmallVector<Value> partial;
    for (Value result : results) {
      reductions.push_back(cast<ReduceOp>(result.getDefiningOp()));
      Type carried = carriedType(typeOf(result).getElementType());
      partial.push_back(memref::AllocaOp::create(builder, loc, MemRefType::get({info.cols}, carried)));
    }
    auto reset = [&](ArrayRef<Value> into) {
      loop(lo, hi, [&](Value column) {
        for (auto [reduce, buffer] : llvm::zip(reductions, into)) {
          Type type = cast<MemRefType>(buffer.getType()).getElementType();
          memref::StoreOp::create(builder, loc, identity(reduce.getKind(), type), buffer, column);
        }
      });
    };
    reset(outputs);
    Value zero = emitter->index(0), rows = emitter->index(info.rows), step = emitter->index(columnBlock);
    Value blocks = emitter->index(llvm::divideCeil(info.rows, columnBlock));
    loop(zero, blocks, [&](Value block) {
      reset(partial);
      Value first = arith::MulIOp::create(builder, loc, block, step);
      Value end = arith::AddIOp::create(builder, loc, first, step);
      end = arith::MinUIOp::create(builder, loc, end, rows);
      loop(first, end, [&](Value row) {
        loop(lo, hi, [&](Value column) {
          Position position{Position::Full, {}, row, column, {}};
          for (auto [reduce, buffer] : llvm::zip(reductions, partial)) {
            Value element = widen(emitter->emit(reduce.getInput(), position));
            Value total = memref::LoadOp::create(builder, loc, buffer, column);
            memref::StoreOp::create(builder, loc, combine(reduce.getKind(), total, element), buffer, column);
          }
        });
      });
      loop(lo, hi, [&](Value column) {
        for (auto [reduce, from, to] : llvm::zip(reductions, partial, outputs)) {
          Type type = cast<MemRefType>(to.getType()).getElementType();
          Value total = memref::LoadOp::create(builder, loc, to, column);
          Value sum = memref::LoadOp::create(builder, loc, from, column);
          Value next = combine(reduce.getKind(), widen(total), sum);
          memref::StoreOp::create(builder, loc, narrow(next, type), to, column);
        }
      });
    });
  }

  /// Stores an element, as a byte if it is an i1.
  void storeAt(Value element, Value buffer, Value where) {
    Type stored = cast<MemRefType>(buffer.getType()).getElementType();
    if (element.getType() != stored)
      element = arith::ExtUIOp::create(builder, loc, stored, element);
    memref::StoreOp::create(builder, loc, element, buffer, where);
  }

  /// What a scatter kernel computes: slices of `updates` combined with those of `input`, or of zeros.
  struct Scatter {
    Value input, indices, updates;
    int64_t axis;
    std::optional<ReduceKind> combine;

    explicit Scatter(Operation *op) {
      if (auto add = dyn_cast<ScatterAddOp>(op)) {
        indices = add.getIndices();
        updates = add.getUpdates();
        axis = add.getAxis();
        combine = ReduceKind::sum;
        return;
      }
      auto scatter = cast<ScatterOp>(op);
      input = scatter.getInput();
      indices = scatter.getIndices();
      updates = scatter.getUpdates();
      axis = scatter.getAxis();
      combine = scatter.getCombine();
    }
  };

  void emitScatter() {
    Value target = results.front();
    Scatter scatter(target.getDefiningOp());
    ArrayRef<int64_t> shape = typeOf(target).getShape();
    int64_t axis = scatter.axis, slices = shape[axis], before = 1;
    for (int64_t size : shape.take_front(axis))
      before *= size;
    int64_t count = countOf(scatter.indices);
    Value zero = emitter->index(0), width = emitter->index(info.cols), output = outputs.front();
    Type element = typeOf(target).getElementType();
    auto place = [&](Value slice, Value column) -> Value {
      return arith::AddIOp::create(builder, loc, arith::MulIOp::create(builder, loc, slice, width), column);
    };
    loop(zero, emitter->index(before * slices), [&](Value slice) {
      loop(lo, hi, [&](Value column) {
        Value where = place(slice, column);
        Value first = scatter.input ? emitter->emit(scatter.input, Position{Position::Flat, where, {}, {}, {}})
                                    : arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
        storeAt(first, output, where);
      });
    });
    loop(zero, emitter->index(info.rows), [&](Value row) {
      Value counted = emitter->index(count), which = row;
      if (before > 1)
        which = arith::RemUIOp::create(builder, loc, row, counted);
      // The index tensor's own elements, in row-major order.
      Position position{Position::Flat, which, {}, {}, {}};
      Value taken = emitter->emit(scatter.indices, position);
      Value slice = arith::IndexCastOp::create(builder, loc, builder.getIndexType(), taken);
      if (before > 1) {
        Value outer = arith::DivUIOp::create(builder, loc, row, counted);
        outer = arith::MulIOp::create(builder, loc, outer, emitter->index(slices));
        slice = arith::AddIOp::create(builder, loc, outer, slice);
      }
      loop(lo, hi, [&](Value column) {
        Value update = emitter->emit(scatter.updates, Position{Position::Full, {}, row, column, {}});
        Value where = place(slice, column);
        if (scatter.combine) {
          Value total = memref::LoadOp::create(builder, loc, output, where);
          // In the order of the indices: additions here must not be reassociated.
          update = *scatter.combine == ReduceKind::sum && isa<FloatType>(element)
                       ? Value(arith::AddFOp::create(builder, loc, total, update))
                       : combine(*scatter.combine, total, update);
        }
        storeAt(update, output, where);
      });
    });
  }

  func::FuncOp source, function;
  KernelInfo info;
  OpBuilder builder;
  Location loc;
  DenseMap<Value, Value> buffers;
  SmallVector<Value> results, outputs;
  Value lo, hi;
  ElementEmitter *emitter = nullptr;
};

} // namespace

void weft::emitHostKernel(func::FuncOp kernel) { HostKernel(kernel).emit(); }

ParallelExtent weft::parallelExtent(func::FuncOp kernel) {
  // A run of work is at least this many elements: less costs more to hand out than to do.
  constexpr int64_t elements = 16384, columns = 64;
  KernelInfo info(kernel);
  switch (info.kind) {
  case KernelKind::flat:
    return {info.rows * info.cols, elements};
  case KernelKind::row:
    return {info.rows, std::max<int64_t>(1, elements / std::max<int64_t>(1, info.cols))};
  case KernelKind::column:
  case KernelKind::scatter:
    return {info.cols, columns};
  }
  llvm_unreachable("covered switch");
}
