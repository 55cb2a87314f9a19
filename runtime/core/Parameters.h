//===- Parameters.h - Initial values of parameters and states ---*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CORE_PARAMETERS_H
#define WEFT_CORE_PARAMETERS_H

#include "core/ArenaMemory.h"
#include "core/Manifest.h"
#include "weft/safetensors.h"

#include <string>
#include <vector>

namespace weft::rt {

class Ranks;

/// Gives every parameter and every statistic its initial value, from `weights` where it has a tensor of the parameter's
/// name or of one of its aliases, otherwise from the manifest's source; of each only the part that the rank with these
/// coordinates holds. Uses OpenMP's threads; the values depend neither on their number nor on the mesh. Throws
/// InputError naming the parameter and the file. Returns remarks for people, one a line.
std::vector<std::string> initialiseParameters(const Manifest &manifest, ArenaMemory &arena, uint64_t seed,
                                              const SafetensorsFile *weights,
                                              const std::vector<int64_t> &coordinates = {});

/// Gives every state its initial value, and those of kind `mesh` the coordinates. The arena is still zero.
void initialiseStates(const Manifest &manifest, ArenaMemory &arena, uint64_t seed = 0,
                      const std::vector<int64_t> &coordinates = {});

/// Writes all parameters and statistics, under their own names, in the manifest's order. Returns "" or what failed. The
/// names of tied parameters are in the file's metadata, each with the name that the tensor has. With several ranks all
/// of them call it, rank 0 writes, and holds one whole tensor at a time.
std::string saveParameters(const Manifest &manifest, ArenaMemory &arena, const std::string &path,
                           Ranks *ranks = nullptr);

/// Copies `from`, dense with `shape` and `width` bytes an element, to `to` with dimension i being dimension perm[i] of
/// `from`. Uses OpenMP's threads.
void transposeElements(const void *from, const std::vector<int64_t> &shape, const std::vector<int64_t> &perm,
                       int64_t width, void *to);

} // namespace weft::rt

#endif // WEFT_CORE_PARAMETERS_H
