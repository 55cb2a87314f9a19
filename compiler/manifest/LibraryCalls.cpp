//===- LibraryCalls.cpp - The products and attentions of a schedule, numbered ---===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/manifest/LibraryCalls.h"
#include "dialects/exec/Exec.h"
#include "dialects/weft/Weft.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
namespace json = llvm::json;

std::string weft::dtypeName(Type elementType) {
  std::string text;
  llvm::raw_string_ostream(text) << elementType;
  return text;
}

static MemRefType memref(Value buffer) { return cast<MemRefType>(buffer.getType()); }

static SmallVector<int64_t> stridesOf(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset;
  LogicalResult isStrided = type.getStridesAndOffset(strides, offset);
  assert(succeeded(isStrided) && "buffers of a schedule have strides");
  (void)isStrided;
  // A dimension of size 1 is never stepped along: its stride would only make equal calls differ.
  for (auto [stride, size] : llvm::zip(strides, type.getShape()))
    if (size == 1)
      stride = 0;
  return strides;
}

static json::Array toJson(ArrayRef<int64_t> values) {
  json::Array array;
  for (int64_t value : values)
    array.push_back(value);
  return array;
}

static json::Array stridesJson(Value buffer) { return toJson(stridesOf(memref(buffer))); }

/// Strides of a matrix operand. The library needs one for every dimension: where a
/// matrix has a single row or column, the dense one.
static json::Array matrixStrides(Value buffer) {
  MemRefType type = memref(buffer);
  SmallVector<int64_t> strides = stridesOf(type);
  size_t rank = strides.size();
  int64_t rows = type.getDimSize(rank - 2), columns = type.getDimSize(rank - 1);
  if (columns == 1)
    strides[rank - 1] = rows == 1 || strides[rank - 2] != 1 ? 1 : rows;
  if (rows == 1)
    strides[rank - 2] = strides[rank - 1] == 1 ? columns : 1;
  return toJson(strides);
}

static json::Value describe(weft::exec::MatmulOp op) {
  MemRefType a = memref(op.getA()), c = memref(op.getC());
  int64_t rank = a.getRank();
  return json::Object{
      {"batch", toJson(a.getShape().drop_back(2))},
      {"m", c.getDimSize(rank - 2)},
      {"n", c.getDimSize(rank - 1)},
      {"k", a.getDimSize(rank - 1)},
      {"dtype", weft::dtypeName(a.getElementType())},
      {"a_strides", matrixStrides(op.getA())},
      {"b_strides", matrixStrides(op.getB())},
      {"c_strides", matrixStrides(op.getC())},
      {"bias", static_cast<bool>(op.getBias())},
      {"accumulate", false},
      {"scratch", op.getScratch() ? memref(op.getScratch()).getNumElements() *
                                        weft::elementBytes(memref(op.getScratch()).getElementType())
                                  : 0},
  };
}

/// What the two attention calls have in common.
template <typename Op> static json::Object describeAttention(Op op) {
  MemRefType q = memref(op.getQ()), k = memref(op.getK()), v = memref(op.getV());
  json::Object entry{
      {"batch", q.getDimSize(0)},
      {"heads", q.getDimSize(2)},
      {"kv_heads", k.getDimSize(2)},
      {"queries", q.getDimSize(1)},
      {"keys", k.getDimSize(1)},
      {"head", q.getDimSize(3)},
      {"value_head", v.getDimSize(3)},
      {"scale", op.getScale().convertToDouble()},
      {"causal", op.getCausal()},
      {"dtype", weft::dtypeName(q.getElementType())},
      {"q_strides", stridesJson(op.getQ())},
      {"k_strides", stridesJson(op.getK())},
      {"v_strides", stridesJson(op.getV())},
      {"out_strides", stridesJson(op.getOut())},
      {"mask", op.getMask() ? weft::dtypeName(memref(op.getMask()).getElementType()) : "none"},
  };
  if (op.getMask())
    entry["mask_strides"] = stridesJson(op.getMask());
  return entry;
}

static json::Value describe(weft::exec::AttentionOp op) {
  json::Object entry = describeAttention(op);
  // The forward call reads no gradient; an entry has all strides.
  entry["dout_strides"] = stridesJson(op.getOut());
  entry["dq_strides"] = stridesJson(op.getQ());
  entry["dk_strides"] = stridesJson(op.getK());
  entry["dv_strides"] = stridesJson(op.getV());
  return entry;
}

static json::Value describe(weft::exec::AttentionGradOp op) {
  json::Object entry = describeAttention(op);
  entry["dout_strides"] = stridesJson(op.getDout());
  entry["dq_strides"] = stridesJson(op.getDq());
  entry["dk_strides"] = stridesJson(op.getDk());
  entry["dv_strides"] = stridesJson(op.getDv());
  return entry;
}

namespace {
/// A list without equal entries.
class UniqueList {
public:
  explicit UniqueList(json::Array &list) : list(list) {}
  int32_t add(json::Value entry) {
    std::string text;
    llvm::raw_string_ostream(text) << entry;
    auto [at, isNew] = index.try_emplace(text, static_cast<int32_t>(list.size()));
    if (isNew)
      list.push_back(std::move(entry));
    return at->second;
  }

private:
  json::Array &list;
  llvm::StringMap<int32_t> index;
};
} // namespace

weft::LibraryCalls weft::numberLibraryCalls(ModuleOp scheduled) {
  LibraryCalls calls;
  UniqueList matmuls(calls.matmuls), attentions(calls.attentions);
  Builder b(scheduled.getContext());
  auto number = [&](Operation *op, int32_t id) { op->setAttr(libraryCallAttr, b.getI32IntegerAttr(id)); };
  scheduled.walk([&](Operation *op) {
    if (auto matmul = dyn_cast<exec::MatmulOp>(op))
      number(op, matmuls.add(describe(matmul)));
    else if (auto attention = dyn_cast<exec::AttentionOp>(op))
      number(op, attentions.add(describe(attention)));
    else if (auto grad = dyn_cast<exec::AttentionGradOp>(op))
      number(op, attentions.add(describe(grad)));
  });
  return calls;
}
