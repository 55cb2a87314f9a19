//===- Exec.cpp - The exec dialect -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/exec/Exec.h"
#include "dialects/exec/AttentionCalls.h"
#include "dialects/exec/CollectiveCalls.h"
#include "dialects/exec/LibraryCalls.h"
#include "dialects/exec/ProductCalls.h"
#include "dialects/exec/SortCalls.h"
#include "dialects/exec/Streams.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace weft;
using namespace weft::exec;

#include "dialects/exec/Dialect.cpp.inc"
#include "dialects/exec/Enums.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/exec/Ops.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/exec/StreamOps.cpp.inc"

void ExecDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/exec/Ops.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/exec/ConvolutionOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/exec/SortOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/exec/AttentionOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/exec/ProductOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/exec/CollectiveOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/exec/StreamOps.cpp.inc"
      >();
  attachLibraryOps(getContext());
  attachCollectiveOps(getContext());
  attachSortOps(getContext());
  attachLibraryCalls(getContext());
}

int64_t exec::membersOf(Operation *op) {
  auto members = op->getAttrOfType<IntegerAttr>(membersAttr);
  return members ? members.getInt() : 1;
}

LogicalResult FusedOp::verify() {
  Block &block = getBody().front();
  if (block.getNumArguments() != getInputs().size())
    return emitOpError("has ") << getInputs().size() << " inputs and " << block.getNumArguments() << " block arguments";
  for (auto [input, arg] : llvm::zip(getInputs(), block.getArguments()))
    if (input.getType() != arg.getType())
      return emitOpError("passes ") << input.getType() << " as " << arg.getType();
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield || yield.getValues().getTypes() != getResults().getTypes())
    return emitOpError("does not yield its results");
  int64_t members = membersOf(*this);
  if (members < 1 || getInputs().size() % members != 0 || getNumResults() % members != 0)
    return emitOpError("has ") << getInputs().size() << " inputs and " << getNumResults() << " results, not of "
                               << members << " members";
  return success();
}

LogicalResult MatmulOp::verify() {
  auto a = cast<MemRefType>(getA().getType()), b = cast<MemRefType>(getB().getType()),
       c = cast<MemRefType>(getC().getType());
  int64_t rank = a.getRank();
  if (rank < 2 || b.getRank() != rank || c.getRank() != rank)
    return emitOpError("needs operands of one rank, at least 2");
  for (int64_t i = 0; i < rank - 2; ++i)
    if (a.getDimSize(i) != b.getDimSize(i) || a.getDimSize(i) != c.getDimSize(i))
      return emitOpError("batch dimension ") << i << " differs";
  if (a.getDimSize(rank - 1) != b.getDimSize(rank - 2) || a.getDimSize(rank - 2) != c.getDimSize(rank - 2) ||
      b.getDimSize(rank - 1) != c.getDimSize(rank - 1))
    return emitOpError("sizes of m, n and k do not agree");
  return success();
}
