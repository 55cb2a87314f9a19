//===- Parameters.h - Initial values of parameters and states ---*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CORE_PARAMETERS_H
#define WEFT_CORE_PARAMETERS_H

#include "core/Manifest.h"
#include "weft/safetensors.h"

#include <string>
#include <vector>

namespace weft::rt {

/// Gives every parameter its initial value, from `weights` where it has a tensor of the parameter's name or of one of
/// its aliases, otherwise from the manifest's source. Uses OpenMP's threads; the values do not depend on their number.
/// Throws InputError naming the parameter and the file. Returns remarks for people, one a line.
std::vector<std::string> initialiseParameters(const Manifest &manifest, char *arena, uint64_t seed,
                                              const SafetensorsFile *weights);

/// Gives every state its initial value. The arena is still zero.
void initialiseStates(const Manifest &manifest, char *arena);

/// Writes all parameters, under their own names, in the manifest's order. Returns "" or what failed. The names of tied
/// parameters are in the file's metadata, each with the name that the tensor has.
std::string saveParameters(const Manifest &manifest, const char *arena, const std::string &path);

/// Copies `from`, dense with `shape` and `width` bytes an element, to `to` with dimension i being dimension perm[i] of
/// `from`. Uses OpenMP's threads.
void transposeElements(const void *from, const std::vector<int64_t> &shape, const std::vector<int64_t> &perm,
                       int64_t width, void *to);

} // namespace weft::rt

#endif // WEFT_CORE_PARAMETERS_H
