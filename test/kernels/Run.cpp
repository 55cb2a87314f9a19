//===- Run.cpp - Runs kernels on a GPU and compares what they compute -----===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// weft-kernel-run DIR [--bench] [--filter TEXT]: needs the driver's library and
// nothing else, so the binary runs wherever a GPU does.
//
//===----------------------------------------------------------------------===//

#include "CaseFile.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <dlfcn.h>
#include <map>

using namespace weft::test;

//===----------------------------------------------------------------------===//
// The driver's API, as far as it is used
//===----------------------------------------------------------------------===//

namespace {

using Status = int;
using Address = unsigned long long;
using Handle = void *;

struct Driver {
  Status (*init)(unsigned);
  Status (*deviceGet)(int *, int);
  Status (*deviceGetName)(char *, int, int);
  Status (*deviceGetAttribute)(int *, int, int);
  Status (*primaryRetain)(Handle *, int);
  Status (*setCurrent)(Handle);
  Status (*moduleLoad)(Handle *, const void *);
  Status (*moduleUnload)(Handle);
  Status (*getFunction)(Handle *, Handle, const char *);
  Status (*alloc)(Address *, size_t);
  Status (*free)(Address);
  Status (*memInfo)(size_t *, size_t *);
  Status (*copyIn)(Address, const void *, size_t);
  Status (*copyOut)(void *, Address, size_t);
  Status (*copy)(Address, Address, size_t);
  Status (*set8)(Address, unsigned char, size_t);
  Status (*launch)(Handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Handle, void **,
                   void **);
  Status (*setAttribute)(Handle, int, int);
  Status (*synchronize)();
  Status (*eventCreate)(Handle *, unsigned);
  Status (*eventRecord)(Handle, Handle);
  Status (*eventSynchronize)(Handle);
  Status (*eventElapsed)(float *, Handle, Handle);
  Status (*errorText)(Status, const char **);

  bool load() {
    void *library = dlopen("libcuda.so.1", RTLD_NOW);
    if (!library)
      return false;
    auto get = [&](auto &function, const char *name) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
      return function != nullptr;
    };
    return get(init, "cuInit") && get(deviceGet, "cuDeviceGet") && get(deviceGetName, "cuDeviceGetName") &&
           get(deviceGetAttribute, "cuDeviceGetAttribute") && get(primaryRetain, "cuDevicePrimaryCtxRetain") &&
           get(setCurrent, "cuCtxSetCurrent") && get(moduleLoad, "cuModuleLoadData") &&
           get(moduleUnload, "cuModuleUnload") && get(getFunction, "cuModuleGetFunction") &&
           get(alloc, "cuMemAlloc_v2") && get(free, "cuMemFree_v2") && get(memInfo, "cuMemGetInfo_v2") &&
           get(copyIn, "cuMemcpyHtoD_v2") && get(copyOut, "cuMemcpyDtoH_v2") && get(copy, "cuMemcpyDtoD_v2") &&
           get(set8, "cuMemsetD8_v2") && get(launch, "cuLaunchKernel") && get(setAttribute, "cuFuncSetAttribute") &&
           get(synchronize, "cuCtxSynchronize") && get(eventCreate, "cuEventCreate") &&
           get(eventRecord, "cuEventRecord") && get(eventSynchronize, "cuEventSynchronize") &&
           get(eventElapsed, "cuEventElapsedTime_v2") && get(errorText, "cuGetErrorString");
  }
};

Driver driver;
int capability = 0; ///< 90 for sm_90

/// Ends the program: after an error of the driver nothing can be trusted.
void check(Status status, const std::string &what) {
  if (status == 0)
    return;
  const char *text = nullptr;
  driver.errorText(status, &text);
  std::printf("FATAL %s: %s (%d)\n", what.c_str(), text ? text : "?", status);
  std::exit(3);
}

class Code {
public:
  explicit Code(const CaseFile &file) {
    const CaseFile::Code *chosen = nullptr;
    for (const CaseFile::Code &code : file.code) {
      int arch = std::atoi(code.arch.c_str() + 3);
      if (code.kind == "cubin" && arch == capability)
        chosen = &code;
      else if (code.kind == "ptx" && arch <= capability && !chosen)
        chosen = &code;
    }
    if (!chosen) {
      std::printf("FATAL %s has no code for sm_%d\n", file.name.c_str(), capability);
      std::exit(3);
    }
    check(driver.moduleLoad(&module, chosen->bytes.c_str()), "loading " + file.name);
  }
  ~Code() { driver.moduleUnload(module); }

  Handle function(const std::string &name) {
    Handle &known = functions[name];
    if (!known)
      check(driver.getFunction(&known, module, name.c_str()), "finding " + name);
    return known;
  }

  void run(const CaseFile::Launch &step, Address arena) {
    if (step.function.empty()) {
      check(driver.copy(arena + step.arguments[0], arena + step.arguments[1], step.arguments[2]), "copying");
      return;
    }
    std::vector<Address> values;
    for (int64_t offset : step.arguments)
      values.push_back(arena + offset);
    std::vector<void *> pointers;
    for (Address &value : values)
      pointers.push_back(&value);
    constexpr int mostSharedBytes = 8; // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    if (step.sharedBytes > 48 << 10)
      check(driver.setAttribute(function(step.function), mostSharedBytes, step.sharedBytes),
            "memory of a block for " + step.function);
    check(driver.launch(function(step.function), step.grid[0], step.grid[1], step.grid[2], step.block[0], step.block[1],
                        step.block[2], step.sharedBytes, nullptr, pointers.data(), nullptr),
          "launching " + step.function);
  }

private:
  Handle module = nullptr;
  std::map<std::string, Handle> functions;
};

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

int64_t widthOf(const std::string &dtype) {
  return dtype == "i1" ? 1 : std::atoi(dtype.c_str() + (dtype[0] == 'b' ? 2 : 1)) / 8;
}

float halfToFloat(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float value = exponent == 31  ? (fraction ? NAN : INFINITY)
                : exponent == 0 ? std::ldexp(fraction, -24)
                                : std::ldexp(fraction + 1024, exponent - 25);
  return bits & 0x8000 ? -value : value;
}

double numberAt(const std::string &dtype, const char *bytes, int64_t index) {
  int64_t width = widthOf(dtype);
  uint64_t bits = 0;
  std::memcpy(&bits, bytes + index * width, width);
  if (dtype == "f64") {
    double value;
    std::memcpy(&value, &bits, 8);
    return value;
  }
  if (dtype == "f32" || dtype == "bf16") {
    uint32_t word = dtype == "f32" ? bits : bits << 16;
    float value;
    std::memcpy(&value, &word, 4);
    return value;
  }
  if (dtype == "f16")
    return halfToFloat(bits);
  int64_t shift = 64 - 8 * width;
  return static_cast<double>(static_cast<int64_t>(bits << shift) >> shift);
}

/// Empty, or what the first element that is not as expected looks like.
std::string compare(const CaseFile::Expected &expected, const std::string &actual) {
  double scale = 0, finite = 0;
  for (int64_t i = 0; i < expected.count; ++i)
    if (double y = numberAt(expected.dtype, expected.bytes.data(), i); std::isfinite(y)) {
      scale += std::fabs(y);
      ++finite;
    }
  scale = finite ? scale / finite : 1;
  int64_t wrong = 0;
  std::string first;
  for (int64_t i = 0; i < expected.count; ++i) {
    double x = numberAt(expected.dtype, actual.data(), i), y = numberAt(expected.dtype, expected.bytes.data(), i);
    if (x == y || (std::isnan(x) && std::isnan(y)) || std::fabs(x - y) <= expected.tolerance * (std::fabs(y) + scale))
      continue;
    if (wrong++ == 0) {
      char text[200];
      std::snprintf(text, sizeof text, "element %lld of %lld is %.9g, expected %.9g", static_cast<long long>(i),
                    static_cast<long long>(expected.count), x, y);
      first = text;
    }
  }
  if (wrong > 1)
    first += "; " + std::to_string(wrong) + " differ";
  return first;
}

//===----------------------------------------------------------------------===//
// Cases
//===----------------------------------------------------------------------===//

/// Room behind the arena: a kernel that writes beyond it shows.
constexpr int64_t guard = 4096;

void runCase(const CaseFile &file, int &passed, int &failed) {
  Code code(file);
  Address arena = 0;
  check(driver.alloc(&arena, file.arenaBytes + guard), "allocating");
  std::string results[2];
  for (std::string &result : results) {
    check(driver.set8(arena, 0xff, file.arenaBytes + guard), "clearing");
    for (const CaseFile::Input &input : file.inputs)
      if (!input.bytes.empty())
        check(driver.copyIn(arena + input.offset, input.bytes.data(), input.bytes.size()), "copying in");
    for (const CaseFile::Launch &step : file.steps)
      code.run(step, arena);
    check(driver.synchronize(), "running " + file.name);
    result.resize(file.arenaBytes + guard);
    check(driver.copyOut(result.data(), arena, result.size()), "copying out");
  }
  check(driver.free(arena), "freeing");
  for (const CaseFile::Expected &expected : file.expected) {
    std::string actual = results[0].substr(expected.offset, expected.bytes.size()), why = compare(expected, actual);
    if (why.empty() && results[1].compare(expected.offset, actual.size(), actual) != 0)
      why = "a second run gives other bits";
    ++(why.empty() ? passed : failed);
    if (!why.empty())
      std::printf("FAIL %s '%s' (%s at %lld): %s\n", file.name.c_str(), expected.name.c_str(), expected.dtype.c_str(),
                  static_cast<long long>(expected.offset), why.c_str());
  }
  for (int64_t i = 0; i < guard; ++i)
    if (static_cast<unsigned char>(results[0][file.arenaBytes + i]) != 0xff) {
      ++failed;
      std::printf("FAIL %s: byte %lld behind the arena was written\n", file.name.c_str(), static_cast<long long>(i));
      break;
    }
}

/// Floats around 0, integers in [0, limit).
std::string fillOf(const CaseFile::Fill &fill) {
  int64_t width = widthOf(fill.dtype);
  // Blocks of a megabyte repeat: making random numbers for gigabytes takes longer than the kernels.
  int64_t count = std::min<int64_t>(fill.count, 1 << 20);
  std::string bytes(fill.count * width, '\0');
  uint64_t state = 88172645463325252ull;
  for (int64_t i = 0; i < count; ++i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    uint64_t bits = state % static_cast<uint64_t>(std::max<int64_t>(1, fill.limit));
    if (fill.dtype == "f64") {
      double value = static_cast<double>(state >> 40) / (1 << 23) - 1;
      std::memcpy(&bits, &value, 8);
    } else if (fill.dtype[0] == 'f' || fill.dtype[0] == 'b') {
      float value = static_cast<float>(state >> 40) / (1 << 23) - 1;
      uint32_t word;
      std::memcpy(&word, &value, 4);
      bits = fill.dtype == "f32" ? word : fill.dtype == "bf16" ? word >> 16 : 0x3000 + (state >> 60);
    } else if (fill.dtype == "i1") {
      bits &= 1;
    }
    std::memcpy(&bytes[i * width], &bits, width);
  }
  for (int64_t i = count; i < fill.count; i += count)
    std::memcpy(&bytes[i * width], bytes.data(), std::min(count, fill.count - i) * width);
  return bytes;
}

void runBenches(const CaseFile &file, const std::string &filter) {
  Code code(file);
  for (const CaseFile::Bench &bench : file.benches) {
    if (bench.steps == 0 || (file.name + " " + bench.name).find(filter) == std::string::npos)
      continue;
    size_t available = 0, total = 0;
    check(driver.memInfo(&available, &total), "asking for memory");
    // Copies enough that nothing of one is in the cache when its turn comes again.
    int64_t each = (bench.arenaBytes + guard + 255) / 256 * 256;
    int64_t copies = std::clamp<int64_t>((int64_t(1) << 30) / each, 2, 64);
    copies = std::max<int64_t>(1, std::min<int64_t>(copies, available / 2 / each));
    Address base = 0;
    check(driver.alloc(&base, copies * each), "allocating for " + bench.name);
    for (const CaseFile::Fill &fill : bench.fills) {
      std::string bytes = fillOf(fill);
      for (int64_t i = 0; i < copies && !bytes.empty(); ++i)
        if (i == 0)
          check(driver.copyIn(base + fill.offset, bytes.data(), bytes.size()), "filling");
        else
          check(driver.copy(base + i * each + fill.offset, base + fill.offset, bytes.size()), "filling");
    }
    auto round = [&](int64_t i) {
      for (size_t s = 0; s < bench.steps; ++s)
        code.run(file.steps[bench.firstStep + s], base + i % copies * each);
    };
    Handle begin = nullptr, end = nullptr;
    check(driver.eventCreate(&begin, 0), "creating an event");
    check(driver.eventCreate(&end, 0), "creating an event");
    int64_t times = std::clamp<int64_t>((int64_t(20) << 30) / std::max<int64_t>(1, bench.bytes), 10, 200);
    for (int64_t i = 0; i < copies; ++i)
      round(i);
    check(driver.synchronize(), "running " + bench.name);
    float best = 1e30f;
    for (int repeat = 0; repeat < 3; ++repeat) {
      check(driver.eventRecord(begin, nullptr), "recording");
      for (int64_t i = 0; i < times; ++i)
        round(i);
      check(driver.eventRecord(end, nullptr), "recording");
      check(driver.eventSynchronize(end), "running " + bench.name);
      float elapsed = 0;
      check(driver.eventElapsed(&elapsed, begin, end), "timing");
      best = std::min(best, elapsed / times);
    }
    check(driver.free(base), "freeing");
    std::printf("BENCH %s %s: %.1f us, %.1f MB, %.0f GB/s\n", file.name.c_str(), bench.name.c_str(), best * 1e3,
                bench.bytes / 1e6, bench.bytes / (best * 1e-3) / 1e9);
    std::fflush(stdout);
  }
}

} // namespace

int main(int argc, char **argv) {
  std::string folder, filter;
  bool bench = false;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word == "--bench")
      bench = true;
    else if (word == "--filter" && i + 1 < argc)
      filter = argv[++i];
    else if (folder.empty() && word[0] != '-')
      folder = word;
    else
      folder.clear(), i = argc;
  }
  if (folder.empty()) {
    std::printf("usage: weft-kernel-run DIR [--bench] [--filter TEXT]\n");
    return 2;
  }
  if (!driver.load()) {
    std::printf("FATAL there is no driver: libcuda.so.1 cannot be loaded or is too old\n");
    return 3;
  }
  int device = 0, major = 0, minor = 0;
  check(driver.init(0), "starting the driver");
  check(driver.deviceGet(&device, 0), "finding a GPU");
  check(driver.deviceGetAttribute(&major, 75, device), "asking the GPU");
  check(driver.deviceGetAttribute(&minor, 76, device), "asking the GPU");
  capability = 10 * major + minor;
  Handle context = nullptr;
  check(driver.primaryRetain(&context, device), "starting the GPU");
  check(driver.setCurrent(context), "starting the GPU");
  char gpu[128] = "";
  driver.deviceGetName(gpu, sizeof gpu, device);
  std::printf("%s, sm_%d\n", gpu, capability);

  std::vector<std::string> names;
  if (DIR *dir = opendir(folder.c_str())) {
    while (dirent *entry = readdir(dir))
      if (std::string name = entry->d_name; name.size() > 5 && name.substr(name.size() - 5) == ".case")
        names.push_back(name);
    closedir(dir);
  }
  if (names.empty()) {
    std::printf("FATAL there are no cases in '%s'\n", folder.c_str());
    return 3;
  }
  std::sort(names.begin(), names.end());
  int passed = 0, failed = 0;
  for (const std::string &name : names) {
    CaseFile file;
    if (!file.read(folder + "/" + name)) {
      std::printf("FATAL '%s' cannot be read\n", name.c_str());
      return 3;
    }
    if (!file.benches.empty()) {
      if (bench)
        runBenches(file, filter);
    } else if (!bench && name.find(filter) != std::string::npos) {
      runCase(file, passed, failed);
    }
    std::fflush(stdout);
  }
  if (!bench)
    std::printf("%d passed, %d failed\n", passed, failed);
  return failed ? 1 : 0;
}
