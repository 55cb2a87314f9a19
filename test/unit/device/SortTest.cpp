//===- SortTest.cpp - The runtime's own kernels ---------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "kernels/TopK.h"

#include <cstring>

using namespace weft;
using namespace weft::rt;
using namespace weft::rt::test;

namespace {
class Sort : public Gpu {};
} // namespace

// Every type, sizes below and above a block, equal elements and numbers that are none: the host's elements and order.
TEST_F(Sort, TopKIsTheHosts) {
  std::mt19937 engine(41);
  struct {
    int64_t outer, size, inner, k;
  } shapes[] = {{5, 8, 1, 2}, {3, 100, 4, 7}, {2, 1000, 1, 33}, {1, 3000, 3, 1}, {4, 6, 2, 6}, {2, 5, 1, 0}};
  for (DType type : {DType::F32, DType::F64, DType::F16, DType::BF16, DType::I64, DType::I32, DType::I16, DType::I8,
                     DType::U8, DType::I1})
    for (const auto &shape : shapes)
      for (bool smallest : {false, true}) {
        TopKDesc desc{shape.outer, shape.size, shape.inner, shape.k, type, smallest};
        int64_t count = shape.outer * shape.size * shape.inner, kept = shape.outer * shape.k * shape.inner;
        std::vector<double> numbers(count);
        for (double &number : numbers) {
          number = type == DType::I1 ? engine() % 2 : engine() % 40;
          if (isFloat(type))
            number = engine() % 20 == 0 ? NAN : engine() % 20 == 0 ? -0.0 : (number - 20) * 0.25;
          else if (type == DType::I64 || type == DType::I32 || type == DType::I16 || type == DType::I8)
            number -= 20;
        }
        Values input(type, numbers);
        std::vector<char> values(kept * elementBytes(type) + 1);
        std::vector<int64_t> indices(kept + 1);
        std::vector<char> raw = input.bytes();
        ASSERT_EQ(topK(desc, raw.data(), values.data(), indices.data(), 1), nullptr);
        Manifest manifest;
        manifest.sorts = {desc};
        Calls calls(manifest);
        Values deviceValues(type, std::vector<double>(kept)), deviceIndices(DType::I64, std::vector<double>(kept));
        weft_top_k(calls.get(), 0, input.data(), deviceValues.data(), deviceIndices.data());
        ASSERT_EQ(calls.error(), "");
        std::string what = std::string(dtypeName(type)) + " of " + std::to_string(shape.size);
        EXPECT_EQ(memcmp(deviceValues.bytes().data(), values.data(), deviceValues.size()), 0) << what;
        EXPECT_EQ(memcmp(deviceIndices.bytes().data(), indices.data(), deviceIndices.size()), 0) << what;
      }
}

TEST_F(Sort, Copies) {
  std::mt19937 engine(42);
  Calls calls(Manifest{});
  Values from = Values::random(DType::F32, 100001, engine), to = Values::poison(DType::F32, 100001);
  weft_copy(calls.get(), to.data(), from.data(), to.size());
  ASSERT_EQ(calls.error(), "");
  EXPECT_EQ(to.bytes(), from.bytes());
}

// What the target does not have is said, not computed.
TEST_F(Sort, NotOnThisTarget) {
  Calls launch(Manifest{}), collective(Manifest{});
  weft_launch(launch.get(), nullptr, nullptr, 0, 1, 1);
  EXPECT_NE(launch.error().find("a kernel of the host"), std::string::npos);
  EXPECT_EQ(weft_collective(collective.get(), 0, nullptr, nullptr, nullptr), 1);
  EXPECT_NE(collective.error().find("no connection to other ranks"), std::string::npos);
}
