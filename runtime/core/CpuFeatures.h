//===- CpuFeatures.h - What this processor can do ---------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CORE_CPUFEATURES_H
#define WEFT_CORE_CPUFEATURES_H

#include <string>
#include <vector>

namespace weft::rt {

/// The features of `required` (LLVM's names) that this processor lacks. Names that are not known are in `unknown`.
std::vector<std::string> missingCpuFeatures(const std::vector<std::string> &required,
                                            std::vector<std::string> &unknown);

/// Checks the manifest's `cpu_features`: throws InputError when one is missing. Returns a remark when one has a name
/// that this runtime does not know, as a newer compiler may write, otherwise "".
std::string checkCpuFeatures(const std::vector<std::string> &required, const std::string &compiledFor);

} // namespace weft::rt

#endif // WEFT_CORE_CPUFEATURES_H
