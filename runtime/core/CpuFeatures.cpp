//===- CpuFeatures.cpp - What this processor can do -----------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/CpuFeatures.h"

#include "core/Error.h"

#include <cpuid.h>

using namespace weft::rt;

namespace {

/// A feature that GCC's own check does not know: a bit of CPUID, as Intel's and AMD's manuals have it.
struct CpuidBit {
  const char *name;
  unsigned leaf, subleaf;
  /// 0 to 3: eax, ebx, ecx, edx.
  int reg;
  int bit;
};

constexpr CpuidBit kCpuidBits[] = {{"crc32", 1, 0, 2, 20},
                                   {"cx16", 1, 0, 2, 13},
                                   {"cx8", 1, 0, 3, 8},
                                   {"fxsr", 1, 0, 3, 24},
                                   {"sahf", 0x80000001, 0, 2, 0},
                                   {"prfchw", 0x80000001, 0, 2, 8},
                                   {"64bit", 0x80000001, 0, 3, 29},
                                   {"invpcid", 7, 0, 1, 10},
                                   {"clflushopt", 7, 0, 1, 23},
                                   {"clwb", 7, 0, 1, 24},
                                   {"rdpid", 7, 0, 2, 22},
                                   {"movdiri", 7, 0, 2, 27},
                                   {"movdir64b", 7, 0, 2, 28},
                                   {"serialize", 7, 0, 3, 14},
                                   {"xsaveopt", 13, 1, 0, 0},
                                   {"xsavec", 13, 1, 0, 1},
                                   {"xsaves", 13, 1, 0, 3},
                                   {"sha512", 7, 1, 0, 0},
                                   {"sm3", 7, 1, 0, 1},
                                   {"sm4", 7, 1, 0, 2},
                                   {"amx-fp16", 7, 1, 0, 21},
                                   {"avxifma", 7, 1, 0, 23},
                                   {"avxvnniint8", 7, 1, 3, 4},
                                   {"avxneconvert", 7, 1, 3, 5},
                                   {"amx-complex", 7, 1, 3, 8},
                                   {"avxvnniint16", 7, 1, 3, 10},
                                   {"avx10.1", 7, 1, 3, 19}};

} // namespace

static bool hasBit(const CpuidBit &feature) {
  unsigned registers[4] = {};
  if (!__get_cpuid_count(feature.leaf, feature.subleaf, &registers[0], &registers[1], &registers[2], &registers[3]))
    return false;
  return registers[feature.reg] >> feature.bit & 1;
}

/// 1 or 0 for a known feature, -1 for an unknown one. GCC's names are LLVM's wherever both have one; its check takes
/// literals only.
static int hasFeature(const std::string &name) {
  // clang-format off
#define KNOWN(text) if (name == text) return __builtin_cpu_supports(text) != 0;
  KNOWN("cmov") KNOWN("mmx") KNOWN("popcnt") KNOWN("sse") KNOWN("sse2") KNOWN("sse3") KNOWN("ssse3") KNOWN("sse4.1")
  KNOWN("sse4.2") KNOWN("sse4a") KNOWN("avx") KNOWN("avx2") KNOWN("fma") KNOWN("fma4") KNOWN("xop") KNOWN("bmi")
  KNOWN("bmi2") KNOWN("aes") KNOWN("pclmul") KNOWN("f16c") KNOWN("avx512f") KNOWN("avx512vl") KNOWN("avx512bw")
  KNOWN("avx512dq") KNOWN("avx512cd") KNOWN("avx512vbmi") KNOWN("avx512ifma") KNOWN("avx512vpopcntdq")
  KNOWN("avx512vbmi2") KNOWN("avx512vnni") KNOWN("avx512bitalg") KNOWN("avx512bf16") KNOWN("avx512vp2intersect")
  KNOWN("avx512fp16") KNOWN("gfni") KNOWN("vpclmulqdq") KNOWN("avxvnni") KNOWN("lzcnt") KNOWN("movbe") KNOWN("adx")
  KNOWN("vaes") KNOWN("sha") KNOWN("xsave") KNOWN("fsgsbase") KNOWN("rdrnd") KNOWN("rdseed") KNOWN("amx-tile")
  KNOWN("amx-int8") KNOWN("amx-bf16")
#undef KNOWN
      // clang-format on
      for (const CpuidBit &feature : kCpuidBits) if (name == feature.name) return hasBit(feature);
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

std::string weft::rt::checkCpuFeatures(const std::vector<std::string> &required, const std::string &compiledFor) {
  std::vector<std::string> unknown;
  std::vector<std::string> missing = missingCpuFeatures(required, unknown);
  if (!missing.empty())
    throw InputError("this executable was compiled for the processor '" + compiledFor + "' and this machine lacks: " +
                     join(missing) + "; compile it here, or with a --cpu that both machines have");
  return unknown.empty() ? "" : "cannot tell whether this processor has: " + join(unknown);
}
