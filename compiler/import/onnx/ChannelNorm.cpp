//===- ChannelNorm.cpp - ONNX norms with a scale for each channel -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/NodeImport.h"
#include "dialects/weft/BatchNorm.h"

using namespace mlir;
using namespace weft;

using Shape = NodeImport::Shape;

/// An error unless operand i is a vector of one float for each of `count` channels or groups.
static LogicalResult needVector(NodeImport &n, size_t i, int64_t count) {
  if (failed(n.needFloat(i)))
    return failure();
  if (n.rank(i) == 1 && n.shape(i)[0] == count)
    return success();
  return n.error() << "operand '" << n.displayName(i) << "' has type " << n.type(i) << ", expected " << count
                   << " elements";
}

/// An error unless operand 0 has a batch and channels.
static LogicalResult needChannels(NodeImport &n, int64_t rank) {
  if (failed(n.needFloat()))
    return failure();
  if (n.rank(0) < rank)
    return n.error() << n.node.opType << " takes a tensor of rank " << rank << " or more, not " << n.type(0);
  if (n.type(0).getNumElements() == 0)
    return n.error() << "operand '" << n.displayName(0) << "' is empty";
  return success();
}

//===----------------------------------------------------------------------===//
// Batch normalisation
//===----------------------------------------------------------------------===//

/// The state that operand i reads, and what the program has last given it; none if the operand is no running statistic.
static RunningStatistic *statisticOf(NodeImport &n, size_t i) {
  auto it = n.context.statistics.find(n.node.inputs[i]);
  return it == n.context.statistics.end() ? nullptr : &it->second;
}

/// The program's present value of a running statistic. A layer that is applied twice moves its statistics twice.
static Value present(NodeImport &n, size_t i) {
  RunningStatistic *statistic = statisticOf(n, i);
  return statistic && statistic->write ? cast<WriteOp>(statistic->write).getValue() : n.input(i);
}

static void move(NodeImport &n, size_t i, Value next) {
  RunningStatistic *statistic = statisticOf(n, i);
  if (!statistic)
    return;
  if (!statistic->write) {
    statistic->write = WriteOp::create(n.e.b, n.e.loc, statistic->symbol, next);
    return;
  }
  cast<WriteOp>(statistic->write).getValueMutable().assign(next);
  statistic->write->moveAfter(next.getDefiningOp());
}

static LogicalResult batchNorm(NodeImport &n) {
  double eps = n.getFloat("epsilon", 1e-5f), momentum = n.getFloat("momentum", 0.9f);
  // Until opset 14 a node trained if it had the outputs for it.
  bool says = n.getInt("training_mode", 0) != 0 || (n.opset < 14 && n.wants(1));
  if (failed(needChannels(n, 2)))
    return failure();
  for (size_t i = 1; i < 5; ++i)
    if (failed(needVector(n, i, n.shape(0)[1])))
      return failure();
  Build &e = n.e;
  bool asked = n.context.trainBatchNorm && statisticOf(n, 3) && statisticOf(n, 4);
  ++(says || asked ? n.context.trainedBatchNorms : n.context.frozenBatchNorms);
  if (!says && !asked) {
    n.set(0, normalizeChannels(e, n.input(0), n.input(1), n.input(2), n.input(3), n.input(4), eps));
    return success();
  }
  // What the graph says is ONNX's, whose variance is that of the batch; what is asked for is PyTorch's train().
  auto build = [&](double keep, bool unbiased, Value mean, Value variance) {
    return BatchNormOp::create(e.b, e.loc, TypeRange{n.type(0), mean.getType(), variance.getType()}, n.input(0),
                               n.input(1), n.input(2), mean, variance, e.b.getF64FloatAttr(eps),
                               e.b.getF64FloatAttr(keep), unbiased ? e.b.getUnitAttr() : UnitAttr());
  };
  BatchNormOp norm = build(momentum, !says, present(n, 3), present(n, 4));
  n.set(0, norm.getResult());
  if (n.wants(1))
    n.set(1, norm.getNewMean());
  if (n.wants(2))
    n.set(2, norm.getNewVariance());
  if (n.wants(3) || n.wants(4)) {
    // The batch's own statistics: nothing of the running ones is kept.
    BatchNormOp own = build(0, false, n.input(3), n.input(4));
    for (size_t i : {3, 4})
      if (n.wants(i))
        n.set(i, own->getResult(i - 2));
  }
  move(n, 3, norm.getNewMean());
  move(n, 4, norm.getNewVariance());
  return success();
}

//===----------------------------------------------------------------------===//
// Norms over the channels' elements
//===----------------------------------------------------------------------===//

/// x normalised over runs of `row` elements, then times operand 1 and plus operand 2, repeated along the dimensions of
/// `affine` except `dim`.
static LogicalResult normalizeRows(NodeImport &n, int64_t row, ArrayRef<int64_t> affine, int64_t dim, double eps) {
  Build &e = n.e;
  Value x = e.reshape(n.input(0), {n.type(0).getNumElements() / row, row});
  Value y = LayerNormOp::create(e.b, e.loc, x.getType(), x, Value(), Value(), e.b.getF64FloatAttr(eps));
  y = e.reshape(y, affine);
  for (size_t i : {1, 2}) {
    Value vector = e.broadcast(e.cast(n.input(i), n.elementType(0)), {dim}, affine);
    y = i == 1 ? e.mul(y, vector) : e.add(y, vector);
  }
  return n.done(e.reshape(y, n.shape(0)));
}

static int64_t spatialElements(NodeImport &n) { return n.type(0).getNumElements() / (n.shape(0)[0] * n.shape(0)[1]); }

static LogicalResult instanceNorm(NodeImport &n) {
  double eps = n.getFloat("epsilon", 1e-5f);
  if (failed(needChannels(n, 3)))
    return failure();
  int64_t channels = n.shape(0)[1], rest = spatialElements(n);
  if (failed(needVector(n, 1, channels)) || failed(needVector(n, 2, channels)))
    return failure();
  return normalizeRows(n, rest, {n.shape(0)[0], channels, rest}, 1, eps);
}

static LogicalResult groupNorm(NodeImport &n) {
  double eps = n.getFloat("epsilon", 1e-5f);
  int64_t groups = n.getInt("num_groups", 0);
  n.getInt("stash_type", 1); // statistics are f32 always
  if (failed(needChannels(n, 2)))
    return failure();
  int64_t batch = n.shape(0)[0], channels = n.shape(0)[1], rest = spatialElements(n);
  if (groups < 1 || channels % groups != 0)
    return n.error() << groups << " groups do not divide " << channels << " channels";
  // Scale and bias were per group at first.
  bool perChannel = n.opset >= 21;
  int64_t count = perChannel ? channels : groups;
  if (failed(needVector(n, 1, count)) || failed(needVector(n, 2, count)))
    return failure();
  int64_t row = channels / groups * rest;
  return normalizeRows(n, row, {batch, count, channels / count * rest}, 1, eps);
}

void weft::registerChannelNorm(OpTable &table) {
  table.add("BatchNormalization", batchNorm, 5, 5, 5, kFirstOpset, 13);
  table.add("BatchNormalization", batchNorm, 5, 5, 3, 14);
  table.add("InstanceNormalization", instanceNorm, 3, 3);
  table.add("GroupNormalization", groupNorm, 3, 3, 1, 18);
}
