//===- Llama.cpp - Llama --------------------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// "LLaMA: Open and Efficient Foundation Language Models" (2023), as Hugging
// Face's LlamaForCausalLM.
//
//===----------------------------------------------------------------------===//

#include "compiler/model/Decoders.h"

using namespace weft;

static Value buildRmsNorm(GraphBuilder &b, const std::string &name, const Value &x, const Architecture &a) {
  GraphBuilder::Scope scope(b, name);
  return b.node("RMSNormalization", "rms_norm", {x, b.param("weight", {a.dim})},
                {{"axis", int64_t(-1)}, {"epsilon", static_cast<float>(a.normEpsilon)}, {"stash_type", int64_t(1)}});
}

static Value buildBlock(GraphBuilder &b, const Architecture &a, const Value &x, const RotaryTables &tables) {
  Value normed = buildRmsNorm(b, "input_layernorm", x, a);
  Value attended;
  {
    GraphBuilder::Scope scope(b, "self_attn");
    int64_t keyValueDim = a.keyValueHeads * a.headDim();
    Value q = buildLinear(b, "q_proj", normed, a.dim, a.dim, /*bias=*/false);
    Value k = buildLinear(b, "k_proj", normed, a.dim, keyValueDim, /*bias=*/false);
    Value v = buildLinear(b, "v_proj", normed, a.dim, keyValueDim, /*bias=*/false);
    q = buildRotation(b, "q_rotary", buildSplitHeads(b, "q", q, a.heads, a.headDim()), tables, a.headDim());
    k = buildRotation(b, "k_rotary", buildSplitHeads(b, "k", k, a.keyValueHeads, a.headDim()), tables, a.headDim());
    v = buildSplitHeads(b, "v", v, a.keyValueHeads, a.headDim());
    attended = buildLinear(b, "o_proj", buildAttention(b, q, k, v, a), a.dim, a.dim, /*bias=*/false);
  }
  Value middle = b.node("Add", "after_attention", {x, attended});
  normed = buildRmsNorm(b, "post_attention_layernorm", middle, a);
  Value out;
  {
    GraphBuilder::Scope scope(b, "mlp");
    Value gate = buildLinear(b, "gate_proj", normed, a.dim, a.ffn, /*bias=*/false);
    Value active = b.node("Mul", "silu", {gate, b.node("Sigmoid", "sigmoid", {gate})});
    Value up = buildLinear(b, "up_proj", normed, a.dim, a.ffn, /*bias=*/false);
    out = buildLinear(b, "down_proj", b.node("Mul", "gated", {active, up}), a.ffn, a.dim, /*bias=*/false);
  }
  return b.node("Add", "after_mlp", {middle, out});
}

Value weft::buildLlama(GraphBuilder &b, const Architecture &a, const Value &inputIds) {
  const std::vector<int64_t> tableShape = {a.vocabulary, a.dim};
  Value x;
  {
    GraphBuilder::Scope scope(b, "model");
    {
      GraphBuilder::Scope module(b, "embed_tokens");
      x = buildEmbedding(b, b.param("weight", tableShape), inputIds);
    }
    RotaryTables tables = buildRotaryTables(b, a, inputIds);
    for (int64_t layer = 0; layer < a.layers; ++layer) {
      GraphBuilder::Scope block(b, "layers." + std::to_string(layer));
      x = buildBlock(b, a, x, tables);
    }
    x = buildRmsNorm(b, "norm", x, a);
  }
  GraphBuilder::Scope scope(b, "lm_head");
  return buildProjection(
      b, x, a.tied ? b.globalParam("model.embed_tokens.weight", tableShape) : b.param("weight", tableShape));
}
