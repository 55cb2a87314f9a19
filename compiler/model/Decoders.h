//===- Decoders.h - The graphs of decoder-only models -----------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the model families share, and one function each that writes the family's
// nodes from input_ids [batch, sequence] to the logits [batch, sequence,
// vocabulary], in Hugging Face's terms and with its parameter names.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_MODEL_DECODERS_H
#define WEFT_COMPILER_MODEL_DECODERS_H

#include "compiler/model/Architecture.h"
#include "compiler/model/GraphBuilder.h"

namespace weft {

/// One function per family; the result is the logits.
Value buildGpt2(GraphBuilder &b, const Architecture &a, const Value &inputIds);
Value buildLlama(GraphBuilder &b, const Architecture &a, const Value &inputIds);
Value buildGptNeox(GraphBuilder &b, const Architecture &a, const Value &inputIds);

/// 0, 1, ... up to the size of dimension 1 of `inputIds`, as int64.
Value buildPositions(GraphBuilder &b, const Value &inputIds);

/// Rows of `table` [n, dim] by `ids`.
Value buildEmbedding(GraphBuilder &b, const Value &table, const Value &ids);

/// The module `name` (PyTorch's Linear): x W^T + bias, weight [out, in].
Value buildLinear(GraphBuilder &b, const std::string &name, const Value &x, int64_t in, int64_t out, bool bias);

/// x W^T with a weight under any name.
Value buildProjection(GraphBuilder &b, const Value &x, const Value &weight);

/// The module `name` (PyTorch's LayerNorm) over the last dimension.
Value buildLayerNorm(GraphBuilder &b, const std::string &name, const Value &x, int64_t dim, double epsilon);

/// [batch, sequence, heads * headDim] to [batch, heads, sequence, headDim].
Value buildSplitHeads(GraphBuilder &b, const char *label, const Value &x, int64_t heads, int64_t headDim);

/// Causal attention of q [batch, heads, sequence, headDim] over k and v, which
/// may have fewer heads; the result is [batch, sequence, heads * headDim].
Value buildAttention(GraphBuilder &b, const Value &q, const Value &k, const Value &v, const Architecture &a);

/// The tables of a rotary embedding.
struct RotaryTables {
  /// [1, 1, sequence, rotaryDim] each.
  Value cos, sin;
};

/// Tables for every position of `inputIds`, in the module `rotary_emb`.
RotaryTables buildRotaryTables(GraphBuilder &b, const Architecture &a, const Value &inputIds);

/// Rotates pairs (i, i + rotaryDim/2) of the last dimension of x, which is rotaryDim.
Value buildRotation(GraphBuilder &b, const std::string &name, const Value &x, const RotaryTables &tables,
                    int64_t rotaryDim);

} // namespace weft

#endif // WEFT_COMPILER_MODEL_DECODERS_H
