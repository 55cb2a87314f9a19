//===- RandomCase.cpp - A random program on a random mesh -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RandomCase.h"
#include "dialects/weft/EvaluateFunction.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace weft;
using namespace weft::dist;
using test::RandomCase;

RandomCase::RandomCase(MLIRContext &context, uint64_t seed, Type element)
    : context(context), generator(seed), builder(&context), e{builder, builder.getUnknownLoc()}, element(element) {}

std::string RandomCase::print() {
  std::string text;
  llvm::raw_string_ostream os(text);
  module->print(os);
  return text;
}

Literal RandomCase::random(RankedTensorType type, int64_t limit) {
  if (limit == 0) {
    std::normal_distribution<double> normal;
    std::vector<double> values(type.getNumElements());
    for (double &value : values)
      value = normal(generator);
    return Literal::ofFloats(type, std::move(values));
  }
  std::vector<int64_t> values(type.getNumElements());
  for (int64_t &value : values)
    value = pick(limit);
  return Literal::ofInts(type, std::move(values));
}

Sharding RandomCase::anySharding(RankedTensorType type) {
  Sharding sharding = Sharding::whole(mesh);
  for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis)
    if (type.getRank() > 0 && !chance(3)) {
      int64_t dim = pick(type.getRank()), size = sharding.sizesOf(mesh, dim, type.getDimSize(dim)).back();
      if (size > 1 && (size % mesh.sizes[axis] == 0 || !chance(4)))
        sharding[axis] = dim;
    }
  return sharding;
}

Value RandomCase::argument(const Literal &value) {
  Sharding sharding = anySharding(value.getType());
  unsigned index = function.getNumArguments();
  auto attribute = builder.getNamedAttr(shardingAttr, toAttr(&context, mesh, sharding, value.getType().getRank()));
  EXPECT_TRUE(
      succeeded(function.insertArgument(index, value.getType(), builder.getDictionaryAttr({attribute}), e.loc)));
  arguments.push_back(value);
  shardings.push_back(sharding);
  return function.getArgument(index);
}

Value RandomCase::like(Value x) {
  SmallVector<Value> found;
  for (Value v : pool)
    if (v.getType() == x.getType())
      found.push_back(v);
  return chance(3) ? floats(tensorType(x).getShape()) : found[pick(found.size())];
}

Value RandomCase::step() {
  Value x = any();
  ArrayRef<int64_t> shape = tensorType(x).getShape();
  int64_t rank = shape.size();
  if (rank == 0)
    return e.broadcast(e.tanh(x), {}, {4, 8});
  int64_t dim = pick(rank);
  switch (pick(20)) {
  case 0:
    return e.tanh(x);
  case 1:
    return e.add(x, like(x));
  case 2:
    return e.mul(e.tanh(x), like(x));
  case 3:
    return e.sub(e.max(x, like(x)), like(x));
  case 4: {
    SmallVector<int64_t> dims;
    for (int64_t i = 0; i < rank; ++i)
      if (chance(2))
        dims.push_back(i);
    if (dims.empty())
      dims.push_back(dim);
    Value reduced = e.reduce(chance(2) ? ReduceKind::sum : chance(2) ? ReduceKind::max : ReduceKind::min, x, dims);
    return chance(2) ? reduced : e.sub(x, e.broadcastAlong(reduced, dims, shape));
  }
  case 5: {
    SmallVector<int64_t> perm = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    std::shuffle(perm.begin(), perm.end(), generator);
    return e.transpose(x, perm);
  }
  case 6:
    if (chance(2))
      return e.reshape(x, {tensorType(x).getNumElements()});
    return shape[dim] % 4 == 0 ? e.reshape(x, {4, tensorType(x).getNumElements() / 4})
                               : e.reshape(x, {shape.front(), tensorType(x).getNumElements() / shape.front()});
  case 7: {
    SmallVector<int64_t> offsets(rank, 0), sizes(shape);
    offsets[dim] = pick(shape[dim]);
    sizes[dim] = shape[dim] - offsets[dim];
    return e.slice(x, offsets, sizes);
  }
  case 8:
    return tensorType(x).getNumElements() > 256 ? Value() : e.concat({x, like(x)}, dim);
  case 9:
    return e.gather(x, indices({4 * (1 + pick(2)) + (chance(3) ? pick(4) : 0)}, shape[dim]), dim);
  case 10: {
    SmallVector<int64_t> to(shape);
    to[dim] = 4 * (1 + pick(2)) + (chance(3) ? pick(4) : 0);
    return ScatterAddOp::create(e.b, e.loc, tensorType(x).clone(to), x, indices({shape[dim]}, to[dim]), dim);
  }
  case 11:
    return LayerNormOp::create(e.b, e.loc, x.getType(), x, Value(), Value(), APFloat(0.1));
  case 12: {
    Value index = e.cast(e.iota(tensorType(x).clone(builder.getI64Type()), dim), element);
    return e.mul(x, e.tanh(index));
  }
  case 13:
    return e.select(e.less(x, like(x)), x, e.splatLike(x, 0.5));
  case 14: {
    Value seed = indices({}, 1000);
    return e.add(x, RandomOp::create(e.b, e.loc, x.getType(), seed, static_cast<int64_t>(pick(100))));
  }
  case 15:
    return e.add(e.broadcastAlong(e.sum(x, {dim}), {dim}, shape),
                 e.broadcastAlong(e.sum(like(x), {dim}), {dim}, shape));
  case 16: {
    if (rank != 3 || chance(2))
      return SoftmaxOp::create(e.b, e.loc, x.getType(), x);
    // Two products of halves that are added before anything else: their sum may stay partial.
    Value w = floats({shape[2], 8}), v = floats({shape[2], 8});
    return e.add(e.dot(x, w, {}, {}, {2}, {0}), e.dot(like(x), v, {}, {}, {2}, {0}));
  }
  default:
    return e.tanh(e.dot(x, floats({shape[dim], 4 * (1 + pick(2)) + (chance(3) ? pick(4) : 0)}), {}, {}, {dim}, {0}));
  }
}

void RandomCase::compose() {
  module = ModuleOp::create(e.loc);
  builder.setInsertionPointToStart(module->getBody());
  const char *names[] = {"x", "y", "z"};
  for (int64_t axis = 0, count = 1 + pick(3); axis < count; ++axis) {
    mesh.axes.push_back(names[axis]);
    mesh.sizes.push_back(chance(3) ? 4 : chance(4) ? 3 : 2);
    mesh.order.push_back(axis);
  }
  std::shuffle(mesh.order.begin(), mesh.order.end(), generator);
  SmallVector<int64_t> all = llvm::to_vector(llvm::seq<int64_t>(0, mesh.getNumAxes()));
  MeshOp::create(builder, e.loc, "mesh", axesAttr(&context, mesh, all), mesh.sizes,
                 axesAttr(&context, mesh, mesh.order));
  function = func::FuncOp::create(builder, e.loc, "f", builder.getFunctionType({}, {}));
  builder.setInsertionPointToStart(function.addEntryBlock());

  static const int64_t sizes[] = {2, 4, 4, 8, 8, 3, 5, 6, 7};
  SmallVector<int64_t> shape;
  for (int64_t i = 0, rank = 2 + pick(2); i < rank; ++i)
    shape.push_back(sizes[pick(9)]);
  pool = {floats(shape), floats(shape)};
  for (int64_t i = 0, count = 3 + pick(12); i < count; ++i) {
    Value next = step();
    if (!next || tensorType(next).getNumElements() > 4096)
      continue;
    if (chance(3)) {
      Sharding sharding = anySharding(tensorType(next));
      next = ConstrainOp::create(builder, e.loc, next.getType(), next,
                                 toAttr(&context, mesh, sharding, tensorType(next).getRank()),
                                 builder.getI64IntegerAttr(pick(4)), builder.getStringAttr("test"));
    }
    pool.push_back(next);
  }
  SmallVector<Value> results = {pool.back()};
  for (size_t i = 2; i + 1 < pool.size(); ++i)
    if (chance(4))
      results.push_back(pool[i]);
  func::ReturnOp::create(builder, e.loc, results);
  SmallVector<Type> types = llvm::map_to_vector(results, [](Value v) { return v.getType(); });
  function.setFunctionType(builder.getFunctionType(function.getArgumentTypes(), types));
}

SmallVector<Literal> RandomCase::evaluate() {
  OwningOpRef<ModuleOp> copy = module->clone();
  copy->walk([](ConstrainOp op) {
    op.replaceAllUsesWith(op.getInput());
    op.erase();
  });
  SmallVector<Literal> results;
  if (failed(evaluateFunction(*copy->getOps<func::FuncOp>().begin(), arguments, results)))
    results.clear();
  return results;
}
