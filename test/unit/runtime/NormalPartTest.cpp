//===- NormalPartTest.cpp - Random initial values of a part ---------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/NormalPart.h"
#include "core/Random.h"

#include <gtest/gtest.h>
#include <random>

using namespace weft::rt;

namespace {

/// A box of up to four dimensions, some of them cut as a rank of a mesh holds them, with padding or nothing at all.
Box randomBox(std::mt19937 &engine) {
  Box box;
  for (size_t rank = engine() % 5; box.shape.size() < rank;) {
    int64_t size = 1 + static_cast<int64_t>(engine() % 9), parts = engine() % 2 ? 1 : 1 + engine() % 4;
    int64_t held = (size + parts - 1) / parts, begin = held * static_cast<int64_t>(engine() % parts);
    box.shape.push_back(size);
    box.held.push_back(held);
    box.begin.push_back(begin);
    box.size.push_back(std::clamp<int64_t>(size - begin, 0, held));
  }
  return box;
}

/// By the definition, one element after another.
std::vector<float> elementsOf(const NormalPart &part) {
  const Box &box = part.box;
  std::vector<float> values(part.bytes() / elementBytes(part.dtype));
  for (size_t i = 0; i < values.size(); ++i) {
    int64_t rest = static_cast<int64_t>(i), index = 0, stride = 1;
    bool inside = true;
    for (size_t d = box.shape.size(); d-- > 0; rest /= box.held[d], stride *= box.shape[d]) {
      inside &= rest % box.held[d] < box.size[d];
      index += (box.begin[d] + rest % box.held[d]) * stride;
    }
    if (inside)
      fillNormal(&values[i], index, 1, part.seed, part.name, part.deviation);
  }
  return values;
}

std::vector<float> filled(const NormalPart &part) {
  std::vector<float> values(part.bytes() / 4, -1.0f);
  part.fill(reinterpret_cast<char *>(values.data()));
  return values;
}

} // namespace

TEST(NormalPart, HoldsTheTensorsElements) {
  std::mt19937 engine(7);
  for (int i = 0; i < 150; ++i) {
    NormalPart part{randomBox(engine), DType::F32, 5, hashName("w"), 0.02f};
    std::vector<float> expected = elementsOf(part);
    EXPECT_EQ(filled(part), expected);
    NormalPart merged = part.collapsed();
    ASSERT_GE(merged.box.shape.size(), 1u);
    EXPECT_EQ(elementsOf(merged), expected);
    EXPECT_EQ(filled(merged), expected);
  }
}

TEST(NormalPart, MergesWhatIsWhole) {
  // Columns of heads: [layers 2, rows 3, heads 4 of 8, 16].
  NormalPart part{{{2, 3, 8, 16}, {0, 0, 4, 0}, {2, 3, 4, 16}, {2, 3, 4, 16}}};
  Box merged = part.collapsed().box;
  EXPECT_EQ(merged.shape, (std::vector<int64_t>{6, 128}));
  EXPECT_EQ(merged.begin, (std::vector<int64_t>{0, 64}));
  EXPECT_EQ(merged.size, (std::vector<int64_t>{6, 64}));
  EXPECT_EQ(merged.held, (std::vector<int64_t>{6, 64}));
  EXPECT_EQ(NormalPart{}.collapsed().box.shape, (std::vector<int64_t>{1}));
}

// Rounded from f32, as parameters of 16 bits are from their masters.
TEST(NormalPart, RoundsToItsType) {
  for (DType type : {DType::BF16, DType::F16}) {
    NormalPart part{{{300}, {0}, {300}, {300}}, type, 1, 2, 0.5f}, wide = part;
    wide.dtype = DType::F32;
    std::vector<float> values = filled(wide);
    std::vector<char> narrow(part.bytes()), expected(part.bytes());
    part.fill(narrow.data());
    convertElements(values.data(), DType::F32, expected.data(), type, 300);
    EXPECT_EQ(narrow, expected);
  }
}
