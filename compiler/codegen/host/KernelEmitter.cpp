//===- KernelEmitter.cpp - Loops for a kernel, on the host -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/host/KernelEmitter.h"
#include "compiler/codegen/ElementEmitter.h"
#include "compiler/codegen/Kernel.h"
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
    int64_t buffersOfTensors = types.size();
    if (auto bytes = source->getAttrOfType<IntegerAttr>(exec::scratchBytesAttr)) {
      Type carried = carriedType(cast<RankedTensorType>(source.getResultTypes().front()).getElementType());
      types.push_back(MemRefType::get({bytes.getInt() / elementBytes(carried)}, carried));
    }
    int64_t allBuffers = types.size();
    types.append(2, builder.getIndexType());
    function =
        func::FuncOp::create(builder, loc, source.getSymName().str() + ".body", builder.getFunctionType(types, {}));
    function.setPrivate();
    for (int64_t i = 0; i < allBuffers; ++i) {
      function.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
      function.setArgAttr(i, LLVM::LLVMDialect::getNonNullAttrName(), builder.getUnitAttr());
    }
    Block *entry = function.addEntryBlock();
    for (auto [from, to] : llvm::zip(source.getArguments(), entry->getArguments()))
      buffers[from] = to;
    if (allBuffers > buffersOfTensors)
      scratch = entry->getArgument(buffersOfTensors);
    lo = entry->getArgument(allBuffers);
    hi = entry->getArgument(allBuffers + 1);
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

  Value identity(ReduceKind kind, Type type) { return reductionIdentity(builder, loc, kind, type); }
  /// Additions may be reassociated, here and nowhere else: it is what lets them run in vector lanes.
  Value combine(ReduceKind kind, Value total, Value element) {
    return combineElements(builder, loc, kind, total, element, /*reassociate=*/true);
  }
  Value widen(Value value) { return widenElement(builder, loc, value); }
  Value narrow(Value value, Type type) { return narrowElement(builder, loc, value, type); }

  //===--------------------------------------------------------------------===//
  // Row kernels
  //===--------------------------------------------------------------------===//

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
    std::map<int64_t, SmallVector<ReduceOp>> byPass = reductionPasses(source);
    int64_t last = byPass.empty() ? 0 : byPass.rbegin()->first;
    SmallVector<unsigned> full, perRow;
    for (auto [i, result] : llvm::enumerate(results))
      (countOf(result) == info.rows * info.cols && !isRowValue(result, info.cols) ? full : perRow).push_back(i);

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

  //===--------------------------------------------------------------------===//
  // Column and scatter kernels
  //===--------------------------------------------------------------------===//

  void emitColumns() {
    SmallVector<ReduceOp> reductions;
    SmallVector<Value> partial, totals;
    for (auto [result, output] : llvm::zip(results, outputs)) {
      reductions.push_back(cast<ReduceOp>(result.getDefiningOp()));
      Type element = typeOf(result).getElementType(), carried = carriedType(element);
      auto buffer = [&] {
        return memref::AllocaOp::create(builder, loc, MemRefType::get({info.cols}, carried)).getResult();
      };
      partial.push_back(buffer());
      totals.push_back(carried == element ? output : buffer());
    }
    auto reset = [&](ArrayRef<Value> into) {
      loop(lo, hi, [&](Value column) {
        for (auto [reduce, buffer] : llvm::zip(reductions, into)) {
          Type type = cast<MemRefType>(buffer.getType()).getElementType();
          memref::StoreOp::create(builder, loc, identity(reduce.getKind(), type), buffer, column);
        }
      });
    };
    reset(totals);
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
        for (auto [reduce, from, to] : llvm::zip(reductions, partial, totals)) {
          Value total = memref::LoadOp::create(builder, loc, to, column);
          Value sum = memref::LoadOp::create(builder, loc, from, column);
          memref::StoreOp::create(builder, loc, combine(reduce.getKind(), total, sum), to, column);
        }
      });
    });
    loop(lo, hi, [&](Value column) {
      for (auto [from, to] : llvm::zip(totals, outputs)) {
        if (from == to)
          continue;
        Value total = memref::LoadOp::create(builder, loc, from, column);
        Type type = cast<MemRefType>(to.getType()).getElementType();
        memref::StoreOp::create(builder, loc, narrow(total, type), to, column);
      }
    });
  }

  /// Stores an element, as a byte if it is an i1.
  void storeAt(Value element, Value buffer, Value where) {
    Type stored = cast<MemRefType>(buffer.getType()).getElementType();
    if (element.getType() != stored)
      element = arith::ExtUIOp::create(builder, loc, stored, element);
    memref::StoreOp::create(builder, loc, element, buffer, where);
  }

  void emitScatter() {
    Value target = results.front();
    ScatterSource scatter(target.getDefiningOp());
    ArrayRef<int64_t> shape = typeOf(target).getShape();
    int64_t axis = scatter.axis, slices = shape[axis], before = 1;
    for (int64_t size : shape.take_front(axis))
      before *= size;
    int64_t count = countOf(scatter.indices);
    Value zero = emitter->index(0), width = emitter->index(info.cols), output = outputs.front();
    Type element = typeOf(target).getElementType();
    // Narrow floats are combined in scratch memory of a wider type.
    Value totals = scratch ? scratch : output;
    auto carried = [&](Value value) { return scratch ? widen(value) : value; };
    auto place = [&](Value slice, Value column) -> Value {
      return arith::AddIOp::create(builder, loc, arith::MulIOp::create(builder, loc, slice, width), column);
    };
    loop(zero, emitter->index(before * slices), [&](Value slice) {
      loop(lo, hi, [&](Value column) {
        Value where = place(slice, column);
        Value first = scatter.input ? emitter->emit(scatter.input, Position{Position::Flat, where, {}, {}, {}})
                                    : arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
        storeAt(carried(first), totals, where);
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
        Value update = carried(emitter->emit(scatter.updates, Position{Position::Full, {}, row, column, {}}));
        Value where = place(slice, column);
        if (scatter.combine) {
          Value total = memref::LoadOp::create(builder, loc, totals, where);
          // In the order of the indices: additions here must not be reassociated.
          update = combineElements(builder, loc, *scatter.combine, total, update, /*reassociate=*/false);
        }
        storeAt(update, totals, where);
      });
    });
    if (!scratch)
      return;
    loop(zero, emitter->index(before * slices), [&](Value slice) {
      loop(lo, hi, [&](Value column) {
        Value where = place(slice, column);
        Value total = memref::LoadOp::create(builder, loc, totals, where);
        memref::StoreOp::create(builder, loc, narrow(total, element), output, where);
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
  Value scratch; ///< memory of the kernel's own, if its target gives it some
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
