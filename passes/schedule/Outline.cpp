//===- Outline.cpp - Kernels as functions, each once -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/schedule/Outline.h"
#include "dialects/exec/StridedView.h"
#include "dialects/weft/Weft.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace weft;

func::FuncOp KernelOutliner::get(exec::FusedOp fused, ArrayRef<int64_t> outputs) {
  // Named once its text is known to be new: the text says all that its code depends on, and has no locations.
  OpBuilder builder(module.getContext());
  SmallVector<Type> arguments(fused.getInputs().getTypes());
  int64_t inputs = arguments.size();
  for (auto [output, type] : llvm::zip(outputs, fused.getResultTypes()))
    if (output >= inputs)
      arguments.push_back(type);
  auto type = builder.getFunctionType(arguments, fused.getResultTypes());
  OwningOpRef<func::FuncOp> made = func::FuncOp::create(builder, fused.getLoc(), "kernel", type);
  func::FuncOp kernel = *made;
  kernel.setPrivate();
  kernel->setAttr(exec::kindAttr, builder.getStringAttr(exec::stringifyKernelKind(fused.getKind())));
  kernel->setAttr(exec::rowsAttr, builder.getI64IntegerAttr(fused.getRows()));
  kernel->setAttr(exec::colsAttr, builder.getI64IntegerAttr(fused.getCols()));
  kernel->setAttr(exec::outputsAttr, builder.getDenseI64ArrayAttr(outputs));
  if (fused->hasAttr(exec::hostAttr))
    kernel->setAttr(exec::hostAttr, builder.getUnitAttr());
  if (Attribute members = fused->getAttr(exec::membersAttr)) {
    kernel->setAttr(exec::membersAttr, members);
    kernel->setAttr(exec::inputsAttr, builder.getI64IntegerAttr(inputs));
  }
  Block *body = kernel.addEntryBlock();
  IRMapping mapping;
  for (auto [from, to] : llvm::zip(fused.getBody().front().getArguments(), body->getArguments()))
    mapping.map(from, to);
  builder.setInsertionPointToEnd(body);
  for (Operation &op : fused.getBody().front().without_terminator())
    builder.clone(op, mapping);
  SmallVector<Value> results;
  for (Value value : fused.getBody().front().getTerminator()->getOperands())
    results.push_back(mapping.lookup(value));
  func::ReturnOp::create(builder, fused.getLoc(), results);

  std::string key;
  llvm::raw_string_ostream stream(key);
  kernel->print(stream, OpPrintingFlags().useLocalScope());
  auto [known, added] = kernels.try_emplace(key, kernel);
  if (!added)
    return known->second;
  kernel.setSymName("k" + std::to_string(kernels.size() - 1));
  module.push_back(made.release());
  return kernel;
}

bool weft::readsInPlace(exec::FusedOp fused, int64_t index) {
  if (fused.getKind() != exec::KernelKind::flat && fused.getKind() != exec::KernelKind::row)
    return false;
  Value input = fused.getBody().front().getArgument(index);
  int64_t count = fused.getRows() * fused.getCols();
  auto countOf = [](Value value) { return cast<RankedTensorType>(value.getType()).getNumElements(); };
  if (countOf(input) != count)
    return false;
  SmallVector<Value> work{input};
  llvm::SmallDenseSet<Value, 16> seen;
  while (!work.empty()) {
    Value value = work.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    for (Operation *user : value.getUsers()) {
      if (isa<exec::YieldOp>(user))
        continue;
      // A reduction reads the whole row before anything of it is written.
      if (isa<ReduceOp>(user) && countOf(user->getResult(0)) == static_cast<int64_t>(fused.getRows()))
        continue;
      bool sameElement = user->hasTrait<OpTrait::Elementwise>() || isa<ReshapeOp, exec::MaterializeOp>(user);
      if (!sameElement || countOf(user->getResult(0)) != count)
        return false;
      work.push_back(user->getResult(0));
    }
  }
  return true;
}

bool weft::mayWriteOver(exec::FusedOp fused, OpResult result, Value old) {
  int64_t members = exec::membersOf(fused);
  auto inputs = static_cast<int64_t>(fused.getInputs().size()) / members;
  auto results = static_cast<int64_t>(fused->getNumResults()) / members;
  int64_t member = result.getResultNumber() / results;
  for (auto [i, input] : llvm::enumerate(fused.getInputs())) {
    auto index = static_cast<int64_t>(i);
    if (exec::storedValue(input) == old && (index / inputs != member || !readsInPlace(fused, index)))
      return false;
  }
  return true;
}
