//===- Bitwise.cpp - ONNX operators on the bits of integers ---------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/NodeImport.h"

using namespace mlir;
using namespace weft;

/// Operands 0 and 1, integers of one type that are not booleans, stretched to their common shape.
static FailureOr<std::pair<Value, Value>> integerPair(NodeImport &n) {
  if (failed(n.needSameElementType(0, 1)))
    return failure();
  if (n.isFloat(0) || n.elementType(0).isInteger(1)) {
    n.error() << n.node.opType << " is defined on integers only, not on " << n.elementType(0);
    return failure();
  }
  SmallVector<Value> both{n.input(0), n.input(1)};
  if (failed(n.stretchTogether(both)))
    return failure();
  return std::pair(both[0], both[1]);
}

template <typename Op> static LogicalResult bitwise(NodeImport &n) {
  auto both = integerPair(n);
  if (failed(both))
    return failure();
  return n.done(Op::create(n.e.b, n.e.loc, both->first, both->second));
}

static LogicalResult bitwiseNot(NodeImport &n) {
  if (n.isFloat(0) || n.elementType(0).isInteger(1))
    return n.error() << "BitwiseNot is defined on integers only, not on " << n.elementType(0);
  return n.done(arith::XOrIOp::create(n.e.b, n.e.loc, n.input(0), n.e.splatLike(n.input(0), -1)));
}

/// Shifts by the width and more, which arith leaves undefined, shift every bit out; a signed integer keeps its sign.
static LogicalResult bitShift(NodeImport &n) {
  std::string direction = n.getString("direction", "");
  auto both = integerPair(n);
  if (failed(both))
    return failure();
  if (direction != "LEFT" && direction != "RIGHT")
    return n.error() << "direction must be 'LEFT' or 'RIGHT', not '" << direction << "'";
  Build &e = n.e;
  auto [x, by] = *both;
  int64_t width = n.elementType(0).getIntOrFloatBitWidth();
  Value inside =
      arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ult, by, e.splatLike(by, static_cast<double>(width)));
  auto within = [&](int64_t instead) { return e.select(inside, by, e.splatLike(by, static_cast<double>(instead))); };
  if (direction == "RIGHT" && !n.isUnsigned(0))
    return n.done(arith::ShRSIOp::create(e.b, e.loc, x, within(width - 1)));
  Value shifted;
  if (direction == "LEFT")
    shifted = arith::ShLIOp::create(e.b, e.loc, x, within(0));
  else
    shifted = arith::ShRUIOp::create(e.b, e.loc, x, within(0));
  return n.done(e.select(inside, shifted, e.splatLike(x, 0)));
}

void weft::registerBitwise(OpTable &table) {
  table.add("BitwiseAnd", bitwise<arith::AndIOp>, 2, 2, 1, 18);
  table.add("BitwiseOr", bitwise<arith::OrIOp>, 2, 2, 1, 18);
  table.add("BitwiseXor", bitwise<arith::XOrIOp>, 2, 2, 1, 18);
  table.add("BitwiseNot", bitwiseNot, 1, 1, 1, 18);
  table.add("BitShift", bitShift, 2, 2);
  table.takeUnsigned(0, {"BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot", "BitShift"});
}
