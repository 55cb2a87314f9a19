//===- FuzzImport.cpp - Any bytes through the ONNX reader and importer ----===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Compiler.h"
#include "ModelMutator.h"
#include "Support.h"

using namespace weft::fuzz;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static ScratchFile file;
  static Compiler compiler;
  file.write(data, size);
  compiler.import(file.path(), hashOf(data, size));
  return 0;
}

/// Half of the changes are of bytes: the reader is meant, too.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize, unsigned seed) {
  std::string bytes(reinterpret_cast<char *>(data), size);
  if (seed % 2 == 0 || !mutateModel(bytes, maxSize, seed / 2))
    return LLVMFuzzerMutate(data, size, maxSize);
  bytes.copy(reinterpret_cast<char *>(data), bytes.size());
  return bytes.size();
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t firstSize, const uint8_t *second,
                                            size_t secondSize, uint8_t *out, size_t maxSize, unsigned seed) {
  std::string bytes(reinterpret_cast<const char *>(first), firstSize);
  if (!joinModels(bytes, std::string(reinterpret_cast<const char *>(second), secondSize), maxSize, seed))
    return 0;
  bytes.copy(reinterpret_cast<char *>(out), bytes.size());
  return bytes.size();
}
