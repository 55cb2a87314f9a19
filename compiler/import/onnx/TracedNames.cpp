//===- TracedNames.cpp - What the tracing exporter's names say -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/TracedNames.h"
#include "llvm/ADT/StringExtras.h"
#include <algorithm>
#include <cstring>

using namespace llvm;
using namespace weft;

std::string weft::tracedScope(StringRef nodeName) {
  if (!nodeName.consume_front("/"))
    return "";
  // The last part is the operator.
  std::string scope = nodeName.contains('/') ? nodeName.rsplit('/').first.str() : "";
  std::replace(scope.begin(), scope.end(), '/', '.');
  return scope;
}

bool weft::isTracedConstant(StringRef tensorName) {
  if (!tensorName.consume_front("onnx::"))
    return false;
  auto [op, number] = tensorName.rsplit('_');
  return !op.empty() && !number.empty() && all_of(number, isDigit);
}

bool weft::hasSameElements(const onnx::Tensor &a, const onnx::Tensor &b, bool transposed, StringRef bytes) {
  int64_t width = onnx::elementTypeBytes(a.type);
  if (a.dims.size() != 2 || b.dims.size() != 2 || a.type != b.type || a.bytes != b.bytes || a.bytes <= 0 ||
      a.storage != onnx::Tensor::Storage::File || b.storage != onnx::Tensor::Storage::File)
    return false;
  int64_t rows = a.dims[0], columns = a.dims[1];
  if (transposed ? b.dims[0] != columns || b.dims[1] != rows : a.dims != b.dims)
    return false;
  const char *left = bytes.data() + a.offset, *right = bytes.data() + b.offset;
  bool varies = false;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      const char *element = left + (i * columns + j) * width;
      if (memcmp(element, right + (transposed ? j * rows + i : i * columns + j) * width, width) != 0)
        return false;
      varies |= memcmp(element, left, width) != 0;
    }
  return varies;
}
