//===- Decoders.cpp - What decoder-only models share ----------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/model/Decoders.h"

#include <cmath>
#include <limits>

using namespace weft;

Value weft::buildPositions(GraphBuilder &b, const Value &inputIds) {
  Value size = b.node("Shape", "sequence", {inputIds}, {{"start", int64_t(1)}, {"end", int64_t(2)}});
  Value length = b.node("Squeeze", "length", {size});
  return b.node("Range", "positions", {b.integer(0), length, b.integer(1)});
}

Value weft::buildEmbedding(GraphBuilder &b, const Value &table, const Value &ids) {
  return b.node("Gather", "embedding", {table, ids}, {{"axis", int64_t(0)}});
}

Value weft::buildProjection(GraphBuilder &b, const Value &x, const Value &weight) {
  Value transposed = b.node("Transpose", "weight_t", {weight}, {{"perm", {1, 0}}});
  return b.node("MatMul", "linear", {x, transposed});
}

Value weft::buildLinear(GraphBuilder &b, const std::string &name, const Value &x, int64_t in, int64_t out, bool bias) {
  GraphBuilder::Scope scope(b, name);
  Value product = buildProjection(b, x, b.param("weight", {out, in}));
  return bias ? b.node("Add", "biased", {product, b.param("bias", {out})}) : product;
}

Value weft::buildLayerNorm(GraphBuilder &b, const std::string &name, const Value &x, int64_t dim, double epsilon) {
  GraphBuilder::Scope scope(b, name);
  return b.node("LayerNormalization", "layer_norm", {x, b.param("weight", {dim}), b.param("bias", {dim})},
                {{"axis", int64_t(-1)}, {"epsilon", static_cast<float>(epsilon)}, {"stash_type", int64_t(1)}});
}

Value weft::buildSplitHeads(GraphBuilder &b, const char *label, const Value &x, int64_t heads, int64_t headDim) {
  GraphBuilder::Scope scope(b, label);
  // A size of 0 keeps the operand's.
  Value split = b.node("Reshape", "view", {x, b.integers({0, 0, heads, headDim})});
  return b.node("Transpose", "heads_first", {split}, {{"perm", {0, 2, 1, 3}}});
}

Value weft::buildAttention(GraphBuilder &b, const Value &q, const Value &k, const Value &v, const Architecture &a) {
  auto scale = static_cast<float>(1 / std::sqrt(static_cast<double>(a.headDim())));
  Value out = b.node("Attention", "attention", {q, k, v}, {{"is_causal", int64_t(1)}, {"scale", scale}});
  Value positionFirst = b.node("Transpose", "positions_first", {out}, {{"perm", {0, 2, 1, 3}}});
  return b.node("Reshape", "merged", {positionFirst, b.integers({0, 0, a.dim})});
}

RotaryTables weft::buildRotaryTables(GraphBuilder &b, const Architecture &a, const Value &inputIds) {
  GraphBuilder::Scope scope(b, "rotary_emb");
  int64_t half = a.rotaryDim() / 2;
  std::vector<float> frequencies;
  // In single precision step by step, as PyTorch computes the buffer.
  for (int64_t i = 0; i < half; ++i)
    frequencies.push_back(1.0f / std::pow(static_cast<float>(a.ropeTheta),
                                          static_cast<float>(2 * i) / static_cast<float>(a.rotaryDim())));
  Value inverse = b.buffer("inv_freq", {1, half, 1}, frequencies);
  Value positions = b.node("Unsqueeze", "unsqueeze", {buildPositions(b, inputIds), b.integers({0, 1})});
  Value real = b.node("Cast", "positions_float", {positions}, {{"to", int64_t(onnx::TensorProto::FLOAT)}});
  Value angles = b.node("MatMul", "angles", {inverse, real});
  Value rows = b.node("Transpose", "transpose", {angles}, {{"perm", {0, 2, 1}}});
  Value both = b.node("Concat", "cat", {rows, rows}, {{"axis", int64_t(-1)}});
  Value headAxis = b.integers({1});
  Value cos = b.node("Cos", "cos", {both});
  Value sin = b.node("Sin", "sin", {both});
  return {b.node("Unsqueeze", "cos_by_head", {cos, headAxis}), b.node("Unsqueeze", "sin_by_head", {sin, headAxis})};
}

Value weft::buildRotation(GraphBuilder &b, const std::string &name, const Value &x, const RotaryTables &tables,
                          int64_t rotaryDim) {
  GraphBuilder::Scope scope(b, name);
  Value axis = b.integers({3}), one = b.integers({1}), half = b.integers({rotaryDim / 2});
  Value toEnd = b.integers({std::numeric_limits<int64_t>::max()});
  Value low = b.node("Slice", "low", {x, b.integers({0}), half, axis, one});
  Value high = b.node("Slice", "high", {x, half, toEnd, axis, one});
  Value turned = b.node("Concat", "rotate_half", {b.node("Neg", "negated", {high}), low}, {{"axis", int64_t(-1)}});
  return b.node("Add", "rotated",
                {b.node("Mul", "by_cos", {x, tables.cos}), b.node("Mul", "by_sin", {turned, tables.sin})});
}
