//===- PlanAttrs.cpp - Plans in terms of IR -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/shard/PlanAttrs.h"

using namespace mlir;
using namespace weft;

static ArrayAttr toAttr(MLIRContext *context, const std::vector<std::string> &names) {
  return ArrayAttr::get(context, llvm::map_to_vector(names, [&](const std::string &name) -> Attribute {
                          return StringAttr::get(context, name);
                        }));
}

static std::vector<std::string> toNames(ArrayAttr attr) {
  std::vector<std::string> names;
  for (StringAttr name : attr.getAsRange<StringAttr>())
    names.push_back(name.str());
  return names;
}

dist::ShardingAttr weft::toAttr(MLIRContext *context, const Layout &layout) {
  SmallVector<Attribute> dims;
  for (const auto &axes : layout.dims)
    dims.push_back(::toAttr(context, axes));
  return dist::ShardingAttr::get(context, ArrayAttr::get(context, dims), ::toAttr(context, layout.unreduced));
}

Layout weft::toLayout(dist::ShardingAttr attr) {
  Layout layout;
  for (ArrayAttr axes : attr.getDims().getAsRange<ArrayAttr>())
    layout.dims.push_back(toNames(axes));
  layout.unreduced = toNames(attr.getUnreduced());
  return layout;
}
