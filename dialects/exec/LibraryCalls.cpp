//===- LibraryCalls.cpp - Library calls on buffers -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/exec/LibraryCalls.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace weft;
using namespace weft::exec;
namespace json = llvm::json;

#include "dialects/exec/ConvolutionEnums.cpp.inc"
#include "dialects/exec/LibraryInterfaces.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/exec/ConvolutionOps.cpp.inc"

std::string exec::dtypeName(Type elementType) {
  std::string text;
  llvm::raw_string_ostream(text) << elementType;
  return text;
}

static MemRefType memref(Value buffer) { return cast<MemRefType>(buffer.getType()); }

static double elementsOf(Value buffer) { return static_cast<double>(memref(buffer).getNumElements()); }

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

/// Bytes of a workspace; 0 where there is none.
static int64_t workspaceBytes(Value scratch) {
  return scratch ? memref(scratch).getNumElements() * elementBytes(memref(scratch).getElementType()) : 0;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

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

json::Object exec::describeProduct(Value a, Value b, Value bias, Value c, Value scratch) {
  MemRefType lhs = memref(a), result = memref(c);
  int64_t rank = lhs.getRank();
  return json::Object{
      {"batch", toJson(lhs.getShape().drop_back(2))},
      {"m", result.getDimSize(rank - 2)},
      {"n", result.getDimSize(rank - 1)},
      {"k", lhs.getDimSize(rank - 1)},
      {"dtype", dtypeName(lhs.getElementType())},
      {"a_strides", matrixStrides(a)},
      {"b_strides", matrixStrides(b)},
      {"c_strides", matrixStrides(c)},
      {"bias", static_cast<bool>(bias)},
      {"accumulate", false},
      {"scratch", workspaceBytes(scratch)},
  };
}

namespace {

struct MatmulCall : LibraryCallInterface::ExternalModel<MatmulCall, MatmulOp> {
  StringRef getListName(Operation *) const { return "matmuls"; }
  StringRef getRuntimeFunction(Operation *) const { return "weft_matmul"; }
  json::Object describe(Operation *op) const {
    auto matmul = cast<MatmulOp>(op);
    return describeProduct(matmul.getA(), matmul.getB(), matmul.getBias(), matmul.getC(), matmul.getScratch());
  }
  SmallVector<Value> getCallBuffers(Operation *op) const {
    auto matmul = cast<MatmulOp>(op);
    return {matmul.getA(), matmul.getB(), matmul.getBias(), matmul.getC(), matmul.getScratch()};
  }
  double getFlops(Operation *op) const {
    auto matmul = cast<MatmulOp>(op);
    return 2 * elementsOf(matmul.getC()) * static_cast<double>(memref(matmul.getA()).getShape().back());
  }
  Value getWorkspaceBuffer(Operation *op) const { return cast<MatmulOp>(op).getScratch(); }
};

} // namespace

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// What the two calls have in common.
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
      {"dtype", dtypeName(q.getElementType())},
      {"q_strides", stridesJson(op.getQ())},
      {"k_strides", stridesJson(op.getK())},
      {"v_strides", stridesJson(op.getV())},
      {"out_strides", stridesJson(op.getOut())},
      {"mask", op.getMask() ? dtypeName(memref(op.getMask()).getElementType()) : "none"},
  };
  if (op.getMask())
    entry["mask_strides"] = stridesJson(op.getMask());
  if (op.getScratch())
    entry["scratch"] = workspaceBytes(op.getScratch());
  return entry;
}

/// The buffers of a call, with the workspace of a target that has one.
template <typename Op> static SmallVector<Value> withWorkspace(Op op, SmallVector<Value> buffers) {
  if (op.getScratch())
    buffers.push_back(op.getScratch());
  return buffers;
}

/// Scores: pairs of a query and a key that it sees.
template <typename Op> static double attentionScores(Op op) {
  MemRefType q = memref(op.getQ()), k = memref(op.getK());
  double pairs = static_cast<double>(q.getDimSize(1)) * static_cast<double>(k.getDimSize(1));
  return static_cast<double>(q.getDimSize(0) * q.getDimSize(2)) * (op.getCausal() ? pairs / 2 : pairs);
}

/// Each score costs a multiply-add for every element of a head, in each of the products.
template <typename Op> static double attentionFlops(Op op, double headProducts, double valueProducts) {
  double head = memref(op.getQ()).getDimSize(3), valueHead = memref(op.getV()).getDimSize(3);
  return 2 * attentionScores(op) * (headProducts * head + valueProducts * valueHead);
}

namespace {

struct AttentionCall : LibraryCallInterface::ExternalModel<AttentionCall, exec::AttentionOp> {
  StringRef getListName(Operation *) const { return "attentions"; }
  StringRef getRuntimeFunction(Operation *) const { return "weft_attention_forward"; }
  json::Object describe(Operation *op) const {
    auto attention = cast<exec::AttentionOp>(op);
    json::Object entry = describeAttention(attention);
    // The forward call reads no gradient; an entry has all strides.
    entry["dout_strides"] = stridesJson(attention.getOut());
    entry["dq_strides"] = stridesJson(attention.getQ());
    entry["dk_strides"] = stridesJson(attention.getK());
    entry["dv_strides"] = stridesJson(attention.getV());
    return entry;
  }
  SmallVector<Value> getCallBuffers(Operation *op) const {
    auto a = cast<exec::AttentionOp>(op);
    return withWorkspace(a, {a.getQ(), a.getK(), a.getV(), a.getMask(), a.getOut(), a.getLse()});
  }
  double getFlops(Operation *op) const { return attentionFlops(cast<exec::AttentionOp>(op), 1, 1); }
  Value getWorkspaceBuffer(Operation *op) const { return cast<exec::AttentionOp>(op).getScratch(); }
};

struct AttentionGradCall : LibraryCallInterface::ExternalModel<AttentionGradCall, exec::AttentionGradOp> {
  StringRef getListName(Operation *) const { return "attentions"; }
  StringRef getRuntimeFunction(Operation *) const { return "weft_attention_backward"; }
  json::Object describe(Operation *op) const {
    auto grad = cast<exec::AttentionGradOp>(op);
    json::Object entry = describeAttention(grad);
    entry["dout_strides"] = stridesJson(grad.getDout());
    entry["dq_strides"] = stridesJson(grad.getDq());
    entry["dk_strides"] = stridesJson(grad.getDk());
    entry["dv_strides"] = stridesJson(grad.getDv());
    return entry;
  }
  SmallVector<Value> getCallBuffers(Operation *op) const {
    auto g = cast<exec::AttentionGradOp>(op);
    return withWorkspace(g, {g.getDout(), g.getQ(), g.getK(), g.getV(), g.getMask(), g.getOut(), g.getLse(), g.getDq(),
                             g.getDk(), g.getDv()});
  }
  double getFlops(Operation *op) const { return attentionFlops(cast<exec::AttentionGradOp>(op), 3, 2); }
  Value getWorkspaceBuffer(Operation *op) const { return cast<exec::AttentionGradOp>(op).getScratch(); }
};

} // namespace

void exec::attachLibraryCalls(MLIRContext *context) {
  MatmulOp::attachInterface<MatmulCall>(*context);
  exec::AttentionOp::attachInterface<AttentionCall>(*context);
  exec::AttentionGradOp::attachInterface<AttentionGradCall>(*context);
}

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

namespace {
/// The three tensors of a convolution, whichever the call computes.
struct ConvolutionBuffers {
  MemRefType input, filter, output;
};
} // namespace

static ConvolutionBuffers tensorsOf(exec::ConvolutionOp op) {
  MemRefType a = memref(op.getA()), b = memref(op.getB()), c = memref(op.getC());
  switch (op.getKind()) {
  case ConvolutionCallKind::forward:
    return {a, b, c};
  case ConvolutionCallKind::input_grad:
    return {c, b, a};
  case ConvolutionCallKind::weight_grad:
    return {a, c, b};
  }
  llvm_unreachable("unknown kind of convolution");
}

LogicalResult exec::ConvolutionOp::verify() {
  auto [input, filter, output] = tensorsOf(*this);
  int64_t rank = input.getRank();
  if (rank < 3 || filter.getRank() != rank || output.getRank() != rank)
    return emitOpError("needs buffers of one rank, at least 3");
  for (ArrayRef<int64_t> values : {getStrides(), getLow(), getHigh(), getDilations()})
    if (static_cast<int64_t>(values.size()) != rank - 2)
      return emitOpError("has ") << values.size() << " entries for " << rank - 2 << " spatial dimensions";
  for (Value buffer : {getA(), getB(), getC()})
    if (!memref(buffer).getLayout().isIdentity())
      return emitOpError("needs dense buffers");
  return success();
}

StringRef exec::ConvolutionOp::getListName() { return "convolutions"; }
StringRef exec::ConvolutionOp::getRuntimeFunction() { return "weft_convolution"; }

json::Object exec::ConvolutionOp::describe() {
  auto [input, filter, output] = tensorsOf(*this);
  return json::Object{{"kind", stringifyConvolutionCallKind(getKind())},
                      {"dtype", dtypeName(input.getElementType())},
                      {"input", toJson(input.getShape())},
                      {"filter", toJson(filter.getShape())},
                      {"output", toJson(output.getShape())},
                      {"strides", toJson(getStrides())},
                      {"low", toJson(getLow())},
                      {"high", toJson(getHigh())},
                      {"dilations", toJson(getDilations())},
                      {"scratch", workspaceBytes(getScratch())}};
}

SmallVector<Value> exec::ConvolutionOp::getCallBuffers() { return {getA(), getB(), getC(), getScratch()}; }

double exec::ConvolutionOp::getFlops() {
  auto [input, filter, output] = tensorsOf(*this);
  return 2 * static_cast<double>(output.getNumElements()) * static_cast<double>(filter.getNumElements()) /
         static_cast<double>(filter.getDimSize(0));
}

Value exec::ConvolutionOp::getWorkspaceBuffer() { return getScratch(); }
