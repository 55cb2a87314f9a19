//===- AttentionTest.cpp - Fused attention on a GPU -----------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"

#include "device/Cudnn.h"
#include "device/Kernels.h"

#include <cudnn.h>

using namespace weft;
using namespace weft::rt;
using namespace weft::rt::test;

namespace {

class Attention : public Gpu {};

/// How q, k and v lie: tensors of their own, parts of one projection, or heads outside positions.
enum Layout { Separate, Packed, HeadsOutside };

struct Case {
  Case(DType type, int64_t batch, int64_t heads, int64_t kvHeads, int64_t queries, int64_t keys, int64_t head,
       bool causal, Layout layout = Separate, AttentionDesc::MaskKind mask = AttentionDesc::NoMask)
      : type(type), layout(layout) {
    desc.batch = batch, desc.heads = heads, desc.kvHeads = kvHeads, desc.queries = queries, desc.keys = keys;
    desc.head = desc.valueHead = head;
    desc.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(head)));
    desc.causal = causal;
    desc.dtype = type == DType::BF16 ? AttentionDesc::BF16 : AttentionDesc::F16;
    desc.deterministic = true;
    desc.scratch = Calls::kScratch;
    desc.mask = mask;
    int64_t row = (heads + 2 * kvHeads) * head;
    auto set = [&](int64_t(&strides)[4], int64_t count, int64_t length, bool packs) {
      int64_t step = layout == Packed && packs ? row : count * head;
      const int64_t rows[] = {length * step, step, head, 1},
                    outside[] = {count * length * head, head, length * head, 1};
      std::copy_n(layout == HeadsOutside ? outside : rows, 4, strides);
    };
    for (auto *strides : {&desc.q, &desc.dq})
      set(*strides, heads, queries, true);
    for (auto *strides : {&desc.k, &desc.v, &desc.dk, &desc.dv})
      set(*strides, kvHeads, keys, true);
    for (auto *strides : {&desc.out, &desc.dout})
      set(*strides, heads, queries, false);
    if (mask != AttentionDesc::NoMask) {
      // The same for all heads.
      const int64_t strides[] = {queries * keys, 0, keys, 1};
      std::copy_n(strides, 4, desc.maskStrides);
    }
  }

  DType type;
  Layout layout;
  AttentionDesc desc = {};
};

/// All tensors as the definition gives them, in double precision, dense: [batch, position, head, element].
struct Reference {
  std::vector<double> out, lse, dq, dk, dv;
};

/// q, k, v and dout by index.
template <typename Q, typename K, typename V, typename D, typename M>
Reference compute(const AttentionDesc &desc, Q q, K k, V v, D dout, M mask) {
  int64_t b = desc.batch, h = desc.heads, t = desc.queries, s = desc.keys, d = desc.head, shared = h / desc.kvHeads;
  Reference result;
  result.out.resize(b * t * h * d), result.dq.resize(b * t * h * d), result.lse.resize(b * h * t);
  result.dk.resize(b * s * desc.kvHeads * d), result.dv.resize(b * s * desc.kvHeads * d);
  std::vector<double> p(s), dp(s);
  for (int64_t i = 0; i < b; ++i)
    for (int64_t j = 0; j < h; ++j)
      for (int64_t row = 0; row < t; ++row) {
        int64_t kv = j / shared;
        double most = -INFINITY, sum = 0, dot = 0;
        for (int64_t col = 0; col < s; ++col) {
          p[col] = 0;
          for (int64_t e = 0; e < d; ++e)
            p[col] += desc.scale * q(i, row, j, e) * k(i, col, kv, e);
          p[col] += mask(i, j, row, col);
          if (desc.causal && col > row + s - t)
            p[col] = -INFINITY;
          most = std::max(most, p[col]);
        }
        for (int64_t col = 0; col < s; ++col)
          sum += std::exp(p[col] - most);
        double lse = most + std::log(sum);
        result.lse[(i * h + j) * t + row] = lse;
        auto place = [&](int64_t position, int64_t heads, int64_t length, int64_t at, int64_t e) {
          return ((i * length + position) * heads + at) * d + e;
        };
        for (int64_t col = 0; col < s; ++col) {
          p[col] = std::exp(p[col] - lse);
          dp[col] = 0;
          for (int64_t e = 0; e < d; ++e) {
            result.out[place(row, h, t, j, e)] += p[col] * v(i, col, kv, e);
            dp[col] += dout(i, row, j, e) * v(i, col, kv, e);
            result.dv[place(col, desc.kvHeads, s, kv, e)] += p[col] * dout(i, row, j, e);
          }
          dot += p[col] * dp[col];
        }
        for (int64_t col = 0; col < s; ++col) {
          double ds = p[col] * (dp[col] - dot) * desc.scale;
          for (int64_t e = 0; e < d; ++e) {
            result.dq[place(row, h, t, j, e)] += ds * k(i, col, kv, e);
            result.dk[place(col, desc.kvHeads, s, kv, e)] += ds * q(i, row, j, e);
          }
        }
      }
  return result;
}

/// A tensor with these strides, out of memory, dense.
std::vector<double> gather(const std::vector<double> &memory, int64_t offset, const AttentionDesc &desc, int64_t length,
                           int64_t heads, const int64_t (&strides)[4]) {
  std::vector<double> dense;
  for (int64_t i = 0; i < desc.batch; ++i)
    for (int64_t position = 0; position < length; ++position)
      for (int64_t head = 0; head < heads; ++head)
        for (int64_t e = 0; e < desc.head; ++e)
          dense.push_back(memory[offset + i * strides[0] + position * strides[1] + head * strides[2] + e]);
  return dense;
}

void check(const Case &test) {
  const AttentionDesc &desc = test.desc;
  SCOPED_TRACE(describeAttention(desc) + (test.type == DType::BF16 ? " bf16" : " f16") + " layout " +
               std::to_string(test.layout) + " mask " + std::to_string(desc.mask));
  std::mt19937 engine(21);
  int64_t qs = desc.batch * desc.queries * desc.heads * desc.head,
          ks = desc.batch * desc.keys * desc.kvHeads * desc.head;
  bool packed = test.layout == Packed;
  // One tensor that holds all three, or three of them.
  int64_t kAt = packed ? desc.heads * desc.head : 0, vAt = packed ? kAt + desc.kvHeads * desc.head : 0;
  Values q = Values::random(test.type, packed ? qs + 2 * ks : qs, engine), k2 = Values::random(test.type, ks, engine),
         v2 = Values::random(test.type, ks, engine), dout = Values::random(test.type, qs, engine);
  const Values &k = packed ? q : k2, &v = packed ? q : v2;
  Values out = Values::poison(test.type, qs), lse = Values::poison(DType::F32, desc.batch * desc.heads * desc.queries);
  Values dq = Values::poison(test.type, packed ? qs + 2 * ks : qs), dk2 = Values::poison(test.type, ks),
         dv2 = Values::poison(test.type, ks);
  const Values &dk = packed ? dq : dk2, &dv = packed ? dq : dv2;

  DType maskType = desc.mask == AttentionDesc::Boolean          ? DType::I1
                   : desc.mask == AttentionDesc::AdditiveNarrow ? test.type
                                                                : DType::F32;
  int64_t maskCount = desc.mask == AttentionDesc::NoMask ? 1 : desc.batch * desc.queries * desc.keys;
  std::vector<double> maskNumbers(maskCount);
  for (int64_t i = 0; i < maskCount; ++i)
    // The first key of every row is seen.
    maskNumbers[i] = maskType == DType::I1 ? static_cast<double>(i % desc.keys == 0 || engine() % 3 != 0)
                                           : static_cast<double>(engine() % 8) * 0.5 - 2;
  Values mask(maskType, maskNumbers);
  auto maskAt = [&](int64_t i, int64_t, int64_t row, int64_t col) {
    if (desc.mask == AttentionDesc::NoMask)
      return 0.0;
    double value = mask[(i * desc.queries + row) * desc.keys + col];
    return desc.mask == AttentionDesc::Boolean ? (value != 0 ? 0.0 : -INFINITY) : value;
  };
  auto element = [](const Values &of, int64_t offset, const int64_t(&s)[4]) {
    return [&of, offset, &s](int64_t i, int64_t position, int64_t head, int64_t e) {
      return of[offset + i * s[0] + position * s[1] + head * s[2] + e];
    };
  };
  Reference expected = compute(desc, element(q, 0, desc.q), element(k, kAt, desc.k), element(v, vAt, desc.v),
                               element(dout, 0, desc.dout), maskAt);

  Manifest manifest;
  manifest.attentions = {desc};
  Calls calls(manifest);
  int64_t width = 2;
  const void *maskData = desc.mask == AttentionDesc::NoMask ? nullptr : mask.data();
  weft_attention_forward(calls.get(), 0, q.data(), k.data() + kAt * width, v.data() + vAt * width, maskData, out.data(),
                         lse.data(), calls.workspace());
  ASSERT_EQ(calls.error(), "");
  double allowed = test.type == DType::BF16 ? 1e-2 : 2e-3;
  EXPECT_LT(relativeError(gather(out.read(), 0, desc, desc.queries, desc.heads, desc.out), expected.out), allowed);
  EXPECT_LT(relativeError(lse.read(), expected.lse), 1e-4);
  auto backward = [&] {
    weft_attention_backward(calls.get(), 0, dout.data(), q.data(), k.data() + kAt * width, v.data() + vAt * width,
                            maskData, out.data(), lse.data(), dq.data(), dk.data() + kAt * width,
                            dv.data() + vAt * width, calls.workspace());
  };
  backward();
  ASSERT_EQ(calls.error(), "");
  EXPECT_LT(relativeError(gather(dq.read(), 0, desc, desc.queries, desc.heads, desc.dq), expected.dq), 2 * allowed);
  EXPECT_LT(relativeError(gather(dk.read(), kAt, desc, desc.keys, desc.kvHeads, desc.dk), expected.dk), 2 * allowed);
  EXPECT_LT(relativeError(gather(dv.read(), vAt, desc, desc.keys, desc.kvHeads, desc.dv), expected.dv), 2 * allowed);
  // The same bits each time.
  std::vector<char> first = dq.bytes(), firstKey = dk.bytes();
  backward();
  EXPECT_EQ(dq.bytes(), first);
  EXPECT_EQ(dk.bytes(), firstKey);
}

} // namespace

TEST_F(Attention, Layouts) {
  for (DType type : {DType::BF16, DType::F16})
    for (Layout layout : {Separate, Packed, HeadsOutside})
      for (bool causal : {false, true})
        check({type, 2, 3, 3, 128, 128, 64, causal, layout});
}

TEST_F(Attention, SharedHeads) {
  for (Layout layout : {Separate, Packed})
    for (bool causal : {false, true})
      check({DType::BF16, 2, 8, 2, 128, 128, 64, causal, layout});
  check({DType::F16, 1, 4, 1, 192, 192, 128, true, Packed});
}

TEST_F(Attention, Sizes) {
  for (DType type : {DType::BF16, DType::F16})
    for (int64_t head : {32, 64, 96, 128})
      check({type, 1, 2, 2, 200, 200, head, true});
  check({DType::BF16, 1, 2, 2, 77, 77, 64, false});
  check({DType::BF16, 1, 2, 2, 64, 320, 64, false});
}

// More keys than queries: the last query sees all of them.
TEST_F(Attention, CausalFromTheEnd) {
  check({DType::BF16, 1, 2, 2, 128, 256, 64, true});
  check({DType::F16, 2, 4, 2, 64, 192, 64, true});
}

TEST_F(Attention, AddedMask) {
  for (DType type : {DType::BF16, DType::F16})
    for (bool causal : {false, true})
      check({type, 2, 2, 2, 128, 128, 64, causal, Separate, AttentionDesc::Additive});
}

TEST_F(Attention, NarrowMask) {
  for (DType type : {DType::BF16, DType::F16})
    check({type, 2, 2, 2, 128, 128, 64, false, Separate, AttentionDesc::AdditiveNarrow});
}

TEST_F(Attention, BooleanMask) {
  for (DType type : {DType::BF16, DType::F16})
    check({type, 2, 2, 2, 128, 128, 64, false, Separate, AttentionDesc::Boolean});
}

// Less scratch memory than the library needs is refused before the first step, where the schedule names the pass.
TEST_F(Attention, Faults) {
  Manifest manifest;
  manifest.attentions = {Case(DType::BF16, 2, 4, 4, 256, 256, 64, true).desc};
  manifest.attentions[0].scratch = 16;
  manifest.tasks = {"step"};
  manifest.schedule = {{"step", "attention_grad", "h.0.attn", 1, 1, "h.0.attn", "backward", 0}};
  try {
    Calls calls(manifest);
    ADD_FAILURE() << "it was planned";
  } catch (const InputError &error) {
    EXPECT_NE(std::string(error.what()).find("attentions[0] needs"), std::string::npos) << error.what();
  }
  manifest.attentions[0].dtype = AttentionDesc::F32;
  EXPECT_THROW(Calls{manifest}, InternalError);
}

// Prints what passes of models' sizes take and the scratch memory they need.
TEST_F(Attention, SpeedOfModels) {
  printf("cuDNN %zu\n", cudnnGetVersion());
  for (bool deterministic : {true, false})
    for (Case test : {Case(DType::BF16, 32, 12, 12, 1024, 1024, 64, true, Packed),
                      Case(DType::BF16, 2, 32, 8, 4096, 4096, 64, true, Separate),
                      Case(DType::BF16, 4, 16, 16, 1000, 1000, 96, false, Separate),
                      Case(DType::BF16, 4, 32, 32, 4096, 4096, 128, true, Separate)}) {
      test.desc.deterministic = deterministic;
      test.desc.scratch = int64_t(8) << 30;
      const AttentionDesc &desc = test.desc;
      CudnnHandle handle(nullptr);
      Stream stream = makeStream();
      checkCudnn(cudnnSetStream(handle.get(), stream.get()), "cudnnSetStream");
      auto attention = DeviceAttention::create(handle, desc, "attention");
      attention->plan(DeviceAttention::Forward);
      attention->plan(DeviceAttention::Backward);
      int64_t forward = attention->scratchBytes(DeviceAttention::Forward),
              backward = attention->scratchBytes(DeviceAttention::Backward);
      int64_t qs = desc.batch * desc.queries * desc.heads * desc.head * 2,
              ks = desc.batch * desc.keys * desc.kvHeads * desc.head * 2, all = qs + 2 * ks;
      DeviceMemory qkv(all), gradients(all), out(qs), dout(qs), lse(desc.batch * desc.heads * desc.queries * 4),
          scratch(std::max<int64_t>({forward, backward, 1}));
      for (auto [memory, bytes] : {std::pair(qkv.data(), all), std::pair(dout.data(), qs)})
        checkCuda(launchRandom(memory, bytes / 2, 5, stream.get()), "random");
      bool packed = test.layout == Packed;
      int64_t kAt = packed ? desc.heads * desc.head * 2 : qs, vAt = kAt + (packed ? desc.kvHeads * desc.head * 2 : ks);
      char *q = qkv.data(), *g = gradients.data();
      float times[2];
      for (int pass : {0, 1}) {
        Event begin = makeEvent(true), end = makeEvent(true);
        for (int run = 0; run < 6; ++run) {
          if (run == 1)
            checkCuda(cudaEventRecord(begin.get(), stream.get()), "cudaEventRecord");
          const char *fault =
              pass == 0 ? attention->forward({q, q + kAt, q + vAt, nullptr, out.data(), lse.data()}, scratch.data())
                        : attention->backward(
                              {dout.data(), q, q + kAt, q + vAt, nullptr, out.data(), lse.data(), g, g + kAt, g + vAt},
                              scratch.data());
          ASSERT_EQ(fault, nullptr) << fault;
        }
        checkCuda(cudaEventRecord(end.get(), stream.get()), "cudaEventRecord");
        checkCuda(cudaEventSynchronize(end.get()), "cudaEventSynchronize");
        checkCuda(cudaEventElapsedTime(&times[pass], begin.get(), end.get()), "cudaEventElapsedTime");
      }
      double flops = 4.0 * desc.batch * desc.heads * desc.queries * desc.keys * desc.head * (desc.causal ? 0.5 : 1);
      printf("%s, deterministic %d: forward %.0f us %.0f TFLOP/s scratch %lld, backward %.0f us %.0f TFLOP/s scratch "
             "%lld\n",
             describeAttention(desc).c_str(), deterministic, 200 * times[0], flops / (0.2e-3 * times[0]) * 1e-12,
             static_cast<long long>(forward), 200 * times[1], 2.5 * flops / (0.2e-3 * times[1]) * 1e-12,
             static_cast<long long>(backward));
    }
}
