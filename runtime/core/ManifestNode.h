//===- ManifestNode.h - A JSON value that knows its place -------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CORE_MANIFESTNODE_H
#define WEFT_CORE_MANIFESTNODE_H

#include "core/DType.h"
#include "core/Error.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace weft::rt {

using nlohmann::json;

/// A JSON value together with its path, so that every fault names its place.
class Node {
public:
  Node(const json &value, std::string path) : value(value), path(std::move(path)) {}

  [[noreturn]] void fail(const std::string &what) const { throw InternalError("manifest: " + path + ": " + what); }

  Node at(const char *key) const {
    if (!value.is_object())
      fail("expected an object");
    auto found = value.find(key);
    if (found == value.end())
      fail(std::string("'") + key + "' is missing");
    return Node(*found, path.empty() ? key : path + "." + key);
  }
  bool has(const char *key) const { return value.is_object() && value.contains(key) && !value[key].is_null(); }

  std::vector<Node> items() const {
    if (!value.is_array())
      fail("expected an array");
    std::vector<Node> nodes;
    for (size_t i = 0; i < value.size(); ++i)
      nodes.emplace_back(value[i], path + "[" + std::to_string(i) + "]");
    return nodes;
  }

  std::string text() const {
    if (!value.is_string())
      fail("expected a string");
    return value.get<std::string>();
  }
  double number() const {
    if (!value.is_number())
      fail("expected a number");
    return value.get<double>();
  }
  int64_t integer(int64_t least = 0) const {
    if (!value.is_number_integer() || value.get<int64_t>() < least)
      fail("expected an integer of at least " + std::to_string(least));
    return value.get<int64_t>();
  }
  bool boolean() const {
    if (!value.is_boolean())
      fail("expected true or false");
    return value.get<bool>();
  }
  DType dtype() const {
    DType type;
    if (!parseDType(text(), type))
      fail("unknown element type '" + text() + "'");
    return type;
  }
  std::vector<int64_t> integers(int64_t least = 0) const {
    std::vector<int64_t> result;
    for (const Node &item : items())
      result.push_back(item.integer(least));
    return result;
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> result;
    for (const Node &item : items())
      result.push_back(item.text());
    return result;
  }
  /// Exactly `count` strides.
  std::vector<int64_t> strides(size_t count) const {
    std::vector<int64_t> result = integers();
    if (result.size() != count)
      fail("expected " + std::to_string(count) + " strides");
    return result;
  }

  const json &value;
  std::string path;
};

/// The index of a word in a list. Fails at `node` when it is not there.
template <size_t Count> size_t parseWord(const Node &node, const char *const (&words)[Count]) {
  for (size_t i = 0; i < Count; ++i)
    if (node.text() == words[i])
      return i;
  node.fail("unknown word '" + node.text() + "'");
}

} // namespace weft::rt

#endif // WEFT_CORE_MANIFESTNODE_H
