//===- LibraryCalls.cpp - The library calls of a schedule, numbered -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/manifest/LibraryCalls.h"
#include "dialects/exec/LibraryCalls.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace weft;
namespace json = llvm::json;

namespace {
/// A list without equal entries.
class UniqueList {
public:
  int32_t add(json::Value entry) {
    std::string text;
    llvm::raw_string_ostream(text) << entry;
    auto [at, isNew] = index.try_emplace(text, static_cast<int32_t>(list.size()));
    if (isNew)
      list.push_back(std::move(entry));
    return at->second;
  }
  json::Array take() { return std::move(list); }

private:
  json::Array list;
  llvm::StringMap<int32_t> index;
};
} // namespace

std::vector<LibraryCallList> weft::numberLibraryCalls(ModuleOp scheduled) {
  // The runtime wants these lists, empty or not.
  llvm::MapVector<StringRef, UniqueList> lists;
  lists["matmuls"];
  lists["attentions"];
  Builder b(scheduled.getContext());
  scheduled.walk([&](exec::LibraryCallInterface call) {
    int32_t id = lists[call.getListName()].add(call.describe());
    call->setAttr(libraryCallAttr, b.getI32IntegerAttr(id));
  });
  std::vector<LibraryCallList> result;
  for (auto &[name, list] : lists)
    result.push_back({name.str(), list.take()});
  return result;
}
