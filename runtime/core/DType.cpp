//===- DType.cpp - Element types ------------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/DType.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace weft::rt;

namespace {

struct TypeInfo {
  const char *name, *safetensors;
  int64_t bytes;
  bool isFloat;
};

/// In the order of the enumeration.
constexpr TypeInfo kTypes[] = {{"f32", "F32", 4, true},   {"f64", "F64", 8, true},  {"f16", "F16", 2, true},
                               {"bf16", "BF16", 2, true}, {"i64", "I64", 8, false}, {"i32", "I32", 4, false},
                               {"i16", "I16", 2, false},  {"i8", "I8", 1, false},   {"u64", "U64", 8, false},
                               {"u32", "U32", 4, false},  {"u16", "U16", 2, false}, {"u8", "U8", 1, false},
                               {"i1", "BOOL", 1, false}};

constexpr const TypeInfo &info(DType type) { return kTypes[static_cast<int>(type)]; }

template <typename T> T loadAs(const void *data, int64_t index) {
  T value;
  memcpy(&value, static_cast<const char *>(data) + index * sizeof(T), sizeof(T));
  return value;
}

template <typename T> void storeAs(void *data, int64_t index, T value) {
  memcpy(static_cast<char *>(data) + index * sizeof(T), &value, sizeof(T));
}

float bitsToFloat(uint32_t bits) { return loadAs<float>(&bits, 0); }
uint32_t floatToBits(float value) { return loadAs<uint32_t>(&value, 0); }

float bf16ToFloat(uint16_t bits) { return bitsToFloat(uint32_t(bits) << 16); }

uint16_t floatToBf16(float value) {
  uint32_t bits = floatToBits(value);
  if (std::isnan(value))
    return static_cast<uint16_t>((bits >> 16) | 0x40);
  return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

float f16ToFloat(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16, exponent = (half >> 10) & 31, fraction = half & 1023;
  if (exponent == 31)
    return bitsToFloat(sign | 0x7F800000 | (fraction << 13));
  if (exponent == 0)
    return (sign ? -1.0f : 1.0f) * std::ldexp(static_cast<float>(fraction), -24);
  return bitsToFloat(sign | ((exponent + 112) << 23) | (fraction << 13));
}

uint16_t floatToF16(float value) {
  uint32_t bits = floatToBits(value);
  uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  float magnitude = std::fabs(value);
  if (std::isnan(value))
    return sign | 0x7E00;
  if (magnitude >= 65520.0f)
    return sign | 0x7C00;
  if (magnitude < 6.103515625e-05f) // Below the normal numbers: units of 2^-24, ties to even by the rounding mode.
    return sign | static_cast<uint16_t>(std::nearbyint(std::ldexp(magnitude, 24)));
  uint32_t rounded = (bits & 0x7FFFFFFF) + 0xFFF + ((bits >> 13) & 1);
  return sign | static_cast<uint16_t>((rounded >> 13) - (112 << 10));
}

void storeInteger(void *data, DType type, int64_t index, int64_t value) {
  switch (type) {
  case DType::I64:
  case DType::U64:
    return storeAs<int64_t>(data, index, value);
  case DType::I32:
  case DType::U32:
    return storeAs<int32_t>(data, index, static_cast<int32_t>(value));
  case DType::I16:
  case DType::U16:
    return storeAs<int16_t>(data, index, static_cast<int16_t>(value));
  case DType::I1:
    return storeAs<uint8_t>(data, index, value != 0);
  default:
    return storeAs<uint8_t>(data, index, static_cast<uint8_t>(value));
  }
}

void storeFloat(void *data, DType type, int64_t index, double value) {
  switch (type) {
  case DType::F64:
    return storeAs<double>(data, index, value);
  case DType::F16:
    return storeAs<uint16_t>(data, index, floatToF16(static_cast<float>(value)));
  case DType::BF16:
    return storeAs<uint16_t>(data, index, floatToBf16(static_cast<float>(value)));
  default:
    return storeAs<float>(data, index, static_cast<float>(value));
  }
}

} // namespace

bool weft::rt::parseDType(const std::string &name, DType &type) {
  for (size_t i = 0; i < std::size(kTypes); ++i)
    if (name == kTypes[i].name)
      return type = static_cast<DType>(i), true;
  return false;
}

bool weft::rt::parseSafetensorsDType(const std::string &name, DType &type) {
  for (size_t i = 0; i < std::size(kTypes); ++i)
    if (name == kTypes[i].safetensors)
      return type = static_cast<DType>(i), true;
  return false;
}

const char *weft::rt::dtypeName(DType type) { return info(type).name; }
const char *weft::rt::safetensorsName(DType type) { return info(type).safetensors; }
int64_t weft::rt::elementBytes(DType type) { return info(type).bytes; }
bool weft::rt::isFloat(DType type) { return info(type).isFloat; }

int64_t weft::rt::loadInteger(const void *data, DType type, int64_t index) {
  switch (type) {
  case DType::I64:
  case DType::U64:
    return loadAs<int64_t>(data, index);
  case DType::I32:
    return loadAs<int32_t>(data, index);
  case DType::I16:
    return loadAs<int16_t>(data, index);
  case DType::U32:
    return loadAs<uint32_t>(data, index);
  case DType::U16:
    return loadAs<uint16_t>(data, index);
  case DType::I8:
    return loadAs<int8_t>(data, index);
  default:
    return loadAs<uint8_t>(data, index);
  }
}

double weft::rt::loadDouble(const void *data, DType type, int64_t index) {
  switch (type) {
  case DType::F32:
    return loadAs<float>(data, index);
  case DType::F64:
    return loadAs<double>(data, index);
  case DType::F16:
    return f16ToFloat(loadAs<uint16_t>(data, index));
  case DType::BF16:
    return bf16ToFloat(loadAs<uint16_t>(data, index));
  case DType::U64:
    return static_cast<double>(loadAs<uint64_t>(data, index));
  default:
    return static_cast<double>(loadInteger(data, type, index));
  }
}

bool weft::rt::convertElements(const void *from, DType fromType, void *to, DType toType, int64_t count) {
  if (isFloat(fromType) != isFloat(toType))
    return false;
  if (fromType == toType) {
    // Unlike memcpy, also for no bytes at no address.
    std::copy_n(static_cast<const char *>(from), count * elementBytes(toType), static_cast<char *>(to));
  } else if (isFloat(toType)) {
    for (int64_t i = 0; i < count; ++i)
      storeFloat(to, toType, i, loadDouble(from, fromType, i));
  } else {
    for (int64_t i = 0; i < count; ++i)
      storeInteger(to, toType, i, loadInteger(from, fromType, i));
  }
  return true;
}

void weft::rt::fillElements(void *data, DType type, double value, int64_t begin, int64_t end) {
  if (value == 0.0 && !std::signbit(value)) {
    std::fill_n(static_cast<char *>(data) + begin * elementBytes(type), (end - begin) * elementBytes(type), char(0));
  } else if (isFloat(type)) {
    for (int64_t i = begin; i < end; ++i)
      storeFloat(data, type, i, value);
  } else {
    for (int64_t i = begin; i < end; ++i)
      storeInteger(data, type, i, static_cast<int64_t>(value));
  }
}
