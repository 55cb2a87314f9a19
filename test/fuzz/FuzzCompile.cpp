//===- FuzzCompile.cpp - Changed models through the whole of weft compile -===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Compiler.h"
#include "ModelMutator.h"
#include "Support.h"

using namespace weft::fuzz;

/// LLVM's optimiser and code generator take nearly all of a compilation's time and are not ours: they get one in 64
/// of the programs that come so far. The choice depends on the input alone, so that a finding repeats.
static constexpr uint64_t kObjectCodeOneIn = 64;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static ScratchFile file;
  static Compiler compiler;
  uint64_t choices = hashOf(data, size);
  file.write(data, size);
  if (mlir::OwningOpRef<mlir::ModuleOp> module = compiler.import(file.path(), choices))
    compiler.compile(std::move(module), choices, (choices >> 40) % kObjectCodeOneIn == 0);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize, unsigned seed) {
  std::string bytes(reinterpret_cast<char *>(data), size);
  for (unsigned attempt = 0; attempt < 4; ++attempt)
    if (mutateModel(bytes, maxSize, seed + attempt))
      break;
  bytes.resize(std::min(bytes.size(), maxSize));
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
