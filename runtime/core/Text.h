//===- Text.h - Numbers as people read them ---------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CORE_TEXT_H
#define WEFT_CORE_TEXT_H

#include <cstdint>
#include <cstdio>
#include <string>

namespace weft::rt {

/// printf into a string.
template <typename... Args> std::string format(const char *pattern, Args... args) {
  int size = snprintf(nullptr, 0, pattern, args...);
  std::string text(size, '\0');
  snprintf(text.data(), text.size() + 1, pattern, args...);
  return text;
}

/// "512 B", "1.50 KiB", "2.25 GiB".
inline std::string formatBytes(int64_t bytes) {
  static constexpr const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  for (; value >= 1024 && unit < 4; ++unit)
    value /= 1024;
  return unit == 0 ? format("%lld B", static_cast<long long>(bytes)) : format("%.2f %s", value, units[unit]);
}

/// "12 s", "3 min 20 s", "2 h 5 min".
inline std::string formatDuration(double seconds) {
  long long whole = static_cast<long long>(seconds + 0.5);
  if (whole < 60)
    return format("%lld s", whole);
  if (whole < 3600)
    return format("%lld min %lld s", whole / 60, whole % 60);
  return format("%lld h %lld min", whole / 3600, whole % 3600 / 60);
}

/// A line of `--plan`: "  label            value".
inline std::string planLine(const std::string &label, const std::string &value) {
  return format("  %-18s %s\n", label.c_str(), value.c_str());
}

/// "[2, 3]".
template <typename Shape> std::string formatShape(const Shape &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

} // namespace weft::rt

#endif // WEFT_CORE_TEXT_H
