//===- CpuFeatures.cpp - What this processor can do -----------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/CpuFeatures.h"

#include "core/Error.h"

using namespace weft::rt;

/// 1 or 0 for a known feature, -1 for an unknown one. GCC's names are LLVM's wherever both have one.
static int hasFeature(const std::string &name) {
#define WEFT_FEATURE(text)                                                                                             \
  if (name == text)                                                                                                    \
    return __builtin_cpu_supports(text) != 0;
  WEFT_FEATURE("cmov")
  WEFT_FEATURE("mmx") WEFT_FEATURE("popcnt") WEFT_FEATURE("sse") WEFT_FEATURE("sse2") WEFT_FEATURE("sse3")
      WEFT_FEATURE("ssse3") WEFT_FEATURE("sse4.1") WEFT_FEATURE("sse4.2") WEFT_FEATURE("sse4a") WEFT_FEATURE("avx")
          WEFT_FEATURE("avx2") WEFT_FEATURE("fma") WEFT_FEATURE("fma4") WEFT_FEATURE("xop") WEFT_FEATURE("bmi")
              WEFT_FEATURE("bmi2") WEFT_FEATURE("aes") WEFT_FEATURE("pclmul") WEFT_FEATURE("f16c")
                  WEFT_FEATURE("avx512f") WEFT_FEATURE("avx512vl") WEFT_FEATURE("avx512bw") WEFT_FEATURE("avx512dq")
                      WEFT_FEATURE("avx512cd") WEFT_FEATURE("avx512vbmi") WEFT_FEATURE("avx512ifma")
                          WEFT_FEATURE("avx512vpopcntdq") WEFT_FEATURE("avx512vbmi2") WEFT_FEATURE("avx512vnni")
                              WEFT_FEATURE("avx512bitalg") WEFT_FEATURE("avx512bf16") WEFT_FEATURE("avx512vp2intersect")
                                  WEFT_FEATURE("avx512fp16") WEFT_FEATURE("gfni") WEFT_FEATURE("vpclmulqdq")
                                      WEFT_FEATURE("avxvnni") WEFT_FEATURE("lzcnt") WEFT_FEATURE("movbe")
                                          WEFT_FEATURE("adx") WEFT_FEATURE("vaes") WEFT_FEATURE("sha")
                                              WEFT_FEATURE("xsave") WEFT_FEATURE("fsgsbase") WEFT_FEATURE("rdrnd")
                                                  WEFT_FEATURE("rdseed") WEFT_FEATURE("amx-tile")
                                                      WEFT_FEATURE("amx-int8") WEFT_FEATURE("amx-bf16")
#undef WEFT_FEATURE
                                                          return -1;
}

std::vector<std::string> weft::rt::missingCpuFeatures(const std::vector<std::string> &required,
                                                      std::vector<std::string> &unknown) {
  __builtin_cpu_init();
  std::vector<std::string> missing;
  for (const std::string &name : required) {
    int has = hasFeature(name);
    if (has < 0)
      unknown.push_back(name);
    else if (has == 0)
      missing.push_back(name);
  }
  return missing;
}

static std::string join(const std::vector<std::string> &names) {
  std::string text;
  for (const std::string &name : names)
    text += (text.empty() ? "" : ", ") + name;
  return text;
}

void weft::rt::checkCpuFeatures(const std::vector<std::string> &required, const std::string &compiledFor) {
  std::vector<std::string> unknown;
  std::vector<std::string> missing = missingCpuFeatures(required, unknown);
  if (!missing.empty())
    throw InputError("this executable was compiled for the processor '" + compiledFor + "' and this machine lacks: " +
                     join(missing) + "; compile it here, or with a --cpu that both machines have");
  if (!unknown.empty())
    throw InternalError("manifest: cpu_features: not known to this runtime: " + join(unknown));
}
