//===- Support.h - Calls of the C API on a GPU ------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TEST_UNIT_DEVICE_SUPPORT_H
#define WEFT_TEST_UNIT_DEVICE_SUPPORT_H

#include "core/DType.h"
#include "device/CudaContext.h"

#include <cmath>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace weft::rt::test {

/// Skips where there is no GPU.
class Gpu : public testing::Test {
protected:
  void SetUp() override {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0)
      GTEST_SKIP() << "there is no NVIDIA GPU";
    checkCuda(cudaSetDevice(0), "cudaSetDevice");
  }
};

/// Numbers in memory of the device, as a type that they are rounded to.
class Values {
public:
  Values(DType type, std::vector<double> numbers) : type(type), numbers(std::move(numbers)) {
    std::vector<char> bytes(size());
    for (size_t i = 0; i < this->numbers.size(); ++i) {
      fillElements(bytes.data(), type, this->numbers[i], static_cast<int64_t>(i), static_cast<int64_t>(i) + 1);
      this->numbers[i] = loadDouble(bytes.data(), type, static_cast<int64_t>(i));
    }
    memory = DeviceMemory(std::max<int64_t>(size(), 256));
    checkCuda(cudaMemcpy(memory.data(), bytes.data(), size(), cudaMemcpyHostToDevice), "cudaMemcpy");
  }
  /// `count` values around 0.
  static Values random(DType type, int64_t count, std::mt19937 &engine, double scale = 1) {
    std::vector<double> numbers(count);
    std::normal_distribution<double> normal(0, scale);
    for (double &number : numbers)
      number = normal(engine);
    return Values(type, std::move(numbers));
  }
  /// What no result may leave there.
  static Values poison(DType type, int64_t count) { return Values(type, std::vector<double>(count, NAN)); }

  char *data() const { return memory.data(); }
  double operator[](int64_t i) const { return numbers[i]; }
  int64_t count() const { return static_cast<int64_t>(numbers.size()); }
  int64_t size() const { return count() * elementBytes(type); }

  std::vector<char> bytes() const {
    std::vector<char> result(size());
    checkCuda(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    checkCuda(cudaMemcpy(result.data(), memory.data(), size(), cudaMemcpyDeviceToHost), "cudaMemcpy");
    return result;
  }
  std::vector<double> read() const {
    std::vector<char> raw = bytes();
    std::vector<double> result(numbers.size());
    for (int64_t i = 0; i < count(); ++i)
      result[i] = loadDouble(raw.data(), type, i);
    return result;
  }

private:
  DType type;
  std::vector<double> numbers;
  DeviceMemory memory;
};

/// A context with its stream, made from a manifest of library calls.
struct Calls {
  explicit Calls(Manifest facts) : manifest(std::move(facts)), stream(makeStream()) {
    manifest.target = "cuda";
    manifest.matmulScratch.resize(manifest.matmuls.size(), int64_t(32) << 20);
    manifest.convolutionScratch.resize(manifest.convolutions.size(), int64_t(64) << 20);
    context = std::make_unique<weft_context>(manifest, std::vector<cudaStream_t>{stream.get()}, nullptr, 0);
    context->prepareCudnn();
    context->stepwise = true;
    scratch = DeviceMemory(kScratch + 64);
  }
  weft_context *get() { return context.get(); }
  /// Aligned as buffers of an arena are, and no better.
  void *workspace() const { return scratch.data() + 64; }
  std::string error() const { return context->error() ? context->error() : ""; }

  static constexpr int64_t kScratch = int64_t(64) << 20;
  Manifest manifest;
  Stream stream;
  DeviceMemory scratch;
  std::unique_ptr<weft_context> context;
};

/// ‖actual - expected‖ / ‖expected‖; NaN where anything is.
inline double relativeError(const std::vector<double> &actual, const std::vector<double> &expected) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    error += (actual[i] - expected[i]) * (actual[i] - expected[i]);
    norm += expected[i] * expected[i];
  }
  return std::sqrt(error / std::max(norm, 1e-300));
}

/// What rounding to a type leaves of a result that was computed in f32.
inline double tolerance(DType type) { return type == DType::F32 ? 2e-6 : type == DType::F16 ? 6e-4 : 4e-3; }

inline const DType kTypes[] = {DType::F32, DType::BF16, DType::F16};

} // namespace weft::rt::test

#endif // WEFT_TEST_UNIT_DEVICE_SUPPORT_H
