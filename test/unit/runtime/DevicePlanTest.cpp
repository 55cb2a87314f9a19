//===- DevicePlanTest.cpp - What of the CUDA runtime needs no device ------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"
#include "device/AlgorithmCache.h"
#include "device/MatmulProblem.h"
#include "device/Transfer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

using namespace weft;
using namespace weft::rt;
using nlohmann::json;

namespace {

/// A column-major matrix of a problem, element (row, column) of its operand.
double at(const std::vector<double> &memory, const ColumnMajor &matrix, int64_t offset, int64_t row, int64_t column) {
  return matrix.transposed ? memory.at(offset + column + row * matrix.leading)
                           : memory.at(offset + row + column * matrix.leading);
}

/// Computes a problem as the library would.
void compute(const MatmulProblem &problem, const std::vector<double> &a, const std::vector<double> &b,
             std::vector<double> &c) {
  for (int64_t call = 0; call < problem.calls; ++call)
    for (int64_t i = 0; i < problem.batch; ++i) {
      int64_t aAt = call * problem.aStep, bAt = call * problem.bStep, cAt = call * problem.cStep;
      const std::vector<double> &left = problem.aIsLeft ? a : b, &right = problem.aIsLeft ? b : a;
      int64_t leftAt = (problem.aIsLeft ? aAt : bAt) + i * problem.left.batchStride;
      int64_t rightAt = (problem.aIsLeft ? bAt : aAt) + i * problem.right.batchStride;
      for (int64_t row = 0; row < problem.rows; ++row)
        for (int64_t column = 0; column < problem.columns; ++column) {
          double sum = 0;
          for (int64_t k = 0; k < problem.depth; ++k)
            sum += at(left, problem.left, leftAt, row, k) * at(right, problem.right, rightAt, k, column);
          c.at(cAt + i * problem.result.batchStride + row + column * problem.result.leading) = sum;
        }
    }
}

MatmulDesc describe(std::vector<int64_t> batch, int64_t m, int64_t n, int64_t k) {
  MatmulDesc desc;
  desc.batch = std::move(batch);
  desc.m = m, desc.n = n, desc.k = k;
  return desc;
}

} // namespace

// Random layouts of all kinds, element by element against the definition.
TEST(MatmulProblem, ComputesTheProduct) {
  std::mt19937 engine(7);
  auto upTo = [&](int64_t most) { return static_cast<int64_t>(engine() % most) + 1; };
  int computed = 0, twoCalls = 0;
  for (int trial = 0; trial < 500; ++trial) {
    std::vector<int64_t> batch;
    for (int64_t i = 0, count = engine() % 3; i < count; ++i)
      batch.push_back(upTo(3));
    MatmulDesc desc = describe(batch, upTo(5), upTo(5), upTo(5));
    // Rows or columns contiguous, with room between them; batches outside, inside the rows, or broadcast.
    auto layout = [&](int64_t rows, int64_t columns, bool mayBroadcast) {
      bool byRows = engine() % 2;
      int64_t leading = (byRows ? columns : rows) + engine() % 3;
      int64_t matrix = leading * (byRows ? rows : columns) + engine() % 4;
      std::vector<int64_t> strides(batch.size());
      int64_t next = matrix;
      std::vector<size_t> order(batch.size());
      std::iota(order.begin(), order.end(), 0);
      if (engine() % 2)
        std::reverse(order.begin(), order.end());
      for (size_t dim : order) {
        strides[dim] = mayBroadcast && engine() % 4 == 0 ? 0 : next;
        if (strides[dim] != 0)
          next *= batch[dim];
      }
      strides.push_back(byRows ? leading : 1);
      strides.push_back(byRows ? 1 : leading);
      return strides;
    };
    desc.aStrides = layout(desc.m, desc.k, true);
    desc.bStrides = layout(desc.k, desc.n, true);
    desc.cStrides = layout(desc.m, desc.n, false);
    MatmulProblem problem;
    std::string error;
    ASSERT_TRUE(makeMatmulProblem(desc, problem, error)) << error;
    std::vector<double> a(problem.aElements), b(problem.bElements), c(problem.cElements, -1), expected = c;
    for (double &value : a)
      value = static_cast<double>(engine() % 19) - 9;
    for (double &value : b)
      value = static_cast<double>(engine() % 19) - 9;
    compute(problem, a, b, c);
    int64_t outer = batch.size() > 1 ? batch[0] : 1, inner = batch.empty() ? 1 : batch.back();
    for (int64_t i = 0; i < outer; ++i)
      for (int64_t j = 0; j < inner; ++j) {
        auto offset = [&](const std::vector<int64_t> &strides) {
          return (batch.size() > 1 ? i * strides[0] : 0) + (batch.empty() ? 0 : j * strides[batch.size() - 1]);
        };
        size_t rank = batch.size();
        for (int64_t row = 0; row < desc.m; ++row)
          for (int64_t column = 0; column < desc.n; ++column) {
            double sum = 0;
            for (int64_t k = 0; k < desc.k; ++k)
              sum += a[offset(desc.aStrides) + row * desc.aStrides[rank] + k * desc.aStrides[rank + 1]] *
                     b[offset(desc.bStrides) + k * desc.bStrides[rank] + column * desc.bStrides[rank + 1]];
            expected[offset(desc.cStrides) + row * desc.cStrides[rank] + column * desc.cStrides[rank + 1]] = sum;
          }
      }
    ASSERT_EQ(c, expected) << "trial " << trial;
    ++computed;
    twoCalls += problem.calls > 1;
  }
  EXPECT_EQ(computed, 500);
  EXPECT_GT(twoCalls, 20);
}

// Dense batches are one call; heads beside one another in a row are too, along their own dimension.
TEST(MatmulProblem, Batches) {
  MatmulProblem problem;
  std::string error;
  MatmulDesc desc = describe({2, 3}, 4, 5, 6);
  desc.aStrides = {72, 24, 6, 1}, desc.bStrides = {90, 30, 5, 1}, desc.cStrides = {60, 20, 5, 1};
  ASSERT_TRUE(makeMatmulProblem(desc, problem, error));
  EXPECT_EQ(problem.batch, 6);
  EXPECT_EQ(problem.calls, 1);
  desc.aStrides = {72, 6, 18, 1};
  ASSERT_TRUE(makeMatmulProblem(desc, problem, error));
  EXPECT_EQ(problem.batch, 3);
  EXPECT_EQ(problem.calls, 2);
  EXPECT_EQ(problem.aStep, 72);
}

TEST(MatmulProblem, Faults) {
  MatmulProblem problem;
  std::string error;
  MatmulDesc desc = describe({}, 4, 5, 6);
  desc.aStrides = {12, 2}, desc.bStrides = {5, 1}, desc.cStrides = {5, 1};
  EXPECT_FALSE(makeMatmulProblem(desc, problem, error));
  EXPECT_EQ(error, "an operand is contiguous along neither of its dimensions");
  desc.aStrides = {6, 1}, desc.cStrides = {1, 4};
  EXPECT_TRUE(makeMatmulProblem(desc, problem, error));
  EXPECT_TRUE(problem.aIsLeft);
  desc.bias = true;
  EXPECT_FALSE(makeMatmulProblem(desc, problem, error));
  EXPECT_EQ(error, "a bias needs a result with contiguous rows");
  desc.bias = false, desc.cStrides = {10, 2};
  EXPECT_FALSE(makeMatmulProblem(desc, problem, error));
  EXPECT_EQ(error, "neither rows nor columns of the result are contiguous");
  desc.cStrides = {5};
  EXPECT_FALSE(makeMatmulProblem(desc, problem, error));
  desc.cStrides = {0, 1};
  EXPECT_FALSE(makeMatmulProblem(desc, problem, error));
}

// Whatever an algorithm may depend on changes the key, and nothing else does.
TEST(MatmulProblem, Keys) {
  std::string error;
  auto keyOf = [&](auto change, int64_t workspace = 100, bool deterministic = true) {
    MatmulDesc desc = describe({2}, 4, 5, 6);
    desc.aStrides = {24, 6, 1}, desc.bStrides = {30, 5, 1}, desc.cStrides = {20, 5, 1};
    change(desc);
    MatmulProblem problem;
    EXPECT_TRUE(makeMatmulProblem(desc, problem, error)) << error;
    return problem.key(workspace, deterministic);
  };
  auto none = [](MatmulDesc &) {};
  std::vector<std::string> keys = {keyOf(none),
                                   keyOf(none, 101),
                                   keyOf(none, 100, false),
                                   keyOf([](MatmulDesc &d) { d.dtype = MatmulType::BF16; }),
                                   keyOf([](MatmulDesc &d) { d.dtype = MatmulType::F16; }),
                                   keyOf([](MatmulDesc &d) { d.tf32 = true; }),
                                   keyOf([](MatmulDesc &d) { d.bias = true; }),
                                   keyOf([](MatmulDesc &d) { d.accumulate = true; }),
                                   keyOf([](MatmulDesc &d) { d.epilogue = MatmulEpilogue::GeluAux; }),
                                   keyOf([](MatmulDesc &d) { d.epilogue = MatmulEpilogue::DGelu; }),
                                   keyOf([](MatmulDesc &d) { d.batch = {3}; }),
                                   keyOf([](MatmulDesc &d) {
                                     d.aStrides = {0, 6, 1};
                                   }),
                                   keyOf([](MatmulDesc &d) {
                                     d.aStrides = {24, 1, 4};
                                   }),
                                   keyOf([](MatmulDesc &d) {
                                     d.bStrides = {42, 7, 1};
                                   }),
                                   keyOf([](MatmulDesc &d) {
                                     d.cStrides = {32, 8, 1};
                                   })};
  for (size_t i = 0; i < keys.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      EXPECT_NE(keys[i], keys[j]);
  EXPECT_EQ(keys[0], keyOf([](MatmulDesc &d) {
              d.batch = {1, 2}, d.aStrides = {999, 24, 6, 1}, d.bStrides = {7, 30, 5, 1}, d.cStrides = {5, 20, 5, 1};
            }));
}

// What was written is read by the next start; others' entries stay.
TEST(AlgorithmCache, Remembers) {
  TemporaryFolder folder;
  CachedAlgorithm one{{1, 2, ~0ull, 4, 5, 6, 7, 8}, 4096, 12.5}, two{{9}, 0, 1};
  {
    AlgorithmCache cache(folder.path("new/cache"), "NVIDIA H200", 130100),
        other(folder.path("new/cache"), "NVIDIA H200", 130100);
    EXPECT_FALSE(cache.find("a"));
    cache.add("a", one);
    EXPECT_TRUE(cache.find("a"));
    EXPECT_EQ(cache.save(), "");
    other.add("b", two);
    EXPECT_EQ(other.save(), "");
    EXPECT_NE(cache.path().find("/cublaslt-130100-NVIDIA-H200.json"), std::string::npos);
  }
  AlgorithmCache cache(folder.path("new/cache"), "NVIDIA H200", 130100);
  EXPECT_EQ(cache.remark(), "");
  ASSERT_TRUE(cache.find("a") && cache.find("b"));
  EXPECT_EQ(cache.find("a")->words, one.words);
  EXPECT_EQ(cache.find("a")->workspace, 4096);
  EXPECT_EQ(cache.find("b")->microseconds, 1);
  // Another library or device has another file.
  EXPECT_FALSE(AlgorithmCache(folder.path("new/cache"), "NVIDIA H200", 130200).find("a"));
  EXPECT_FALSE(AlgorithmCache(folder.path("new/cache"), "NVIDIA H100", 130100).find("a"));
  EXPECT_FALSE(AlgorithmCache("", "NVIDIA H200", 130100).find("a"));
}

// Rank 0's choice as others take it.
TEST(AlgorithmCache, GoesToOtherRanks) {
  AlgorithmCache from("", "NVIDIA H200", 130100), to("", "NVIDIA H200", 130100), other("", "NVIDIA A100", 130100);
  from.add("a", {{1, 2, 3}, 64, 2.5});
  for (AlgorithmCache *cache : {&to, &other})
    cache->take(from.contents());
  ASSERT_TRUE(to.find("a"));
  EXPECT_EQ(to.find("a")->workspace, 64);
  EXPECT_EQ(to.find("a")->words, from.find("a")->words);
  // Another device chooses for itself.
  EXPECT_FALSE(other.find("a"));
  to.take("no cache");
  EXPECT_TRUE(to.find("a"));
}

// A damaged file is said to be one, is not used, and is replaced.
TEST(AlgorithmCache, DamagedFiles) {
  TemporaryFolder folder;
  AlgorithmCache good(folder.path("c"), "d", 1);
  good.add("key", {{1, 2, 3, 4, 5, 6, 7, 8}, 16, 2});
  ASSERT_EQ(good.save(), "");
  std::string bytes = readWhole(good.path());
  auto remarkFor = [&](const std::string &text) {
    std::ofstream(good.path(), std::ios::binary) << text;
    AlgorithmCache cache(folder.path("c"), "d", 1);
    EXPECT_FALSE(cache.find("key") && !cache.remark().empty());
    return cache.remark();
  };
  EXPECT_EQ(remarkFor(bytes), "");
  EXPECT_NE(remarkFor(bytes.substr(0, bytes.size() / 2)).find("damaged"), std::string::npos);
  EXPECT_NE(remarkFor("").find("damaged"), std::string::npos);
  EXPECT_NE(remarkFor("[]").find("damaged"), std::string::npos);
  auto changed = [&](const char *pointer, json value) {
    json document = json::parse(bytes);
    document[json::json_pointer(pointer)] = std::move(value);
    return remarkFor(document.dump());
  };
  EXPECT_NE(changed("/format", 2).find("another version"), std::string::npos);
  EXPECT_NE(changed("/device", "x").find("another device"), std::string::npos);
  EXPECT_NE(changed("/library", 2).find("another device or library"), std::string::npos);
  EXPECT_NE(changed("/entries", 3).find("damaged"), std::string::npos);
  EXPECT_NE(changed("/entries/key", 3).find("entry 'key' is damaged"), std::string::npos);
  EXPECT_NE(changed("/entries/key/algorithm", {1, 2}).find("entry 'key'"), std::string::npos);
  EXPECT_NE(changed("/entries/key/algorithm/3", -1).find("entry 'key'"), std::string::npos);
  EXPECT_NE(changed("/entries/key/workspace", -1).find("entry 'key'"), std::string::npos);
  EXPECT_NE(changed("/entries/key/microseconds", "x").find("entry 'key'"), std::string::npos);
  std::ofstream(good.path(), std::ios::binary) << "{";
  AlgorithmCache again(folder.path("c"), "d", 1);
  again.add("key", {{1, 2, 3, 4, 5, 6, 7, 8}, 16, 2});
  EXPECT_EQ(again.save(), "");
  EXPECT_EQ(readWhole(good.path()), bytes);
}

// A folder that cannot be made is a remark, not a failure.
TEST(AlgorithmCache, CannotWrite) {
  TemporaryFolder folder;
  folder.write("file", "");
  AlgorithmCache cache(folder.path("file/below"), "d", 1);
  cache.add("key", {});
  EXPECT_NE(cache.save().find("cannot make the folder"), std::string::npos);
}

namespace {

/// Copies when it is waited for, and poisons what it hands out meanwhile.
class LazyQueue final : public CopyQueue {
public:
  std::vector<char> arena = std::vector<char>(1000);

  char *buffer(int which) override { return buffers[which]; }
  int64_t bufferBytes() const override { return sizeof(buffers[0]); }
  void toArena(int which, int64_t offset, int64_t bytes) override { add(which, {true, offset, bytes}); }
  void fromArena(int which, int64_t offset, int64_t bytes) override {
    memset(buffers[which], -1, sizeof(buffers[which]));
    add(which, {false, offset, bytes});
  }
  void wait(int which) override {
    // Copies are in one order, so all before are done too.
    while (!pending.empty() && pendingOn(which)) {
      auto [at, copy] = pending.front();
      pending.erase(pending.begin());
      if (copy.to)
        memcpy(arena.data() + copy.offset, buffers[at], copy.bytes);
      else
        memcpy(buffers[at], arena.data() + copy.offset, copy.bytes);
    }
  }

private:
  struct Copy {
    bool to;
    int64_t offset, bytes;
  };
  void add(int which, Copy copy) {
    EXPECT_FALSE(pendingOn(which)) << "a buffer in use is used again";
    EXPECT_LE(copy.bytes, bufferBytes());
    pending.push_back({which, copy});
  }
  bool pendingOn(int which) const {
    for (const auto &[at, copy] : pending)
      if (at == which)
        return true;
    return false;
  }

  char buffers[2][64];
  std::vector<std::pair<int, Copy>> pending;
};

} // namespace

// Any size, smaller and larger than the buffers: what is written is what is read, and nothing beside it changes.
TEST(Transfer, AnySize) {
  LazyQueue queue;
  ArenaTransfer transfer(queue);
  std::vector<char> expected = queue.arena;
  std::mt19937 engine(3);
  for (int trial = 0; trial < 300; ++trial) {
    int64_t bytes = engine() % 300, offset = engine() % (1000 - bytes);
    if (engine() % 2) {
      transfer.write(offset, bytes, [&](char *to) {
        for (int64_t i = 0; i < bytes; ++i)
          to[i] = expected[offset + i] = static_cast<char>(engine());
      });
    } else {
      transfer.read(offset, bytes, [&](const char *from) {
        EXPECT_TRUE(std::equal(from, from + bytes, expected.begin() + offset)) << "trial " << trial;
      });
    }
  }
  queue.wait(0);
  queue.wait(1);
  EXPECT_EQ(queue.arena, expected);
}
