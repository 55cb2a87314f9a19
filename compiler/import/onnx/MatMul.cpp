//===- MatMul.cpp - ONNX matrix products -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/NodeImport.h"

using namespace mlir;
using namespace weft;

using Shape = NodeImport::Shape;

/// The product's free sizes multiplied; checked before the product exists.
static LogicalResult checkProduct(NodeImport &n, ArrayRef<int64_t> batch, int64_t rows, int64_t columns) {
  Shape shape(batch);
  shape.append({rows, columns});
  return n.checkShape(shape);
}

static LogicalResult matmul(NodeImport &n) {
  if (failed(n.needSameElementType(0, 1)))
    return failure();
  Build &e = n.e;
  Value lhs = n.input(0), rhs = n.input(1);
  if (n.rank(0) == 0 || n.rank(1) == 0)
    return n.error() << "a matrix product of a scalar";
  // A vector is a row on the left and a column on the right; the dimension added is dropped at the end.
  bool row = n.rank(0) == 1, column = n.rank(1) == 1;
  if (row)
    lhs = e.reshape(lhs, {1, n.shape(0)[0]});
  if (column)
    rhs = e.reshape(rhs, {n.shape(1)[0], 1});
  ArrayRef<int64_t> l = tensorType(lhs).getShape(), r = tensorType(rhs).getShape();
  if (l.back() != r[r.size() - 2])
    return n.error() << "the inner sizes of " << n.type(0) << " and " << n.type(1) << " differ: " << l.back() << " and "
                     << r[r.size() - 2];

  int64_t columns = r.back(), inner = l.back();
  Value product;
  if (llvm::all_of(r.drop_back(2), [](int64_t size) { return size == 1; }) && r.size() <= l.size()) {
    // A weight on the right: the leading dimensions of the left are rows.
    if (failed(checkProduct(n, l.drop_back(1), 1, columns)))
      return failure();
    product = e.dot(lhs, e.reshape(rhs, {inner, columns}), {}, {}, {static_cast<int64_t>(l.size()) - 1}, {0});
  } else {
    Shape lead;
    size_t rank = std::max(l.size(), r.size());
    for (size_t i = 0; i + 2 < rank; ++i) {
      int64_t a = i + l.size() >= rank ? l[i + l.size() - rank] : 1,
              b = i + r.size() >= rank ? r[i + r.size() - rank] : 1;
      if (a != b && a != 1 && b != 1)
        return n.error() << "the leading sizes of " << n.type(0) << " and " << n.type(1) << " do not fit together";
      lead.push_back(a == 1 ? b : a);
    }
    if (failed(checkProduct(n, lead, l[l.size() - 2], columns)))
      return failure();
    auto withLead = [&](Value v) {
      Shape to(lead);
      llvm::append_range(to, tensorType(v).getShape().take_back(2));
      return n.stretch(v, to);
    };
    FailureOr<Value> wideLhs = withLead(lhs), wideRhs = withLead(rhs);
    if (failed(wideLhs) || failed(wideRhs))
      return failure();
    Shape batch = llvm::to_vector(llvm::seq<int64_t>(0, lead.size()));
    int64_t first = lead.size();
    product = e.dot(*wideLhs, *wideRhs, batch, batch, {first + 1}, {first});
  }
  Shape shape(tensorType(product).getShape());
  if (column)
    shape.pop_back();
  if (row)
    shape.erase(shape.end() - (column ? 1 : 2));
  return n.done(e.reshape(product, shape));
}

static LogicalResult gemm(NodeImport &n) {
  double alpha = n.getFloat("alpha", 1), beta = n.getFloat("beta", 1);
  bool transA = n.getInt("transA", 0) != 0, transB = n.getInt("transB", 0) != 0;
  if (n.rank(0) != 2 || n.rank(1) != 2)
    return n.error() << "operands of Gemm must be matrices, not " << n.type(0) << " and " << n.type(1);
  if (failed(n.needSameElementType(0, 1)) || (n.has(2) && failed(n.needSameElementType(0, 2))))
    return failure();
  if (!n.isFloat(0) && (alpha != 1 || beta != 1))
    return n.error() << "Gemm of integers with alpha or beta";
  if (n.shape(0)[transA ? 0 : 1] != n.shape(1)[transB ? 1 : 0])
    return n.error() << "the inner sizes of " << n.type(0) << " and " << n.type(1)
                     << " differ: " << n.shape(0)[transA ? 0 : 1] << " and " << n.shape(1)[transB ? 1 : 0];
  if (failed(checkProduct(n, {}, n.shape(0)[transA ? 1 : 0], n.shape(1)[transB ? 0 : 1])))
    return failure();
  Build &e = n.e;
  Value result = e.dot(n.input(0), n.input(1), {}, {}, {transA ? 0 : 1}, {transB ? 1 : 0});
  if (alpha != 1)
    result = e.mul(result, e.splatLike(result, alpha));
  if (n.has(2) && beta != 0) {
    FailureOr<Value> bias = n.stretch(n.input(2), tensorType(result).getShape());
    if (failed(bias))
      return failure();
    result = e.add(result, beta == 1 ? *bias : e.mul(*bias, e.splatLike(*bias, beta)));
  }
  return n.done(result);
}

void weft::registerMatMul(OpTable &table) {
  table.add("MatMul", matmul, 2, 2);
  table.add("Gemm", gemm, 2, 3);
  // Sums and products modulo 2^width are the same for both.
  table.takeUnsigned(0, {"MatMul", "Gemm"});
}
