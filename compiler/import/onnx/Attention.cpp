//===- Attention.cpp - ONNX attention and rotary embedding -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/NodeImport.h"
#include <cmath>

using namespace mlir;
using namespace weft;

using Shape = NodeImport::Shape;

/// Operand i as [batch, position, head, element]: from [batch, head, position, element], or from [batch, position,
/// head * element] with the number of heads given.
static FailureOr<Value> positionsFirst(NodeImport &n, size_t i, int64_t heads, StringRef headsName) {
  if (n.rank(i) == 4)
    return n.e.transpose(n.input(i), {0, 2, 1, 3});
  if (n.rank(i) != 3) {
    n.error() << "operand '" << n.displayName(i) << "' must have rank 3 or 4, not type " << n.type(i);
    return failure();
  }
  ArrayRef<int64_t> shape = n.shape(i);
  if (heads <= 0 || shape[2] % heads) {
    n.error() << headsName << " is " << heads << ": it must divide the last size of " << n.type(i);
    return failure();
  }
  Shape perHead{shape[0], shape[1], heads, shape[2] / heads};
  if (failed(n.checkShape(perHead)))
    return failure();
  return n.e.reshape(n.input(i), perHead);
}

/// The scores and their softmax written out: for what weft.attention has no place for.
static Value explicitAttention(Build &e, Value q, Value k, Value v, Value mask, double scale, double softcap) {
  ArrayRef<int64_t> qs = tensorType(q).getShape(), ks = tensorType(k).getShape();
  int64_t heads = qs[2], groups = ks[2];
  auto perHead = [&](Value x) { // every query head gets its own copy of its key/value head
    ArrayRef<int64_t> s = tensorType(x).getShape();
    Value repeated = e.broadcast(x, {0, 1, 2, 4}, {s[0], s[1], groups, heads / groups, s[3]});
    return e.reshape(repeated, {s[0], s[1], heads, s[3]});
  };
  if (heads != groups) {
    k = perHead(k);
    v = perHead(v);
  }
  Value scores = e.dot(q, k, {0, 2}, {0, 2}, {3}, {3});
  scores = e.mul(scores, e.splatLike(scores, scale));
  Value cap = e.splatLike(scores, softcap);
  scores = e.mul(e.tanh(e.div(scores, cap)), cap);
  if (mask) {
    if (isa<FloatType>(tensorType(mask).getElementType()))
      scores = e.add(scores, mask);
    else
      scores = e.select(mask, scores, e.splatLike(scores, -1e30));
  }
  Value weights = SoftmaxOp::create(e.b, e.loc, scores.getType(), scores);
  return e.transpose(e.dot(weights, v, {0, 1}, {0, 2}, {3}, {1}), {0, 2, 1, 3});
}

static LogicalResult attention(NodeImport &n) {
  bool causal = n.getInt("is_causal", 0) != 0;
  int64_t qHeads = n.getInt("q_num_heads", 0), kvHeads = n.getInt("kv_num_heads", 0);
  double softcap = n.getFloat("softcap", 0), scale = n.getFloat("scale", 0);
  n.getInt("softmax_precision", 1);     // f32 always
  n.getInt("qk_matmul_output_mode", 0); // concerns result 3, which is refused
  if (failed(n.needFloat()) || failed(n.needSameElementType(0, 1)) || failed(n.needSameElementType(0, 2)))
    return failure();
  if (n.has(4) || n.has(5) || n.wants(1) || n.wants(2))
    return n.error() << "a cache of past keys and values is not supported: training reads whole sequences";
  if (n.wants(3))
    return n.error() << "the matrix of scores as a result is not supported";
  bool flat = n.rank(0) == 3;
  FailureOr<Value> q = positionsFirst(n, 0, qHeads, "q_num_heads"), k = positionsFirst(n, 1, kvHeads, "kv_num_heads"),
                   v = positionsFirst(n, 2, kvHeads, "kv_num_heads");
  if (failed(q) || failed(k) || failed(v))
    return failure();
  ArrayRef<int64_t> qs = tensorType(*q).getShape(), ks = tensorType(*k).getShape(), vs = tensorType(*v).getShape();
  int64_t B = qs[0], T = qs[1], H = qs[2], D = qs[3], S = ks[1], G = ks[2];
  if (ks[0] != B || vs[0] != B || vs[1] != S || vs[2] != G || ks[3] != D || G == 0 || H % G || D == 0 || S == 0)
    return n.error() << "queries " << n.type(0) << ", keys " << n.type(1) << " and values " << n.type(2)
                     << " do not fit together";
  if (failed(n.checkShape({B, H, T, S})))
    return failure();
  if (scale == 0)
    scale = 1 / std::sqrt(static_cast<double>(D));

  Build &e = n.e;
  Value mask;
  if (n.has(3)) {
    bool boolean = n.elementType(3).isInteger(1);
    if (!boolean && n.elementType(3) != n.elementType(0))
      return n.error() << "a mask must be boolean or of the queries' type, not " << n.elementType(3);
    Shape shape(n.shape(3));
    if (shape.size() > 4)
      return n.error() << "a mask of rank " << shape.size();
    shape.insert(shape.begin(), 4 - shape.size(), 1);
    mask = e.reshape(n.input(3), shape);
    // Batch and heads may stay 1; positions may not.
    FailureOr<Value> full = n.stretch(mask, {shape[0] == 1 ? 1 : B, shape[1] == 1 ? 1 : H, T, S});
    if (failed(full))
      return failure();
    mask = *full;
  }
  // The format counts both positions from 0, the dialect aligns the last ones.
  if (causal && (T != S || softcap != 0)) {
    auto type = RankedTensorType::get({1, 1, T, S}, e.b.getI64Type());
    Value query = e.iota(type, 2), key = e.iota(type, 3);
    Value seen = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::sle, key, query);
    if (!mask) {
      mask = seen;
    } else {
      FailureOr<Value> wide = n.stretch(seen, tensorType(mask).getShape());
      if (failed(wide))
        return failure();
      if (n.elementType(3).isInteger(1))
        mask = arith::AndIOp::create(e.b, e.loc, mask, *wide);
      else
        mask = e.select(*wide, mask, e.splatLike(mask, -1e30));
    }
    causal = false;
  }
  Value out;
  if (softcap != 0) {
    if (mask) {
      FailureOr<Value> wide = n.stretch(mask, {B, H, T, S});
      if (failed(wide))
        return failure();
      mask = *wide;
    }
    out = explicitAttention(e, *q, *k, *v, mask, scale, softcap);
  } else {
    auto outType = RankedTensorType::get({B, T, H, vs[3]}, n.elementType(0));
    auto lseType = RankedTensorType::get({B, H, T}, e.b.getF32Type());
    out = AttentionOp::create(e.b, e.loc, outType, lseType, *q, *k, *v, mask, APFloat(scale), causal).getOut();
  }
  return n.done(flat ? e.reshape(out, {B, T, H * vs[3]}) : e.transpose(out, {0, 2, 1, 3}));
}

static LogicalResult rotary(NodeImport &n) {
  bool interleaved = n.getInt("interleaved", 0) != 0;
  int64_t heads = n.getInt("num_heads", 0), dim = n.getInt("rotary_embedding_dim", 0);
  for (size_t i : {1, 2})
    if (failed(n.needSameElementType(0, i)))
      return failure();
  if (failed(n.needFloat()))
    return failure();
  FailureOr<Value> input = positionsFirst(n, 0, heads, "num_heads");
  if (failed(input))
    return failure();
  Build &e = n.e;
  Value x = *input;
  ArrayRef<int64_t> shape = tensorType(x).getShape();
  int64_t B = shape[0], T = shape[1], H = shape[2], D = shape[3], R = dim ? dim : D;
  if (R < 0 || R > D || R % 2)
    return n.error() << "rotary_embedding_dim " << R << " must be even and at most " << D;

  // [B, T, R] angles from caches of [positions, R/2], or [B, T, R/2] without position ids.
  auto angles = [&](size_t i) -> FailureOr<Value> {
    Value cache = n.input(i);
    if (n.has(3)) {
      if (n.rank(i) != 2 || n.rank(3) != 2 || !isa<IntegerType>(n.elementType(3))) {
        n.error() << "with position ids the caches must be matrices and the ids integers [batch, sequence]";
        return failure();
      }
      DenseElementsAttr ids = constantValue(n.input(3));
      if (ids && ids.getNumElements() && ids.isSplat())
        ids = ids.resizeSplat(RankedTensorType::get({1}, ids.getElementType()));
      if (ids)
        for (const APInt &id : ids.getValues<APInt>())
          if (id.isNegative() || id.getSExtValue() >= n.shape(i)[0]) {
            n.error() << "position " << id.getSExtValue() << " exceeds the " << n.shape(i)[0] << " rows of "
                      << n.displayName(i);
            return failure();
          }
      cache = e.gather(cache, n.input(3), 0);
    }
    ArrayRef<int64_t> s = tensorType(cache).getShape();
    // Exporters give all samples the angles of one.
    if (s == ArrayRef<int64_t>{1, T, R / 2}) {
      Value shared = e.reshape(cache, {T, R / 2});
      return e.concat({shared, shared}, 1);
    }
    if (s != ArrayRef<int64_t>{B, T, R / 2}) {
      n.error() << "the cache " << n.type(i) << " does not fit an input of type " << n.type(0);
      return failure();
    }
    return e.concat({cache, cache}, 2);
  };
  FailureOr<Value> cos = angles(1), sin = angles(2);
  if (failed(cos) || failed(sin))
    return failure();
  // Interleaved pairs (0,1), (2,3), ... become the dialect's pairs (0, R/2), (1, R/2+1), ... and back.
  auto regroup = [&](Value v, int64_t outer, int64_t inner) {
    Value head = e.slice(v, {0, 0, 0, 0}, {B, T, H, R});
    head = e.reshape(e.transpose(e.reshape(head, {B, T, H, outer, inner}), {0, 1, 2, 4, 3}), {B, T, H, R});
    return R == D ? head : e.concat({head, e.slice(v, {0, 0, 0, R}, {B, T, H, D - R})}, 3);
  };
  if (interleaved)
    x = regroup(x, R / 2, 2);
  x = RotaryOp::create(e.b, e.loc, x.getType(), x, *cos, *sin, /*transposed=*/false);
  if (interleaved)
    x = regroup(x, 2, R / 2);
  return n.done(n.rank(0) == 3 ? e.reshape(x, n.shape(0)) : e.transpose(x, {0, 2, 1, 3}));
}

void weft::registerAttention(OpTable &table) {
  table.add("Attention", attention, 3, 6, 4, 23);
  table.add("RotaryEmbedding", rotary, 3, 4, 1, 23);
}
