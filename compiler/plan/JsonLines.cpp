//===- JsonLines.cpp - Where in a file a JSON value stands -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/JsonLines.h"
#include "llvm/Support/JSON.h"

using namespace weft;

std::string weft::toString(const JsonPath &path) {
  std::string text;
  for (const auto &[key, index] : path)
    text += key.empty() ? "[" + std::to_string(index) + "]" : (text.empty() ? "" : ".") + key;
  return text;
}

JsonLines::JsonLines(llvm::StringRef text, std::string file) : rest(text), file(std::move(file)) { scanValue({}); }

int64_t JsonLines::find(const JsonPath &path) const {
  auto it = lines.find(toString(path));
  return it == lines.end() ? 0 : it->second;
}

std::string JsonLines::describe(const JsonPath &path) const {
  int64_t at = find(path);
  std::string name = toString(path);
  return "plan '" + file + "'" + (at ? ", line " + std::to_string(at) : "") + ": " +
         (name.empty() ? "the document" : name) + " ";
}

void JsonLines::skipSpace() {
  while (!rest.empty() && llvm::StringRef(" \t\r\n").contains(rest.front())) {
    line += rest.front() == '\n';
    rest = rest.drop_front();
  }
}

/// A string at the beginning of what is left.
std::string JsonLines::scanString() {
  size_t end = 1;
  while (end < rest.size() && rest[end] != '"')
    end += rest[end] == '\\' ? 2 : 1;
  llvm::StringRef literal = rest.take_front(end + 1);
  rest = rest.drop_front(literal.size());
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(literal);
  if (value && value->getAsString())
    return value->getAsString()->str();
  llvm::consumeError(value.takeError());
  return "";
}

void JsonLines::scanValue(const JsonPath &path) {
  skipSpace();
  lines[toString(path)] = line;
  if (rest.empty())
    return;
  char open = rest.front();
  if (open == '"') {
    scanString();
    return;
  }
  if (open != '{' && open != '[') {
    rest = rest.drop_until([](char c) { return llvm::StringRef(",]} \t\r\n").contains(c); });
    return;
  }
  rest = rest.drop_front();
  for (size_t index = 0;; ++index) {
    skipSpace();
    if (rest.empty())
      return;
    if (rest.front() == '}' || rest.front() == ']') {
      rest = rest.drop_front();
      return;
    }
    JsonPath entry = path;
    entry.push_back({"", index});
    if (open == '{') {
      entry.back().first = scanString();
      skipSpace();
      rest.consume_front(":");
    }
    scanValue(entry);
    skipSpace();
    rest.consume_front(",");
  }
}
