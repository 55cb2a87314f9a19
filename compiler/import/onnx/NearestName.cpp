//===- NearestName.cpp - What a pattern over names may have meant ---------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/NearestName.h"

#include <algorithm>
#include <vector>

using namespace llvm;

namespace {

/// Letters to change, add or leave out until the glob matches the name, or what of it begins a scope. `*` stands for
/// any letters and `?` for one; brackets and braces are read as letters, which makes such globs a little farther away.
size_t distance(StringRef glob, StringRef name) {
  // at[j]: the distance of the part of the glob seen so far to the first j letters of the name.
  std::vector<size_t> at(name.size() + 1);
  for (size_t j = 0; j <= name.size(); ++j)
    at[j] = j == 0 || name[j - 1] == '.' || name[j - 1] == '/' ? 0 : at[j - 1] + 1;
  for (char letter : glob) {
    size_t diagonal = at[0];
    at[0] += letter != '*';
    for (size_t j = 1; j <= name.size(); ++j) {
      size_t above = at[j];
      at[j] = letter == '*' ? std::min(above, at[j - 1])
                            : std::min({diagonal + (letter != '?' && letter != name[j - 1]), above + 1, at[j - 1] + 1});
      diagonal = above;
    }
  }
  return at.back();
}

} // namespace

StringRef weft::nearestName(StringRef glob, ArrayRef<std::string> names) {
  StringRef best;
  size_t letters = glob.size() - glob.count('*');
  size_t bestDistance = letters == 0 ? 0 : std::max<size_t>(2, letters / 3) + 1;
  for (const std::string &name : names)
    if (size_t d = distance(glob, name); d < bestDistance) {
      best = name;
      bestDistance = d;
    }
  return best;
}
