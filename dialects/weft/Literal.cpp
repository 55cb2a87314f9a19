//===- Literal.cpp - A small tensor with its values -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Literal.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <cstring>
#include <limits>

using namespace mlir;
using namespace weft;

//===----------------------------------------------------------------------===//
// Rounding
//===----------------------------------------------------------------------===//

/// Rounds to `precision` significant bits with the smallest normal exponent
/// `minExponent`; magnitudes above `largest` become infinite.
static double roundBits(double value, int precision, int minExponent, double largest) {
  if (!std::isfinite(value) || value == 0)
    return value;
  if (std::fabs(value) < std::ldexp(1.0, minExponent)) {
    // Subnormal numbers are multiples of the smallest one; scaling by a power of two is exact.
    int scale = precision - 1 - minExponent;
    return std::ldexp(std::nearbyint(std::ldexp(value, scale)), -scale);
  }
  uint64_t bits = llvm::bit_cast<uint64_t>(value);
  int dropped = 53 - precision;
  // A carry out of the significand increments the exponent, which is the right result.
  bits += (uint64_t(1) << (dropped - 1)) - 1 + ((bits >> dropped) & 1);
  bits &= ~((uint64_t(1) << dropped) - 1);
  double rounded = llvm::bit_cast<double>(bits);
  if (std::fabs(rounded) > largest)
    return std::copysign(std::numeric_limits<double>::infinity(), value);
  return rounded;
}

/// Overflow of a double to float is infinite by IEEE 754, which a plain cast
/// leaves to the platform's rounding; that is nearest-even everywhere we run.
static double roundF32(double value) { return static_cast<float>(value); }
static double roundF16(double value) { return roundBits(value, 11, -14, 65504.0); }
static double roundBF16(double value) { return roundBits(value, 8, -126, 0x1.FEp127); }

double weft::roundToType(double value, FloatType type) {
  if (type.isF64())
    return value;
  if (type.isF32())
    return roundF32(value);
  if (type.isF16())
    return roundF16(value);
  if (type.isBF16())
    return roundBF16(value);
  llvm::APFloat number(value);
  bool lost;
  number.convert(type.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &lost);
  number.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &lost);
  return number.convertToDouble();
}

int64_t weft::wrapToType(int64_t value, IntegerType type) {
  unsigned width = type.getWidth();
  if (width == 1)
    return value & 1;
  return width >= 64 ? value : llvm::SignExtend64(static_cast<uint64_t>(value), width);
}

//===----------------------------------------------------------------------===//
// Strided walks
//===----------------------------------------------------------------------===//

SmallVector<int64_t> weft::rowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t i = static_cast<int64_t>(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

/// The walk of forEachStrided, with the visitor inlined into its inner loop.
template <typename Visit>
static void walkStrided(ArrayRef<int64_t> shape, int64_t base, ArrayRef<int64_t> strides, Visit &&visit) {
  assert(shape.size() == strides.size() && "one stride per dimension");
  if (llvm::is_contained(shape, 0))
    return;
  if (shape.empty()) {
    visit(base);
    return;
  }
  int64_t rank = shape.size(), inner = shape.back(), innerStride = strides.back();
  SmallVector<int64_t> index(rank, 0);
  int64_t position = base;
  while (true) {
    for (int64_t i = 0; i < inner; ++i)
      visit(position + i * innerStride);
    int64_t d = rank - 2;
    for (; d >= 0; --d) {
      position += strides[d];
      if (++index[d] < shape[d])
        break;
      position -= strides[d] * shape[d];
      index[d] = 0;
    }
    if (d < 0)
      return;
  }
}

void weft::forEachStrided(ArrayRef<int64_t> shape, int64_t base, ArrayRef<int64_t> strides,
                          llvm::function_ref<void(int64_t)> visit) {
  walkStrided(shape, base, strides, visit);
}

//===----------------------------------------------------------------------===//
// Literal
//===----------------------------------------------------------------------===//

Literal::Literal(RankedTensorType type) : type(type) {
  if (isFloat())
    floats.assign(1, 0.0);
  else
    ints.assign(1, 0);
}

Literal Literal::ofFloats(RankedTensorType type, std::vector<double> values) {
  Literal literal(type);
  assert(literal.isFloat() && "floats of an integer tensor");
  assert((values.size() == 1 || static_cast<int64_t>(values.size()) == type.getNumElements()) && "wrong element count");
  literal.splat = values.size() <= 1;
  if (!values.empty())
    literal.floats = std::move(values);
  literal.round();
  return literal;
}

Literal Literal::ofInts(RankedTensorType type, std::vector<int64_t> values) {
  Literal literal(type);
  assert(!literal.isFloat() && "integers of a float tensor");
  assert((values.size() == 1 || static_cast<int64_t>(values.size()) == type.getNumElements()) && "wrong element count");
  literal.splat = values.size() <= 1;
  if (!values.empty())
    literal.ints = std::move(values);
  literal.round();
  return literal;
}

void Literal::expand() {
  int64_t count = getNumElements();
  splat = false;
  if (isFloat())
    floats.assign(count, floats.front());
  else
    ints.assign(count, ints.front());
}

void Literal::fillFloat(double value) {
  splat = true;
  floats.assign(1, value);
}

void Literal::fillInt(int64_t value) {
  splat = true;
  ints.assign(1, value);
}

void Literal::round() {
  // One branch per tensor, not per element.
  auto apply = [this](double (*function)(double)) {
    for (double &value : floats)
      value = function(value);
  };
  if (auto floatType = dyn_cast<FloatType>(type.getElementType())) {
    if (floatType.isF64())
      return;
    if (floatType.isF32())
      return apply(roundF32);
    if (floatType.isF16())
      return apply(roundF16);
    if (floatType.isBF16())
      return apply(roundBF16);
    for (double &value : floats)
      value = roundToType(value, floatType);
    return;
  }
  auto intType = cast<IntegerType>(type.getElementType());
  if (intType.getWidth() < 64)
    for (int64_t &value : ints)
      value = wrapToType(value, intType);
}

Literal Literal::withType(RankedTensorType newType) const {
  assert(newType.getElementType() == type.getElementType() && "a reshape keeps the element type");
  assert((splat || newType.getNumElements() == getNumElements()) && "a reshape keeps the number of elements");
  Literal result = *this;
  result.type = newType;
  return result;
}

Literal Literal::gatherStrided(RankedTensorType newType, int64_t base, ArrayRef<int64_t> strides) const {
  if (splat)
    return withType(newType);
  Literal result(newType);
  result.splat = false;
  auto copy = [&](const auto &from, auto &to) {
    to.clear();
    to.reserve(newType.getNumElements());
    walkStrided(newType.getShape(), base, strides, [&](int64_t position) { to.push_back(from[position]); });
  };
  if (isFloat())
    copy(floats, result.floats);
  else
    copy(ints, result.ints);
  return result;
}

void Literal::scatterStrided(const Literal &part, int64_t base, ArrayRef<int64_t> strides) {
  if (splat)
    expand();
  int64_t next = 0;
  auto copy = [&](const auto &from, auto &to) {
    int64_t step = part.splat ? 0 : 1;
    walkStrided(part.getShape(), base, strides, [&](int64_t position) {
      to[position] = from[next];
      next += step;
    });
  };
  if (isFloat())
    copy(part.floats, floats);
  else
    copy(part.ints, ints);
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

/// Copies raw storage of element type Stored into `values`.
template <typename Stored, typename Value>
static void readRaw(ArrayRef<char> raw, int64_t count, std::vector<Value> &values) {
  values.resize(count);
  for (int64_t i = 0; i < count; ++i) {
    Stored element;
    std::memcpy(&element, raw.data() + i * sizeof(Stored), sizeof(Stored));
    values[i] = static_cast<Value>(element);
  }
}

std::optional<Literal> Literal::fromAttr(Attribute attr) {
  auto dense = dyn_cast_or_null<DenseElementsAttr>(attr);
  if (!dense)
    return std::nullopt;
  auto type = dyn_cast<RankedTensorType>(dense.getType());
  if (!type || !type.hasStaticShape())
    return std::nullopt;
  Type element = type.getElementType();
  if (!isa<FloatType, IntegerType>(element) || element.getIntOrFloatBitWidth() > 64)
    return std::nullopt;
  Literal literal(type);
  if (type.getNumElements() == 0)
    return literal;
  literal.splat = dense.isSplat();
  int64_t count = literal.splat ? 1 : type.getNumElements();
  ArrayRef<char> raw = dense.getRawData();
  if (auto floatType = dyn_cast<FloatType>(element)) {
    if (floatType.isF64()) {
      readRaw<double>(raw, count, literal.floats);
    } else if (floatType.isF32()) {
      readRaw<float>(raw, count, literal.floats);
    } else if (floatType.isBF16()) {
      std::vector<uint32_t> bits;
      readRaw<uint16_t>(raw, count, bits);
      literal.floats.resize(count);
      for (int64_t i = 0; i < count; ++i)
        literal.floats[i] = llvm::bit_cast<float>(bits[i] << 16);
    } else {
      auto values = dense.getValues<llvm::APFloat>();
      literal.floats.clear();
      for (llvm::APFloat value : llvm::make_range(values.begin(), values.begin() + count)) {
        bool lost;
        value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &lost);
        literal.floats.push_back(value.convertToDouble());
      }
    }
    return literal;
  }
  switch (element.getIntOrFloatBitWidth()) {
  case 1: {
    // How i1 is packed is the attribute's own business.
    auto values = dense.getValues<bool>();
    literal.ints.assign(values.begin(), values.begin() + count);
    break;
  }
  case 8:
    readRaw<int8_t>(raw, count, literal.ints);
    break;
  case 16:
    readRaw<int16_t>(raw, count, literal.ints);
    break;
  case 32:
    readRaw<int32_t>(raw, count, literal.ints);
    break;
  case 64:
    readRaw<int64_t>(raw, count, literal.ints);
    break;
  default: {
    auto values = dense.getValues<llvm::APInt>();
    literal.ints.clear();
    for (const llvm::APInt &value : llvm::make_range(values.begin(), values.begin() + count))
      literal.ints.push_back(value.getSExtValue());
  }
  }
  return literal;
}

/// A dense attribute from values of element type Stored, as a splat if all are
/// bitwise equal (so that 0 and -0 differ and NaNs do not matter).
template <typename Stored, typename Value, typename Convert>
static DenseElementsAttr makeRaw(RankedTensorType type, const std::vector<Value> &values, Convert &&convert) {
  std::vector<Stored> stored(values.size());
  bool equal = true;
  for (size_t i = 0, e = values.size(); i < e; ++i) {
    stored[i] = convert(values[i]);
    equal = equal && std::memcmp(&stored[i], &stored[0], sizeof(Stored)) == 0;
  }
  if (equal)
    stored.resize(1);
  ArrayRef<char> raw(reinterpret_cast<const char *>(stored.data()), stored.size() * sizeof(Stored));
  return DenseElementsAttr::getFromRawBuffer(type, raw);
}

DenseElementsAttr Literal::toAttr() const {
  Type element = type.getElementType();
  if (getNumElements() == 0)
    return DenseElementsAttr::get(type, ArrayRef<Attribute>());
  auto same = [](auto value) { return value; };
  if (auto floatType = dyn_cast<FloatType>(element)) {
    if (floatType.isF64())
      return makeRaw<double>(type, floats, same);
    if (floatType.isF32())
      return makeRaw<float>(type, floats, [](double value) { return static_cast<float>(value); });
    if (floatType.isBF16())
      return makeRaw<uint16_t>(type, floats, [](double value) -> uint16_t {
        // Exact by then; a NaN keeps its quiet bit, which lies in the upper half.
        return llvm::bit_cast<uint32_t>(static_cast<float>(roundBF16(value))) >> 16;
      });
    SmallVector<llvm::APFloat> values;
    values.reserve(floats.size());
    for (double value : floats) {
      bool lost;
      values.emplace_back(value).convert(floatType.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &lost);
    }
    if (llvm::all_of(values, [&](const llvm::APFloat &value) { return value.bitwiseIsEqual(values.front()); }))
      return DenseElementsAttr::get(type, values.front());
    return DenseElementsAttr::get(type, values);
  }
  switch (element.getIntOrFloatBitWidth()) {
  case 1: {
    if (llvm::all_of(ints, [&](int64_t value) { return value == ints.front(); }))
      return DenseElementsAttr::get(type, ints.front() != 0);
    SmallVector<bool> values(ints.begin(), ints.end());
    return DenseElementsAttr::get(type, values);
  }
  case 8:
    return makeRaw<int8_t>(type, ints, same);
  case 16:
    return makeRaw<int16_t>(type, ints, same);
  case 32:
    return makeRaw<int32_t>(type, ints, same);
  case 64:
    return makeRaw<int64_t>(type, ints, same);
  default: {
    unsigned width = element.getIntOrFloatBitWidth();
    SmallVector<llvm::APInt> values;
    for (int64_t value : ints)
      values.emplace_back(width, static_cast<uint64_t>(value), /*isSigned=*/true, /*implicitTrunc=*/true);
    if (llvm::all_equal(values))
      values.resize(1, values.front());
    return DenseElementsAttr::get(type, values);
  }
  }
}
