//===- GptNeox.cpp - GPT-NeoX ---------------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// "GPT-NeoX-20B: An Open-Source Autoregressive Language Model" (2022), as
// Hugging Face's GPTNeoXForCausalLM with its parallel residual.
//
//===----------------------------------------------------------------------===//

#include "compiler/model/Decoders.h"

#include <limits>

using namespace weft;

/// Rotates the first rotaryDim elements of each head and leaves the others.
static Value buildPartialRotation(GraphBuilder &b, const std::string &name, const Value &x, const RotaryTables &tables,
                                  const Architecture &a) {
  if (a.rotaryDim() == a.headDim())
    return buildRotation(b, name, x, tables, a.rotaryDim());
  Value axis = b.integers({3}), one = b.integers({1}), end = b.integers({a.rotaryDim()});
  Value toEnd = b.integers({std::numeric_limits<int64_t>::max()});
  Value turning, passing;
  {
    GraphBuilder::Scope scope(b, name);
    turning = b.node("Slice", "turning", {x, b.integers({0}), end, axis, one});
    passing = b.node("Slice", "passing", {x, end, toEnd, axis, one});
  }
  Value turned = buildRotation(b, name, turning, tables, a.rotaryDim());
  GraphBuilder::Scope scope(b, name);
  return b.node("Concat", "whole", {turned, passing}, {{"axis", int64_t(-1)}});
}

static Value buildSelfAttention(GraphBuilder &b, const Architecture &a, const Value &x, const RotaryTables &tables) {
  GraphBuilder::Scope scope(b, "attention");
  Value packed = buildLinear(b, "query_key_value", x, a.dim, 3 * a.dim, /*bias=*/true);
  // The query, key and value of one head lie together.
  Value byHead = buildSplitHeads(b, "qkv", packed, a.heads, 3 * a.headDim());
  std::vector<Value> qkv =
      b.nodes("Split", {"query", "key", "value"}, {byHead}, {{"axis", int64_t(3)}, {"num_outputs", int64_t(3)}});
  Value q = buildPartialRotation(b, "q_rotary", qkv[0], tables, a);
  Value k = buildPartialRotation(b, "k_rotary", qkv[1], tables, a);
  return buildLinear(b, "dense", buildAttention(b, q, k, qkv[2], a), a.dim, a.dim, /*bias=*/true);
}

static Value buildBlock(GraphBuilder &b, const Architecture &a, const Value &x, const RotaryTables &tables) {
  Value attended = buildSelfAttention(b, a, buildLayerNorm(b, "input_layernorm", x, a.dim, a.normEpsilon), tables);
  Value normed = buildLayerNorm(b, "post_attention_layernorm", x, a.dim, a.normEpsilon);
  Value out;
  {
    GraphBuilder::Scope scope(b, "mlp");
    Value wide = buildLinear(b, "dense_h_to_4h", normed, a.dim, a.ffn, /*bias=*/true);
    Value active = b.node("Gelu", "gelu", {wide}, {{"approximate", "none"}});
    out = buildLinear(b, "dense_4h_to_h", active, a.ffn, a.dim, /*bias=*/true);
  }
  return b.node("Add", "hidden", {b.node("Add", "both", {out, attended}), x});
}

Value weft::buildGptNeox(GraphBuilder &b, const Architecture &a, const Value &inputIds) {
  const std::vector<int64_t> tableShape = {a.vocabulary, a.dim};
  Value x;
  {
    GraphBuilder::Scope scope(b, "gpt_neox");
    {
      GraphBuilder::Scope module(b, "embed_in");
      x = buildEmbedding(b, b.param("weight", tableShape), inputIds);
    }
    RotaryTables tables = buildRotaryTables(b, a, inputIds);
    for (int64_t layer = 0; layer < a.layers; ++layer) {
      GraphBuilder::Scope block(b, "layers." + std::to_string(layer));
      x = buildBlock(b, a, x, tables);
    }
    x = buildLayerNorm(b, "final_layer_norm", x, a.dim, a.normEpsilon);
  }
  // Checkpoints from before transformers 5 call it embed_out.
  GraphBuilder::Scope scope(b, "lm_head");
  return buildProjection(
      b, x, a.tied ? b.globalParam("gpt_neox.embed_in.weight", tableShape) : b.param("weight", tableShape));
}
