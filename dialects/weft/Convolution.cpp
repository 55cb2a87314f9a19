//===- Convolution.cpp - Convolution and its transposes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Verifiers, products, rules, costs and evaluation of the three ops, each
// written once for the trilinear form that they share (docs/convolution.md).
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Convolution.h"
#include "dialects/weft/Build.h"
#include "dialects/weft/CostModel.h"
#include "dialects/weft/ShardingRule.h"
#include "dialects/weft/VerifySupport.h"

using namespace mlir;
using namespace weft;

#define GET_OP_CLASSES
#include "dialects/weft/ConvolutionOps.cpp.inc"

using Types = ArrayRef<RankedTensorType>;

int64_t weft::convolvedSize(int64_t in, int64_t kernel, int64_t stride, int64_t low, int64_t high, int64_t dilation) {
  int64_t room = in + low + high - (kernel - 1) * dilation - 1;
  return room < 0 ? 0 : room / stride + 1;
}

bool ConvolutionGeometry::isTiledBy(int64_t d) const {
  return low[d] == 0 && high[d] == 0 && dilations[d] == 1 && strides[d] == kernelSizes()[d] &&
         inputSizes()[d] == outputSizes()[d] * kernelSizes()[d];
}

//===----------------------------------------------------------------------===//
// The three tensors
//===----------------------------------------------------------------------===//

namespace {
/// Input, filter and output of the form, and which of an op's operands they are: -1 is its result.
struct Roles {
  ConvolutionKind kind;
  int64_t input, filter, output;
};
} // namespace

static Roles rolesOf(ConvolutionOp) { return {ConvolutionKind::Forward, 0, 1, -1}; }
static Roles rolesOf(ConvolutionInputGradOp) { return {ConvolutionKind::InputGrad, -1, 1, 0}; }
static Roles rolesOf(ConvolutionWeightGradOp) { return {ConvolutionKind::WeightGrad, 0, -1, 1}; }

/// The geometry with tensors of the given types instead of the op's own.
template <typename Op> static ConvolutionGeometry geometryAt(Op op, Types operands, Types results) {
  Roles roles = rolesOf(op);
  auto at = [&](int64_t index) { return index < 0 ? results[0] : operands[index]; };
  return {roles.kind,      at(roles.input), at(roles.filter), at(roles.output),
          op.getStrides(), op.getLow(),     op.getHigh(),     op.getDilations()};
}

template <typename Op> static ConvolutionGeometry geometryOf(Op op) {
  return geometryAt(op, {typeOf(op->getOperand(0)), typeOf(op->getOperand(1))}, {typeOf(op->getResult(0))});
}

ConvolutionGeometry ConvolutionOp::getGeometry() { return geometryOf(*this); }
ConvolutionGeometry ConvolutionInputGradOp::getGeometry() { return geometryOf(*this); }
ConvolutionGeometry ConvolutionWeightGradOp::getGeometry() { return geometryOf(*this); }

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

template <typename Op> static LogicalResult verifyConvolution(Op op) {
  ConvolutionGeometry g = geometryOf(op);
  int64_t rank = g.inputType.getRank();
  if (rank < 3 || rank > 5)
    return op.emitOpError("input has rank ") << rank << ", expected 3 to 5: batch, channels and 1 to 3 spatial "
                                             << "dimensions";
  if (failed(verifyRank(op, "filter", g.filterType, rank)) || failed(verifyRank(op, "output", g.outputType, rank)) ||
      failed(verifyElementType(op, "filter", g.filterType, g.inputType)) ||
      failed(verifyElementType(op, "output", g.outputType, g.inputType)))
    return failure();
  std::pair<StringRef, ArrayRef<int64_t>> lists[] = {
      {"strides", g.strides}, {"low", g.low}, {"high", g.high}, {"dilations", g.dilations}};
  for (auto [name, values] : lists) {
    if (failed(verifyCount(op, name, values, rank - 2)))
      return failure();
    int64_t least = name == "strides" || name == "dilations" ? 1 : 0;
    for (int64_t value : values)
      if (value < least)
        return op.emitOpError() << "'" << name << "' has " << value << ", the least is " << least;
  }
  if (g.batch() != g.outputType.getDimSize(0))
    return op.emitOpError("input has batch size ") << g.batch() << " and output " << g.outputType.getDimSize(0);
  for (int64_t d = 1; d < rank; ++d)
    if (g.inputType.getDimSize(d) == 0 || g.filterType.getDimSize(d) == 0)
      return op.emitOpError("dimension ") << d << " of input or filter is empty";
  if (g.inputChannels() % g.groupChannels() != 0)
    return op.emitOpError("filter has ") << g.groupChannels() << " channels, which do not divide the input's "
                                         << g.inputChannels();
  if (g.filterType.getDimSize(0) != g.outputChannels())
    return op.emitOpError("filter gives ")
           << g.filterType.getDimSize(0) << " channels, output has " << g.outputChannels();
  if (g.outputChannels() % g.groups() != 0)
    return op.emitOpError() << g.groups() << " groups do not divide the output's " << g.outputChannels() << " channels";
  for (int64_t d = 0; d < rank - 2; ++d) {
    int64_t expected =
        convolvedSize(g.inputSizes()[d], g.kernelSizes()[d], g.strides[d], g.low[d], g.high[d], g.dilations[d]);
    if (g.outputSizes()[d] != expected)
      return op.emitOpError("spatial dimension ")
             << d << " of output has size " << g.outputSizes()[d] << ", expected " << expected;
  }
  return success();
}

LogicalResult ConvolutionOp::verify() { return verifyConvolution(*this); }
LogicalResult ConvolutionInputGradOp::verify() { return verifyConvolution(*this); }
LogicalResult ConvolutionWeightGradOp::verify() { return verifyConvolution(*this); }

//===----------------------------------------------------------------------===//
// Vector-Jacobian products
//===----------------------------------------------------------------------===//

namespace {
/// Builds an op of the family with the attributes of another.
template <typename Source> struct Sibling {
  OpBuilder &b;
  Source op;
  template <typename Op> Value make(Type result, Value first, Value second) {
    return Op::create(b, op.getLoc(), result, first, second, op.getStrides(), op.getLow(), op.getHigh(),
                      op.getDilations());
  }
};
} // namespace

LogicalResult ConvolutionOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                      SmallVectorImpl<Value> &operandGrads) {
  Sibling<ConvolutionOp> s{builder, *this};
  Value grad = resultGrads[0];
  if (needed[0])
    operandGrads[0] = s.make<ConvolutionInputGradOp>(getInput().getType(), grad, getFilter());
  if (needed[1])
    operandGrads[1] = s.make<ConvolutionWeightGradOp>(getFilter().getType(), getInput(), grad);
  return success();
}

LogicalResult ConvolutionInputGradOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                               SmallVectorImpl<Value> &operandGrads) {
  Sibling<ConvolutionInputGradOp> s{builder, *this};
  Value grad = resultGrads[0];
  if (needed[0])
    operandGrads[0] = s.make<ConvolutionOp>(getOutput().getType(), grad, getFilter());
  if (needed[1])
    operandGrads[1] = s.make<ConvolutionWeightGradOp>(getFilter().getType(), grad, getOutput());
  return success();
}

LogicalResult ConvolutionWeightGradOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                                SmallVectorImpl<Value> &operandGrads) {
  Sibling<ConvolutionWeightGradOp> s{builder, *this};
  Value grad = resultGrads[0];
  if (needed[0])
    operandGrads[0] = s.make<ConvolutionInputGradOp>(getInput().getType(), getOutput(), grad);
  if (needed[1])
    operandGrads[1] = s.make<ConvolutionOp>(getOutput().getType(), getInput(), grad);
  return success();
}

void ConvolutionOp::getSavedValues(SmallVectorImpl<Value> &saved) { saved.append({getInput(), getFilter()}); }
void ConvolutionInputGradOp::getSavedValues(SmallVectorImpl<Value> &saved) { saved.append({getOutput(), getFilter()}); }
void ConvolutionWeightGradOp::getSavedValues(SmallVectorImpl<Value> &saved) { saved.append({getInput(), getOutput()}); }

//===----------------------------------------------------------------------===//
// Sharding
//===----------------------------------------------------------------------===//

/// The rule of the form: a factor that the result lacks is summed over.
template <typename Op> static ShardingRule convolutionRule(Op op) {
  using Builder = ShardingRuleBuilder;
  using Kind = ShardingRule::FactorKind;
  Builder builder(op);
  Roles roles = rolesOf(op);
  ConvolutionGeometry g = geometryOf(op);
  auto tensor = [](int64_t index) { return index < 0 ? result() : operand(index); };
  auto add = [&](int64_t size, SmallVector<std::pair<int64_t, int64_t>, 3> dims, bool replicated = false) {
    if (size == 1)
      return;
    SmallVector<Builder::Dim> places;
    bool inResult = false;
    for (auto [role, dim] : dims) {
      places.push_back({tensor(role), dim});
      inResult |= role < 0;
    }
    builder.add(replicated ? Kind::Replicated : inResult ? Kind::Parallel : Kind::Reduction, size, places);
  };
  auto [kind, input, filter, output] = roles;
  add(g.batch(), {{input, 0}, {output, 0}});
  // Groups are not an attribute: a shard's channels say how many it has.
  add(g.groups(), {{input, 1}, {filter, 0}, {output, 1}});
  add(g.groupChannels(), {{input, 1}, {filter, 1}});
  add(g.outputChannels() / g.groups(), {{filter, 0}, {output, 1}});
  for (int64_t d = 0; d < g.spatialRank(); ++d) {
    int64_t in = g.inputSizes()[d], kernel = g.kernelSizes()[d], out = g.outputSizes()[d];
    if (g.isTiledBy(d)) {
      // Whole windows can be cut off; a part of a window cannot.
      add(out, {{input, d + 2}, {output, d + 2}});
      add(kernel, {{input, d + 2}, {filter, d + 2}}, /*replicated=*/true);
      continue;
    }
    add(in, {{input, d + 2}}, /*replicated=*/true);
    add(kernel, {{filter, d + 2}}, /*replicated=*/true);
    add(out, {{output, d + 2}}, /*replicated=*/true);
  }
  return builder.linear({0}).linear({1}).take();
}

ShardingRule ConvolutionOp::getShardingRule() { return convolutionRule(*this); }
ShardingRule ConvolutionInputGradOp::getShardingRule() { return convolutionRule(*this); }
ShardingRule ConvolutionWeightGradOp::getShardingRule() { return convolutionRule(*this); }

//===----------------------------------------------------------------------===//
// Cost
//===----------------------------------------------------------------------===//

/// A multiply-add for each element of the output, channel of its group and element of the kernel, padding included.
template <typename Op> static OpCost convolutionCost(Op op, Types operands, Types results) {
  ConvolutionGeometry g = geometryAt(op, operands, results);
  double terms = static_cast<double>(g.groupChannels());
  for (int64_t size : g.kernelSizes())
    terms *= static_cast<double>(size);
  return costOf(2 * elements(g.outputType) * terms, operands, results);
}

OpCost ConvolutionOp::getCost(Types operands, Types results) { return convolutionCost(*this, operands, results); }
OpCost ConvolutionInputGradOp::getCost(Types operands, Types results) {
  return convolutionCost(*this, operands, results);
}
OpCost ConvolutionWeightGradOp::getCost(Types operands, Types results) {
  return convolutionCost(*this, operands, results);
}

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

/// Calls `visit` with the row-major positions in input, filter and output of every product of the form.
static void forEachTerm(const ConvolutionGeometry &g,
                        llvm::function_ref<void(int64_t input, int64_t filter, int64_t output)> visit) {
  int64_t spatial = g.spatialRank(), inGroup = g.groupChannels(), outGroup = g.outputChannels() / g.groups();
  // Pairs of spatial positions, row-major: those of the input, the kernel and the output that meet.
  struct Meeting {
    int64_t input, filter, output;
  };
  std::vector<Meeting> meetings{{0, 0, 0}};
  int64_t inputSize = 1, kernelSize = 1, outputSize = 1;
  for (int64_t d = 0; d < spatial; ++d) {
    int64_t in = g.inputSizes()[d], kernel = g.kernelSizes()[d], out = g.outputSizes()[d];
    std::vector<Meeting> next;
    for (const Meeting &m : meetings)
      for (int64_t p = 0; p < out; ++p)
        for (int64_t q = 0; q < kernel; ++q) {
          int64_t at = p * g.strides[d] + q * g.dilations[d] - g.low[d];
          if (at >= 0 && at < in)
            next.push_back({m.input * in + at, m.filter * kernel + q, m.output * out + p});
        }
    meetings = std::move(next);
    inputSize *= in;
    kernelSize *= kernel;
    outputSize *= out;
  }
  for (int64_t n = 0; n < g.batch(); ++n)
    for (int64_t o = 0; o < g.outputChannels(); ++o)
      for (int64_t c = 0; c < inGroup; ++c) {
        int64_t channel = o / outGroup * inGroup + c;
        int64_t input = (n * g.inputChannels() + channel) * inputSize, filter = (o * inGroup + c) * kernelSize,
                output = (n * g.outputChannels() + o) * outputSize;
        for (const Meeting &m : meetings)
          visit(input + m.input, filter + m.filter, output + m.output);
      }
}

template <typename Op>
static LogicalResult evaluateConvolution(Op op, ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  RankedTensorType type = typeOf(op->getResult(0));
  std::vector<double> sums(type.getNumElements(), 0.0);
  forEachTerm(geometryOf(op), [&](int64_t input, int64_t filter, int64_t output) {
    switch (rolesOf(op).kind) {
    case ConvolutionKind::Forward:
      sums[output] += operands[0].getFloat(input) * operands[1].getFloat(filter);
      break;
    case ConvolutionKind::InputGrad:
      sums[input] += operands[0].getFloat(output) * operands[1].getFloat(filter);
      break;
    case ConvolutionKind::WeightGrad:
      sums[filter] += operands[0].getFloat(input) * operands[1].getFloat(output);
      break;
    }
  });
  results.push_back(Literal::ofFloats(type, std::move(sums)));
  return success();
}

LogicalResult ConvolutionOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  return evaluateConvolution(*this, operands, results);
}
LogicalResult ConvolutionInputGradOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  return evaluateConvolution(*this, operands, results);
}
LogicalResult ConvolutionWeightGradOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  return evaluateConvolution(*this, operands, results);
}
