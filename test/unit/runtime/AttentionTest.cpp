//===- AttentionTest.cpp - Attention against a naive reference ------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "kernels/Attention.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace weft::rt;

namespace weft::rt {
/// The AVX-512 variant's shapes in plain instructions (CMakeLists.txt).
extern const AttentionKernels attentionKernels_wide;
} // namespace weft::rt

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// How a [batch, position, head, element] tensor lies in memory.
enum class Layout { Dense, HeadsOuter, Packed, ElementsStrided };

/// Strides of `layout` and how many elements the buffer needs.
int64_t chooseStrides(Layout layout, int64_t batch, int64_t positions, int64_t heads, int64_t width, int64_t (&s)[4]) {
  switch (layout) {
  case Layout::Dense: // [b, t, h, d]
    s[0] = positions * heads * width, s[1] = heads * width, s[2] = width, s[3] = 1;
    return batch * s[0];
  case Layout::HeadsOuter: // [b, h, t, d]
    s[0] = positions * heads * width, s[1] = width, s[2] = positions * width, s[3] = 1;
    return batch * s[0];
  case Layout::Packed: // rows of three times the size, as in a projection to q, k and v
    s[0] = positions * heads * width * 3, s[1] = heads * width * 3, s[2] = width, s[3] = 1;
    return batch * s[0];
  case Layout::ElementsStrided: // [b, h, d, t]
    s[0] = positions * heads * width, s[1] = 1, s[2] = positions * width, s[3] = positions;
    return batch * s[0];
  }
  return 0;
}

/// A tensor with strides; element access by index.
struct Tensor {
  std::vector<float> data;
  int64_t (&strides)[4];

  Tensor(Layout layout, int64_t batch, int64_t positions, int64_t heads, int64_t width, int64_t (&strides)[4])
      : data(chooseStrides(layout, batch, positions, heads, width, strides)), strides(strides) {}
  float &at(int64_t b, int64_t t, int64_t h, int64_t d) {
    return data[b * strides[0] + t * strides[1] + h * strides[2] + d * strides[3]];
  }
  void randomise(std::mt19937 &engine) {
    std::normal_distribution<float> normal;
    for (float &value : data)
      value = normal(engine);
  }
};

/// One random attention with all its operands and the reference's results.
struct Case {
  AttentionDesc desc = {};
  Tensor q, k, v, out, dout, dq, dk, dv;
  std::vector<float> lse, additive;
  std::vector<uint8_t> boolean;

  Case(AttentionDesc shape, Layout layout, uint32_t seed)
      : desc(shape), q(layout, desc.batch, desc.queries, desc.heads, desc.head, desc.q),
        k(layout, desc.batch, desc.keys, desc.kvHeads, desc.head, desc.k),
        v(layout, desc.batch, desc.keys, desc.kvHeads, desc.valueHead, desc.v),
        out(layout, desc.batch, desc.queries, desc.heads, desc.valueHead, desc.out),
        dout(layout, desc.batch, desc.queries, desc.heads, desc.valueHead, desc.dout),
        dq(layout, desc.batch, desc.queries, desc.heads, desc.head, desc.dq),
        dk(layout, desc.batch, desc.keys, desc.kvHeads, desc.head, desc.dk),
        dv(layout, desc.batch, desc.keys, desc.kvHeads, desc.valueHead, desc.dv),
        lse(desc.batch * desc.heads * desc.queries) {
    std::mt19937 engine(seed);
    for (Tensor *tensor : {&q, &k, &v, &dout})
      tensor->randomise(engine);
    // Stale values that must be overwritten.
    for (Tensor *tensor : {&out, &dq, &dk, &dv})
      tensor->randomise(engine);
    if (desc.mask == AttentionDesc::NoMask)
      return;
    int64_t size = desc.maskStrides[0] * (desc.batch - 1) + desc.maskStrides[1] * (desc.heads - 1) +
                   desc.maskStrides[2] * (desc.queries - 1) + desc.maskStrides[3] * (desc.keys - 1) + 1;
    for (int64_t i = 0; i < size; ++i) {
      bool seen = engine() % 4 != 0;
      boolean.push_back(seen);
      additive.push_back(seen ? static_cast<float>(engine() % 100) * 0.01f : -std::numeric_limits<float>::infinity());
    }
    // A query that sees nothing at all.
    if (desc.maskStrides[2] != 0)
      for (int64_t s = 0; s < desc.keys; ++s) {
        boolean[s * desc.maskStrides[3]] = 0;
        additive[s * desc.maskStrides[3]] = -std::numeric_limits<float>::infinity();
      }
  }

  const void *mask() const {
    return desc.mask == AttentionDesc::NoMask     ? nullptr
           : desc.mask == AttentionDesc::Additive ? static_cast<const void *>(additive.data())
                                                  : boolean.data();
  }

  double score(int64_t b, int64_t h, int64_t t, int64_t s) {
    if (desc.causal && s > t + desc.keys - desc.queries)
      return -kInfinity;
    double value = 0;
    for (int64_t d = 0; d < desc.head; ++d)
      value += double(q.at(b, t, h, d)) * k.at(b, s, h / (desc.heads / desc.kvHeads), d);
    value *= desc.scale;
    int64_t place =
        b * desc.maskStrides[0] + h * desc.maskStrides[1] + t * desc.maskStrides[2] + s * desc.maskStrides[3];
    if (desc.mask == AttentionDesc::Additive)
      value += additive[place];
    if (desc.mask == AttentionDesc::Boolean && !boolean[place])
      value = -kInfinity;
    return value;
  }

  void run(const AttentionKernels *kernels, int threads) {
    PreparedAttention attention(desc, threads, kernels);
    AttentionWorkspace workspace(attention.workspaceFloats(), threads);
    // Garbage in the workspace must not matter.
    for (int thread = 0; thread < threads; ++thread)
      std::fill_n(workspace.forThread(thread), attention.workspaceFloats(), std::nanf(""));
    ASSERT_EQ(attention.forward(workspace,
                                {q.data.data(), k.data.data(), v.data.data(), mask(), out.data.data(), lse.data()}),
              nullptr);
    ASSERT_EQ(
        attention.backward(workspace, {dout.data.data(), q.data.data(), k.data.data(), v.data.data(), mask(),
                                       out.data.data(), lse.data(), dq.data.data(), dk.data.data(), dv.data.data()}),
        nullptr);
  }

  /// Compares with double precision, everything at once.
  void check() {
    std::vector<double> rdk(dk.data.size()), rdv(dv.data.size());
    double tolerance = 2e-5;
    int64_t group = desc.heads / desc.kvHeads;
    for (int64_t b = 0; b < desc.batch; ++b)
      for (int64_t h = 0; h < desc.heads; ++h)
        for (int64_t t = 0; t < desc.queries; ++t) {
          std::vector<double> p(desc.keys), row(desc.valueHead), dRow(desc.head);
          double maximum = -kInfinity, total = 0, delta = 0;
          for (int64_t s = 0; s < desc.keys; ++s)
            maximum = std::max(maximum, p[s] = score(b, h, t, s));
          for (double &value : p)
            total += value = maximum == -kInfinity ? 0 : std::exp(value - maximum);
          for (double &value : p)
            value = total > 0 ? value / total : 0;
          for (int64_t d = 0; d < desc.valueHead; ++d) {
            for (int64_t s = 0; s < desc.keys; ++s)
              row[d] += p[s] * v.at(b, s, h / group, d);
            delta += row[d] * dout.at(b, t, h, d);
            ASSERT_NEAR(out.at(b, t, h, d), row[d], tolerance) << b << " " << h << " " << t << " " << d;
          }
          double expected = total > 0 ? maximum + std::log(total) : -kInfinity;
          float actual = lse[(b * desc.heads + h) * desc.queries + t];
          if (total > 0)
            ASSERT_NEAR(actual, expected, tolerance);
          else
            ASSERT_EQ(actual, -std::numeric_limits<float>::infinity());
          for (int64_t s = 0; s < desc.keys; ++s) {
            double dp = 0;
            for (int64_t d = 0; d < desc.valueHead; ++d) {
              dp += double(dout.at(b, t, h, d)) * v.at(b, s, h / group, d);
              rdv[b * desc.dv[0] + s * desc.dv[1] + h / group * desc.dv[2] + d * desc.dv[3]] +=
                  p[s] * dout.at(b, t, h, d);
            }
            double ds = p[s] * (dp - delta) * desc.scale;
            for (int64_t d = 0; d < desc.head; ++d) {
              dRow[d] += ds * k.at(b, s, h / group, d);
              rdk[b * desc.dk[0] + s * desc.dk[1] + h / group * desc.dk[2] + d * desc.dk[3]] += ds * q.at(b, t, h, d);
            }
          }
          for (int64_t d = 0; d < desc.head; ++d)
            ASSERT_NEAR(dq.at(b, t, h, d), dRow[d], 4 * tolerance) << b << " " << h << " " << t << " " << d;
        }
    for (int64_t b = 0; b < desc.batch; ++b)
      for (int64_t h = 0; h < desc.kvHeads; ++h)
        for (int64_t s = 0; s < desc.keys; ++s) {
          for (int64_t d = 0; d < desc.head; ++d)
            ASSERT_NEAR(dk.at(b, s, h, d), rdk[&dk.at(b, s, h, d) - dk.data.data()], 10 * tolerance);
          for (int64_t d = 0; d < desc.valueHead; ++d)
            ASSERT_NEAR(dv.at(b, s, h, d), rdv[&dv.at(b, s, h, d) - dv.data.data()], 10 * tolerance);
        }
  }
};

AttentionDesc shape(int64_t batch, int64_t heads, int64_t kvHeads, int64_t queries, int64_t keys, int64_t head,
                    int64_t valueHead, bool causal, AttentionDesc::MaskKind mask = AttentionDesc::NoMask) {
  AttentionDesc desc = {};
  desc.batch = batch, desc.heads = heads, desc.kvHeads = kvHeads, desc.queries = queries, desc.keys = keys;
  desc.head = head, desc.valueHead = valueHead, desc.causal = causal, desc.mask = mask;
  desc.scale = 1.0f / std::sqrt(static_cast<float>(head));
  return desc;
}

/// Every variant that this machine has.
class Attention : public testing::TestWithParam<const AttentionKernels *> {};

std::vector<const AttentionKernels *> testedKernels() {
  std::vector<const AttentionKernels *> kernels = availableAttentionKernels();
  kernels.push_back(&attentionKernels_wide);
  return kernels;
}

std::string variantName(const testing::TestParamInfo<const AttentionKernels *> &info) { return info.param->name; }

} // namespace

INSTANTIATE_TEST_SUITE_P(Variants, Attention, testing::ValuesIn(testedKernels()), variantName);

// Sizes around the blocks of 48 queries, 96 keys, 192 keys and 288 queries, with every layout.
TEST_P(Attention, MatchesReferenceAroundBlockSizes) {
  uint32_t seed = 1;
  for (Layout layout : {Layout::Dense, Layout::HeadsOuter, Layout::Packed, Layout::ElementsStrided})
    for (int64_t length : {1, 5, 47, 48, 49, 96, 97, 193, 300})
      for (bool causal : {false, true}) {
        SCOPED_TRACE(testing::Message() << "layout " << int(layout) << " length " << length << " causal " << causal);
        Case test(shape(1, 2, 1, length, length, 8, 8, causal), layout, seed++);
        test.run(GetParam(), 2);
        test.check();
        if (HasFatalFailure())
          return;
      }
}

// Random shapes: grouped queries, other value widths, fewer or more keys than queries, masks that broadcast.
TEST_P(Attention, MatchesReferenceOnRandomShapes) {
  std::mt19937 engine(7);
  auto pick = [&](int64_t low, int64_t high) { return low + int64_t(engine() % uint32_t(high - low + 1)); };
  for (int trial = 0; trial < 60; ++trial) {
    int64_t kvHeads = pick(1, 3), heads = kvHeads * pick(1, 3), batch = pick(1, 2);
    auto mask = static_cast<AttentionDesc::MaskKind>(engine() % 3);
    AttentionDesc desc =
        shape(batch, heads, kvHeads, pick(1, 120), pick(1, 230), pick(1, 40), pick(1, 40), engine() % 2, mask);
    // Dense, then broadcast over some dimensions; sometimes with distant keys.
    int64_t step = pick(1, 2), row = desc.keys * step;
    int64_t strides[4] = {row * desc.queries * heads, row * desc.queries, row, step};
    for (int i = 0; i < 4; ++i)
      desc.maskStrides[i] = i < 3 && engine() % 2 ? 0 : strides[i];
    SCOPED_TRACE(testing::Message() << "trial " << trial);
    Case test(desc, static_cast<Layout>(engine() % 4), engine());
    test.run(GetParam(), 2);
    test.check();
    if (HasFatalFailure())
      return;
  }
}

// A finite mask of the lowest float, as exporters write it: a row of nothing else is a plain mean, as in PyTorch.
TEST_P(Attention, LowestFloatIsNotInfinity) {
  AttentionDesc desc = shape(1, 1, 1, 3, 10, 8, 8, false, AttentionDesc::Additive);
  desc.maskStrides[2] = 10, desc.maskStrides[3] = 1;
  Case test(desc, Layout::Dense, 3);
  std::fill(test.additive.begin(), test.additive.end(), std::numeric_limits<float>::lowest());
  test.run(GetParam(), 1);
  for (int64_t d = 0; d < 8; ++d) {
    double mean = 0;
    for (int64_t s = 0; s < 10; ++s)
      mean += test.v.at(0, s, 0, d) / 10;
    EXPECT_NEAR(test.out.at(0, 1, 0, d), mean, 1e-6);
  }
}

// The same row's gradients, among rows that see something and over more keys than a block has: each of 300 keys has a
// 300th of the weight, which cannot be told from the logarithm of their sum.
TEST_P(Attention, GradientOfHiddenRows) {
  constexpr int64_t keys = 300, head = 8, hidden = 1;
  AttentionDesc desc = shape(1, 1, 1, 3, keys, head, head, false, AttentionDesc::Additive);
  desc.maskStrides[2] = keys, desc.maskStrides[3] = 1;
  Case test(desc, Layout::Dense, 3);
  std::fill(test.additive.begin(), test.additive.end(), 0.0f);
  std::fill_n(test.additive.begin() + hidden * keys, keys, std::numeric_limits<float>::lowest());
  test.run(GetParam(), 1);
  std::vector<double> gradient(head);
  auto dot = [&](auto &x, int64_t row, auto &y, int64_t s) {
    double sum = 0;
    for (int64_t d = 0; d < head; ++d)
      sum += double(x.at(0, row, 0, d)) * y.at(0, s, 0, d);
    return sum;
  };
  double delta = 0;
  for (int64_t s = 0; s < keys; ++s)
    delta += dot(test.dout, hidden, test.v, s) / keys;
  for (int64_t s = 0; s < keys; ++s) {
    double ds = (dot(test.dout, hidden, test.v, s) - delta) / keys * desc.scale;
    for (int64_t d = 0; d < head; ++d)
      gradient[d] += ds * test.k.at(0, s, 0, d);
  }
  for (int64_t d = 0; d < head; ++d)
    EXPECT_NEAR(test.dq.at(0, hidden, 0, d), gradient[d], 1e-5);
  // Weights of all rows, 1 each, come back in the gradient of the values.
  for (int64_t d = 0; d < head; ++d) {
    double expected = 0, sum = 0;
    for (int64_t t = 0; t < 3; ++t)
      expected += test.dout.at(0, t, 0, d);
    for (int64_t s = 0; s < keys; ++s)
      sum += test.dv.at(0, s, 0, d);
    EXPECT_NEAR(sum, expected, 1e-4);
  }
}

// Large scores: the running maximum keeps everything finite.
TEST_P(Attention, LargeScoresStayFinite) {
  AttentionDesc desc = shape(1, 1, 1, 100, 200, 16, 16, true);
  desc.scale = 30.0f;
  Case test(desc, Layout::Dense, 4);
  test.run(GetParam(), 1);
  for (float value : test.out.data)
    EXPECT_TRUE(std::isfinite(value));
  for (float value : test.dq.data)
    EXPECT_TRUE(std::isfinite(value));
}

// NaN comes out as NaN, so that the step loop sees it.
TEST_P(Attention, NotANumberIsNotHidden) {
  Case test(shape(1, 1, 1, 10, 10, 8, 8, false), Layout::Dense, 5);
  test.k.at(0, 3, 0, 2) = std::nanf("");
  test.run(GetParam(), 1);
  EXPECT_TRUE(std::isnan(test.out.at(0, 0, 0, 0)));
  EXPECT_TRUE(std::isnan(test.dq.at(0, 0, 0, 0)));
}

// The same bits with any number of threads, also where the forward pass is cut differently.
TEST_P(Attention, ThreadCountDoesNotMatter) {
  for (int64_t heads : {1, 4}) {
    AttentionDesc desc = shape(1, heads, 1, 500, 500, 24, 24, true);
    Case one(desc, Layout::Packed, 9);
    one.run(GetParam(), 1);
    for (int threads : {2, 3, 7}) {
      Case many(desc, Layout::Packed, 9);
      many.run(GetParam(), threads);
      EXPECT_EQ(one.lse, many.lse);
      EXPECT_EQ(one.out.data, many.out.data);
      EXPECT_EQ(one.dq.data, many.dq.data);
      EXPECT_EQ(one.dk.data, many.dk.data);
      EXPECT_EQ(one.dv.data, many.dv.data);
    }
  }
}
