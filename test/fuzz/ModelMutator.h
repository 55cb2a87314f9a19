//===- ModelMutator.h - Changes ONNX models at random -----------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Random bytes are hardly ever a model. These changes keep a file readable and
// mostly well-formed, so that what is behind the reader is reached: nodes,
// attributes, edges, shapes, types, constants, names and versions.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TEST_FUZZ_MODELMUTATOR_H
#define WEFT_TEST_FUZZ_MODELMUTATOR_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace weft::fuzz {

/// Changes a model in one to four places; the result is at most `maxSize` bytes. Same model and seed, same result.
/// Returns false, and leaves `bytes` alone, if they are no model or nothing small enough came out.
bool mutateModel(std::string &bytes, size_t maxSize, unsigned seed);

/// Puts the nodes of `other` behind those of `bytes`, with edges between them. False as above.
bool joinModels(std::string &bytes, const std::string &other, size_t maxSize, unsigned seed);

} // namespace weft::fuzz

#endif // WEFT_TEST_FUZZ_MODELMUTATOR_H
