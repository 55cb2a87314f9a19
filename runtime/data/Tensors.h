//===- Tensors.h - Samples from safetensors files ---------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DATA_TENSORS_H
#define WEFT_DATA_TENSORS_H

#include "data/Batches.h"

namespace weft::rt {

/// Files with one tensor for each input that is not ones or positions, by the input's name. The first dimension counts
/// samples, the others are the input's; several files are one after the other. Throws InputError.
std::unique_ptr<DataSource> openTensors(const Manifest &manifest, const std::vector<std::string> &paths,
                                        const std::vector<int64_t> &coordinates = {});

} // namespace weft::rt

#endif // WEFT_DATA_TENSORS_H
