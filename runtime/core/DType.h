//===- DType.h - Element types ----------------------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CORE_DTYPE_H
#define WEFT_CORE_DTYPE_H

#include <cstdint>
#include <string>

namespace weft::rt {

/// The element types of the manifest. `I1` is one byte, 0 or 1.
enum class DType : uint8_t { F32, F64, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8, I1 };

/// The type that the manifest calls `name`; false when there is none.
bool parseDType(const std::string &name, DType &type);

/// The type that safetensors calls `name`; false when the manifest has no such type.
bool parseSafetensorsDType(const std::string &name, DType &type);

const char *dtypeName(DType type);
const char *safetensorsName(DType type);
int64_t elementBytes(DType type);
bool isFloat(DType type);

/// Converts `count` elements. Floats convert to floats (rounded to nearest even) and integers to integers; anything
/// else is false and writes nothing. The ranges do not overlap; neither needs to be aligned.
bool convertElements(const void *from, DType fromType, void *to, DType toType, int64_t count);

/// Element `index` of an integer tensor; of U64, its bits.
int64_t loadInteger(const void *data, DType type, int64_t index);

/// Element `index` of a tensor of any type.
double loadDouble(const void *data, DType type, int64_t index);

/// Writes `value` into elements [begin, end) of a tensor of any type.
void fillElements(void *data, DType type, double value, int64_t begin, int64_t end);

} // namespace weft::rt

#endif // WEFT_CORE_DTYPE_H
