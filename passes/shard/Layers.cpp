//===- Layers.cpp - What a plan calls the ops of a step -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/shard/Layers.h"
#include "dialects/weft/Weft.h"
#include "passes/shard/Region.h"

using namespace mlir;
using namespace weft;

std::string weft::layerOf(Location loc) {
  std::string layer;
  loc->walk([&](Location part) {
    if (auto name = dyn_cast<NameLoc>(part)) {
      layer = name.getName().str();
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return layer;
}

static std::string keyOf(StringRef layer, StringRef op, int64_t ordinal) {
  return (layer + "\n" + op + "\n" + Twine(ordinal)).str();
}

LayerNames::LayerNames(func::FuncOp function) {
  llvm::StringMap<int64_t> count;
  for (Operation &op : function.getBody().front()) {
    if (regionOf(op.getLoc()) != "forward" || op.getNumResults() == 0)
      continue;
    Name name{layerOf(op.getLoc()), op.getName().stripDialect().str(), 0};
    // A read is called by what it reads.
    if (auto read = dyn_cast<ReadOp>(op))
      name.layer = read.getSymbol().str();
    name.ordinal = count[name.layer + "\n" + name.op]++;
    ops[keyOf(name.layer, name.op, name.ordinal)] = &op;
    names[&op] = std::move(name);
  }
}

Operation *LayerNames::find(StringRef layer, StringRef op, int64_t ordinal) const {
  return ops.lookup(keyOf(layer, op, ordinal));
}
