//===- Gpt2.cpp - GPT-2 ---------------------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// "Language Models are Unsupervised Multitask Learners" (2019), as Hugging
// Face's GPT2LMHeadModel.
//
//===----------------------------------------------------------------------===//

#include "compiler/model/Decoders.h"

using namespace weft;

/// Hugging Face's Conv1D: a product whose weight is stored [in, out].
static Value buildConv1D(GraphBuilder &b, const std::string &name, const Value &x, int64_t in, int64_t out) {
  GraphBuilder::Scope scope(b, name);
  Value product = b.node("MatMul", "matmul", {x, b.param("weight", {in, out})});
  return b.node("Add", "biased", {product, b.param("bias", {out})});
}

/// Hugging Face's embd_pdrop and resid_pdrop. attn_pdrop, inside of attention, is left out.
static Value buildDropout(GraphBuilder &b, const Architecture &a, const Value &x) {
  return a.dropout == 0 ? x : b.node("Dropout", "dropout", {x, b.number(a.dropout), b.flag(true)});
}

static Value buildBlock(GraphBuilder &b, const Architecture &a, const Value &x) {
  Value normed = buildLayerNorm(b, "ln_1", x, a.dim, a.normEpsilon);
  Value attended;
  {
    GraphBuilder::Scope scope(b, "attn");
    Value packed = buildConv1D(b, "c_attn", normed, a.dim, 3 * a.dim);
    std::vector<Value> qkv =
        b.nodes("Split", {"query", "key", "value"}, {packed}, {{"axis", int64_t(2)}, {"num_outputs", int64_t(3)}});
    Value q = buildSplitHeads(b, "q", qkv[0], a.heads, a.headDim());
    Value k = buildSplitHeads(b, "k", qkv[1], a.heads, a.headDim());
    Value v = buildSplitHeads(b, "v", qkv[2], a.heads, a.headDim());
    attended = buildDropout(b, a, buildConv1D(b, "c_proj", buildAttention(b, q, k, v, a), a.dim, a.dim));
  }
  Value middle = b.node("Add", "after_attention", {attended, x});
  normed = buildLayerNorm(b, "ln_2", middle, a.dim, a.normEpsilon);
  Value out;
  {
    GraphBuilder::Scope scope(b, "mlp");
    Value wide = buildConv1D(b, "c_fc", normed, a.dim, a.ffn);
    Value active = b.node("Gelu", "gelu", {wide}, {{"approximate", "tanh"}});
    out = buildDropout(b, a, buildConv1D(b, "c_proj", active, a.ffn, a.dim));
  }
  return b.node("Add", "after_mlp", {middle, out});
}

Value weft::buildGpt2(GraphBuilder &b, const Architecture &a, const Value &inputIds) {
  const std::vector<int64_t> tableShape = {a.vocabulary, a.dim};
  Value x;
  {
    GraphBuilder::Scope scope(b, "transformer");
    Value tokens, places;
    {
      GraphBuilder::Scope module(b, "wte");
      tokens = buildEmbedding(b, b.param("weight", tableShape), inputIds);
    }
    {
      GraphBuilder::Scope module(b, "wpe");
      Value positions = b.node("Unsqueeze", "unsqueeze", {buildPositions(b, inputIds), b.integers({0})});
      places = buildEmbedding(b, b.param("weight", {a.positions, a.dim}), positions);
    }
    x = buildDropout(b, a, b.node("Add", "hidden", {tokens, places}));
    for (int64_t layer = 0; layer < a.layers; ++layer) {
      GraphBuilder::Scope block(b, "h." + std::to_string(layer));
      x = buildBlock(b, a, x);
    }
    x = buildLayerNorm(b, "ln_f", x, a.dim, a.normEpsilon);
  }
  GraphBuilder::Scope scope(b, "lm_head");
  return buildProjection(b, x,
                         a.tied ? b.globalParam("transformer.wte.weight", tableShape) : b.param("weight", tableShape));
}
