//===- Kernel.cpp - What kernels of all targets have in common ------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace weft;

KernelInfo::KernelInfo(func::FuncOp kernel)
    : kind(*exec::symbolizeKernelKind(kernel->getAttrOfType<StringAttr>(exec::kindAttr).getValue())),
      rows(kernel->getAttrOfType<IntegerAttr>(exec::rowsAttr).getInt()),
      cols(kernel->getAttrOfType<IntegerAttr>(exec::colsAttr).getInt()),
      outputs(kernel->getAttrOfType<DenseI64ArrayAttr>(exec::outputsAttr).asArrayRef()) {}

Value weft::reductionIdentity(OpBuilder &builder, Location loc, ReduceKind kind, Type type) {
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

Value weft::combineElements(OpBuilder &builder, Location loc, ReduceKind kind, Value total, Value element,
                            bool reassociate) {
  auto order = reassociate ? arith::FastMathFlags::reassoc : arith::FastMathFlags::none;
  auto sums = arith::FastMathFlagsAttr::get(builder.getContext(), order);
  auto extremes = arith::FastMathFlagsAttr::get(builder.getContext(),
                                                order | arith::FastMathFlags::nnan | arith::FastMathFlags::nsz);
  if (isa<FloatType>(total.getType())) {
    switch (kind) {
    case ReduceKind::sum:
      return arith::AddFOp::create(builder, loc, total, element, sums);
    case ReduceKind::prod:
      return arith::MulFOp::create(builder, loc, total, element, sums);
    case ReduceKind::max:
      return arith::MaxNumFOp::create(builder, loc, total, element, extremes);
    case ReduceKind::min:
      return arith::MinNumFOp::create(builder, loc, total, element, extremes);
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

Type weft::carriedType(Type element) {
  if (isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32)
    return Float32Type::get(element.getContext());
  return element;
}

Value weft::widenElement(OpBuilder &builder, Location loc, Value value) {
  Type type = carriedType(value.getType());
  return type == value.getType() ? value : Value(arith::ExtFOp::create(builder, loc, type, value));
}

Value weft::narrowElement(OpBuilder &builder, Location loc, Value value, Type type) {
  return type == value.getType() ? value : Value(arith::TruncFOp::create(builder, loc, type, value));
}

static int64_t passOf(Value value, DenseMap<Value, int64_t> &known) {
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

std::map<int64_t, SmallVector<ReduceOp>> weft::reductionPasses(func::FuncOp kernel) {
  DenseMap<Value, int64_t> known;
  std::map<int64_t, SmallVector<ReduceOp>> passes;
  for (ReduceOp reduce : kernel.getBody().front().getOps<ReduceOp>())
    passes[passOf(reduce.getResult(), known)].push_back(reduce);
  return passes;
}

bool weft::isRowValue(Value value, int64_t cols) {
  if (cols != 1)
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

ScatterSource::ScatterSource(Operation *op) {
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

bool ScatterSource::isCarried() const {
  // The larger of two numbers is one of them: nothing is rounded.
  bool rounds = combine && (*combine == ReduceKind::sum || *combine == ReduceKind::prod);
  Type element = cast<RankedTensorType>(updates.getType()).getElementType();
  return rounds && carriedType(element) != element;
}
