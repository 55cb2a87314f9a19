//===- StepTime.cpp - What a task is predicted to take -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/schedule/StepTime.h"
#include "compiler/plan/Plan.h"
#include "dialects/dist/Dist.h"
#include "passes/schedule/OpSeconds.h"
#include "passes/schedule/PlayThrough.h"

using namespace mlir;
using namespace weft;

StepTime &StepTime::operator+=(const StepTime &other) {
  computing += other.computing;
  communicating += other.communicating;
  exposed += other.exposed;
  loss += other.loss;
  return *this;
}

StepTime StepTime::operator*(double times) const {
  return {computing * times, communicating * times, exposed * times, loss * times};
}

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static double tilesOf(int64_t size, int64_t tile) { return static_cast<double>(llvm::divideCeil(size, tile)); }

/// Seconds of a library product, by waves of tiles: of the result's rows and columns, each summed over what is
/// contracted.
static double productSeconds(Operation *op, ArrayRef<int64_t> contracted, const ProductRates &rates) {
  RankedTensorType lhs = typeOf(op->getOperand(0)), result = typeOf(op->getResult(0));
  int64_t depth = 1, batch = 1;
  for (int64_t dim : contracted)
    depth *= lhs.getDimSize(dim);
  if (auto batched = op->getAttrOfType<DenseI64ArrayAttr>("lhsBatch"))
    for (int64_t dim : batched.asArrayRef())
      batch *= lhs.getDimSize(dim);
  int64_t elements = result.getNumElements();
  if (elements == 0 || depth == 0)
    return 0;
  int64_t rows = lhs.getNumElements() / (depth * batch), columns = elements / (batch * rows);
  double perSecond =
      lhs.getElementType().getIntOrFloatBitWidth() < 32 ? rates.flopsPerSecond : rates.wideFlopsPerSecond;
  auto units = static_cast<double>(rates.units);
  double least = std::numeric_limits<double>::infinity();
  // Libraries choose among tiles of one height by what is left of the last wave.
  for (int64_t quarters = 4; quarters > 0; --quarters) {
    int64_t width = std::max<int64_t>(1, rates.columns * quarters / 4);
    double tiles = static_cast<double>(batch) * std::min(tilesOf(rows, rates.rows) * tilesOf(columns, width),
                                                         tilesOf(rows, width) * tilesOf(columns, rates.rows));
    double waveFlops = 2.0 * static_cast<double>(depth * rates.rows * width) * units;
    least = std::min(least, std::ceil(tiles / units) * (waveFlops / perSecond + rates.waveSeconds));
  }
  return least;
}

/// Seconds of a kernel or a call.
static double computingSeconds(Operation *op, const StepRates &rates) {
  double seconds = secondsOf(op, rates);
  if (auto contracted = op->getAttrOfType<DenseI64ArrayAttr>("lhsContract")) {
    double bytes = 0;
    for (Type type : llvm::concat<const Type>(op->getOperandTypes(), op->getResultTypes()))
      bytes += static_cast<double>(tensorBytes(cast<RankedTensorType>(type)));
    seconds = std::max(productSeconds(op, contracted, rates.products), bytes / rates.bytesPerSecond);
  }
  return std::max(rates.launchSeconds, seconds);
}

/// Seconds of a collective over the tensor-parallel axis alone; nothing for others.
static double communicatingSeconds(Operation *op, const dist::Mesh &mesh, const StepRates &rates) {
  auto names = op->getAttrOfType<ArrayAttr>("axes");
  if (!names || llvm::any_of(names.getAsValueRange<StringAttr>(), [](StringRef axis) { return axis != "tp"; }))
    return 0;
  int64_t ranks = mesh.sizeOf(dist::axesOf(mesh, names));
  double sent = 0;
  for (auto [input, result] : llvm::zip_equal(op->getOperands(), op->getResults()))
    sent += bytesSent(op->getName().stripDialect(),
                      static_cast<double>(std::max(tensorBytes(typeOf(input)), tensorBytes(typeOf(result)))), ranks);
  return rates.collectiveSeconds + sent / rates.linkBytesPerSecond;
}

StepTime weft::timeOf(func::FuncOp task, const Target &target) {
  StepRates rates = target.rates();
  dist::Mesh mesh = dist::meshOf(task->getParentOfType<ModuleOp>());
  Block &body = task.getBody().front();
  bool halves = llvm::any_of(body, [](Operation &op) { return op.hasAttr(dist::halfAttr); });
  StepTime time;
  auto measure = [&](Operation *op) {
    OpTime one;
    one.works = takesTime(op);
    auto collective = dyn_cast<dist::CollectiveOpInterface>(op);
    if (!one.works || !collective) {
      one.seconds = one.works ? computingSeconds(op, rates) : 0;
      time.computing += one.seconds;
      return one;
    }
    one.seconds = communicatingSeconds(op, mesh, rates);
    // In halves, what is not of one of them has nothing beside it.
    one.communicates = one.seconds > 0 && (!halves || op->hasAttr(dist::halfAttr));
    time.communicating += one.seconds;
    bool library = target.carrier(cast<exec::LibraryOpInterface>(op)).empty();
    time.loss += one.seconds * (library ? rates.besideLibrary : rates.besideCopies);
    return one;
  };
  PlayThrough play(body, measure);
  if (halves)
    play.interleaved();
  else
    play.inOrder();
  time.exposed = std::max(0.0, play.getSeconds() - time.computing);
  return time;
}
