//===- ShardingRule.cpp - Building and printing factor rules -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/ShardingRule.h"

using namespace mlir;
using namespace weft;

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

/// No tensor, no dimensions: the condition of a select may be a plain i1.
static int64_t rankOf(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? tensor.getRank() : 0;
}

ShardingRuleBuilder::ShardingRuleBuilder(Operation *op) : op(op) {
  for (Type type : op->getOperandTypes())
    rule.operands.emplace_back(rankOf(type));
  for (Type type : op->getResultTypes())
    rule.results.emplace_back(rankOf(type));
}

RankedTensorType ShardingRuleBuilder::type(TensorOf tensor) {
  Value value = tensor.kind == TensorOf::Operand ? op->getOperand(tensor.index) : op->getResult(tensor.index);
  return cast<RankedTensorType>(value.getType());
}

int64_t ShardingRuleBuilder::rank(TensorOf tensor) { return type(tensor).getRank(); }
int64_t ShardingRuleBuilder::size(Dim dim) { return type(dim.tensor).getDimSize(dim.dim); }

int64_t ShardingRuleBuilder::add(Kind kind, int64_t size, ArrayRef<Dim> dims, Combine combine) {
  int64_t factor = rule.factors.size();
  rule.factors.push_back({size, kind, combine});
  for (auto [tensor, dim] : dims)
    (tensor.kind == TensorOf::Operand ? rule.operands : rule.results)[tensor.index][dim].push_back(factor);
  return factor;
}

void ShardingRuleBuilder::addUntouched(Dim from, Dim to) {
  if (size(from) == size(to)) {
    add(Kind::Parallel, {from, to});
    return;
  }
  add(Kind::Replicated, {from});
  add(Kind::Replicated, {to});
}

ShardingRuleBuilder &ShardingRuleBuilder::linear(ArrayRef<int64_t> operands) {
  rule.linear.emplace_back(operands);
  return *this;
}

ShardingRule weft::elementwiseRule(Operation *op, ArrayRef<SmallVector<int64_t, 2>> linear) {
  ShardingRuleBuilder builder(op);
  auto shape = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  for (int64_t dim = 0, rank = shape ? shape.getRank() : 0; dim < rank; ++dim) {
    SmallVector<ShardingRuleBuilder::Dim> dims;
    for (auto [i, type] : llvm::enumerate(op->getOperandTypes()))
      if (rankOf(type) == rank)
        dims.push_back({operand(i), dim});
    for (int64_t i = 0, count = op->getNumResults(); i < count; ++i)
      dims.push_back({result(i), dim});
    builder.add(ShardingRuleBuilder::Kind::Parallel, shape.getDimSize(dim), dims);
  }
  for (ArrayRef<int64_t> operands : linear)
    builder.linear(operands);
  return builder.take();
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

/// a to z, then a1 to z1, and so on.
static void printFactor(raw_ostream &stream, int64_t factor) {
  stream << static_cast<char>('a' + factor % 26);
  if (factor >= 26)
    stream << factor / 26;
}

static void printTensor(raw_ostream &stream, const ShardingRule::TensorMap &map) {
  stream << '(';
  llvm::interleaveComma(map, stream, [&](ArrayRef<int64_t> factors) {
    if (factors.empty())
      stream << '1';
    llvm::interleave(
        factors, stream, [&](int64_t factor) { printFactor(stream, factor); }, "*");
  });
  stream << ')';
}

static StringRef describe(const ShardingRule::Factor &factor) {
  if (factor.kind == ShardingRule::FactorKind::Parallel)
    return "parallel";
  if (factor.kind == ShardingRule::FactorKind::Replicated)
    return "replicated";
  switch (factor.combine) {
  case ShardingRule::Combine::Sum:
    return "sum";
  case ShardingRule::Combine::Product:
    return "product";
  case ShardingRule::Combine::Max:
    return "max";
  case ShardingRule::Combine::Min:
    return "min";
  }
  llvm_unreachable("unknown combination");
}

raw_ostream &weft::operator<<(raw_ostream &stream, const ShardingRule &rule) {
  auto tensors = [&](ArrayRef<ShardingRule::TensorMap> maps) {
    llvm::interleaveComma(maps, stream, [&](const ShardingRule::TensorMap &map) { printTensor(stream, map); });
  };
  tensors(rule.operands);
  stream << (rule.operands.empty() ? "-> " : " -> ");
  tensors(rule.results);
  if (!rule.factors.empty()) {
    stream << " {";
    llvm::interleaveComma(llvm::enumerate(rule.factors), stream, [&](auto indexed) {
      printFactor(stream, indexed.index());
      stream << '=' << indexed.value().size << ' ' << describe(indexed.value());
    });
    stream << '}';
  }
  if (!rule.linear.empty())
    stream << " linear ";
  for (ArrayRef<int64_t> operands : rule.linear) {
    stream << '{';
    llvm::interleave(operands, stream, ",");
    stream << '}';
  }
  return stream;
}
