//===- ShardTest.cpp - Parts of tensors on ranks --------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the ranks of random meshes hold, put together again, is what one rank
// holds: initial values from every source, inputs, gathered tensors.
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "TestSupport.h"
#include "core/Parameters.h"
#include "data/Batches.h"

#include <numeric>
#include <random>

using namespace weft;
using namespace weft::rt;

namespace {

/// A mesh of up to three axes, and shardings over it.
class Generator {
public:
  explicit Generator(uint32_t seed) : engine(seed) {}

  int64_t upTo(int64_t most) { return static_cast<int64_t>(engine() % static_cast<uint64_t>(most)); }

  Mesh mesh() {
    static constexpr const char *names[] = {"a", "b", "c"};
    Mesh mesh;
    for (int64_t i = 0, count = 1 + upTo(3); i < count; ++i)
      mesh.axes.push_back({names[i], 1 + upTo(3)});
    return mesh;
  }

  /// Uses each axis at most once; the shape grows to what divides.
  Sharding sharding(const Mesh &mesh, std::vector<int64_t> &shape, bool mayBeUnreduced = false) {
    Sharding sharding;
    sharding.dims.resize(shape.size());
    for (size_t axis = 0; axis < mesh.axes.size(); ++axis) {
      int64_t choice = upTo(static_cast<int64_t>(shape.size()) + 2);
      if (choice < static_cast<int64_t>(shape.size())) {
        sharding.dims[choice].push_back(static_cast<int>(axis));
        shape[choice] *= mesh.axes[axis].size;
      } else if (mayBeUnreduced && choice == static_cast<int64_t>(shape.size())) {
        sharding.unreduced.push_back(static_cast<int>(axis));
      }
    }
    return sharding;
  }

private:
  std::mt19937 engine;
};

int64_t productOf(const std::vector<int64_t> &shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
}

/// Gives a tensor its local shape and a place in an arena of its own.
void place(TensorInfo &tensor, const Mesh &mesh) {
  Box box = Box::of(tensor.shape, tensor.sharding, mesh, std::vector<int64_t>(mesh.axes.size(), 0));
  tensor.localShape = box.size;
  tensor.bytes = box.elements() * elementBytes(tensor.dtype);
}

/// What one rank would hold, from what all hold.
std::vector<char> assemble(const Manifest &manifest, const TensorInfo &tensor,
                           const std::function<void(const std::vector<int64_t> &, char *)> &fill) {
  int64_t width = elementBytes(tensor.dtype);
  std::vector<char> whole(tensor.globalElements() * width, 0x55), local(tensor.bytes);
  for (int64_t rank = 0; rank < manifest.mesh.size(); ++rank) {
    std::vector<int64_t> coordinates = manifest.mesh.coordinatesOf(rank);
    fill(coordinates, local.data());
    manifest.boxOf(tensor, coordinates).insert(local.data(), whole.data(), width);
  }
  return whole;
}

} // namespace

// Coordinates and groups are those of row-major order, in whatever order the axes are listed.
TEST(Mesh, Groups) {
  Mesh mesh{{{"a", 2}, {"b", 3}, {"c", 2}}};
  for (int64_t rank = 0; rank < 12; ++rank)
    EXPECT_EQ(mesh.rankAt(mesh.coordinatesOf(rank)), rank);
  EXPECT_EQ(mesh.coordinatesOf(7), (std::vector<int64_t>{1, 0, 1}));
  EXPECT_EQ(mesh.groupOf(7, {1}), (std::vector<int64_t>{7, 9, 11}));
  EXPECT_EQ(mesh.groupOf(7, {0, 2}), (std::vector<int64_t>{0, 1, 6, 7}));
  EXPECT_EQ(mesh.groupOf(7, {2, 0}), (std::vector<int64_t>{0, 6, 1, 7}));
  EXPECT_EQ(mesh.groupOf(7, {}), (std::vector<int64_t>{7}));
}

// Random numbers, constants, files with and without transposes and conversions, weights: bit for bit on any mesh.
TEST(Shard, InitialValues) {
  TemporaryFolder folder;
  for (uint32_t seed = 0; seed < 40; ++seed) {
    Generator random(seed);
    Manifest manifest;
    manifest.mesh = random.mesh();
    ParamInfo param;
    param.name = "w";
    param.dtype = random.upTo(3) == 0 ? DType::BF16 : DType::F32;
    for (int64_t i = 0, rank = random.upTo(4); i < rank; ++i)
      param.shape.push_back(1 + random.upTo(seed % 7 == 0 ? 70 : 9));
    param.sharding = random.sharding(manifest.mesh, param.shape);
    place(param, manifest.mesh);
    int64_t count = param.globalElements();
    std::vector<float> values(count);
    for (float &value : values)
      value = static_cast<float>(random.upTo(100000)) / 64;
    std::unique_ptr<SafetensorsFile> weights;
    switch (seed % 4) {
    case 0:
      param.source.kind = ParamSource::Normal;
      param.source.value = 0.02;
      break;
    case 1:
      param.source.kind = ParamSource::Constant;
      param.source.value = 1.5;
      break;
    case 2: {
      param.source.kind = ParamSource::File;
      param.source.dtype = DType::F32;
      param.source.offset = 12;
      param.source.bytes = count * 4;
      param.source.fileBytes = count * 4 + 12;
      param.source.file =
          folder.write("f", std::string(12, 'x') + std::string(reinterpret_cast<char *>(values.data()), count * 4));
      param.source.shape = param.shape;
      if (random.upTo(2) == 0) {
        std::vector<int64_t> perm(param.shape.size());
        std::iota(perm.begin(), perm.end(), 0);
        for (size_t i = 1; i < perm.size(); ++i)
          std::swap(perm[i], perm[random.upTo(static_cast<int64_t>(i) + 1)]);
        param.source.perm = perm;
        for (size_t i = 0; i < perm.size(); ++i)
          param.source.shape[perm[i]] = param.shape[i];
      }
      break;
    }
    default: {
      param.source.kind = ParamSource::Constant;
      std::string path = folder.path("w.safetensors"), error;
      ASSERT_EQ(writeSafetensors(path, {{"w", "F32", param.shape, values.data(), count * 4}}), "");
      weights = SafetensorsFile::open(path, error);
      ASSERT_TRUE(weights) << error;
    }
    }
    manifest.params.push_back(param);
    std::vector<char> together = assemble(manifest, param, [&](const std::vector<int64_t> &coordinates, char *local) {
      initialiseParameters(manifest, ArenaAt(local), 42, weights.get(), coordinates);
    });
    Manifest alone = manifest;
    alone.mesh = {};
    alone.params[0].sharding = {};
    alone.params[0].bytes = count * elementBytes(param.dtype);
    std::vector<char> whole(alone.params[0].bytes);
    initialiseParameters(alone, ArenaAt(whole.data()), 42, weights.get());
    ASSERT_EQ(together, whole) << "seed " << seed << " mesh " << manifest.mesh.describe();
  }
}

// A parameter whose packed parts have a dimension of their own takes weights without it, and no others.
TEST(Shard, PackedWeights) {
  TemporaryFolder folder;
  std::vector<float> values(24);
  std::iota(values.begin(), values.end(), 0.0f);
  auto load = [&](std::vector<int64_t> inFile) {
    std::string path = folder.path("w.safetensors"), error;
    EXPECT_EQ(writeSafetensors(path, {{"w", "F32", inFile, values.data(), 96}}), "");
    auto weights = SafetensorsFile::open(path, error);
    Manifest manifest;
    manifest.mesh.axes = {{"tp", 2}};
    ParamInfo param;
    param.name = "w";
    param.shape = {2, 3, 4};
    param.sharding.dims = {{}, {}, {0}};
    place(param, manifest.mesh);
    manifest.params.push_back(param);
    std::vector<float> local(12);
    initialiseParameters(manifest, ArenaAt(local.data()), 0, weights.get(), {1});
    return local;
  };
  EXPECT_EQ(load({2, 12}), (std::vector<float>{2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23}));
  EXPECT_THROW(load({12, 2}), InputError);
  EXPECT_THROW(load({4, 6}), InputError);
  EXPECT_THROW(load({24, 1, 1}), InputError);
}

// Every rank has its part of every sample, in the same order on any mesh, from tokens and from tensors.
TEST(Shard, Inputs) {
  TemporaryFolder folder;
  std::string tokens = folder.tokens("t", 500, 2, 7, 1000);
  std::vector<float> pixels(40 * 12);
  std::iota(pixels.begin(), pixels.end(), 0.0f);
  std::string tensors = folder.path("d.safetensors");
  ASSERT_EQ(writeSafetensors(tensors, {{"x", "F32", {40, 3, 4}, pixels.data(), 1920}}), "");
  for (uint32_t seed = 0; seed < 40; ++seed) {
    Generator random(seed);
    bool fromTokens = seed % 2 == 0;
    Manifest manifest;
    manifest.mesh = random.mesh();
    std::vector<int64_t> shape = fromTokens ? std::vector<int64_t>{1, 1} : std::vector<int64_t>{1, 3, 4};
    Sharding sharding;
    do {
      shape = fromTokens ? std::vector<int64_t>{1, 1} : std::vector<int64_t>{1, 3, 4};
      sharding = random.sharding(manifest.mesh, shape);
    } while (!fromTokens && productOf(shape) / shape[0] != 12);
    manifest.microbatches = 2;
    manifest.batch = 2 * shape[0];
    manifest.tokensPerSample = fromTokens ? shape[1] : 0;
    // Token ids as they are, as labels, and positions; or a field.
    std::vector<InputRole> roles =
        fromTokens ? std::vector<InputRole>{InputRole::Tokens, InputRole::Labels, InputRole::Positions}
                   : std::vector<InputRole>{InputRole::Field};
    for (InputRole role : roles) {
      InputInfo input;
      input.name = "x";
      input.role = role;
      input.dtype = fromTokens ? DType::I64 : DType::F32;
      input.shape = shape;
      input.sharding = sharding;
      place(input, manifest.mesh);
      Manifest cut = manifest;
      cut.inputs = {input};
      Manifest alone = cut;
      alone.mesh = {};
      alone.inputs[0].sharding = {};
      alone.inputs[0].bytes = input.globalElements() * elementBytes(input.dtype);
      auto fill = [&](const Manifest &of, const std::vector<int64_t> &coordinates, char *arena) {
        if (role == InputRole::Positions)
          return fillConstantInputs(of, arena, coordinates);
        Batches batches(of, openData(of, {fromTokens ? tokens : tensors}, coordinates), true, 3);
        batches.load(1, 1, arena);
      };
      std::vector<char> whole(alone.inputs[0].bytes);
      fill(alone, {}, whole.data());
      ASSERT_EQ(assemble(cut, input, [&](const std::vector<int64_t> &c, char *local) { fill(cut, c, local); }), whole)
          << "seed " << seed << " mesh " << manifest.mesh.describe();
    }
  }
}

// Tensors come together in rank 0: parts at their places, unreduced values added.
TEST(Shard, Gather) {
  for (uint32_t seed = 0; seed < 12; ++seed) {
    Generator random(seed);
    Manifest manifest;
    manifest.mesh = random.mesh();
    if (manifest.mesh.size() > 12)
      continue;
    std::vector<TensorInfo> tensors(4);
    for (TensorInfo &tensor : tensors) {
      tensor.dtype = random.upTo(2) ? DType::F32 : DType::F64;
      for (int64_t i = 0, rank = random.upTo(4); i < rank; ++i)
        tensor.shape.push_back(1 + random.upTo(6));
      tensor.sharding = random.sharding(manifest.mesh, tensor.shape, true);
      place(tensor, manifest.mesh);
    }
    std::vector<std::vector<char>> wholes(tensors.size());
    std::vector<std::string> errors = test::runRanks(manifest, 20, [&](Ranks &ranks) {
      std::vector<char> arena(64);
      ranks.connect(arena.data(), 64);
      for (size_t t = 0; t < tensors.size(); ++t) {
        // Element e of the rank with coordinates c holds e + 1000 times the sum of c on unreduced axes.
        const TensorInfo &tensor = tensors[t];
        std::vector<char> local(tensor.bytes), whole(tensor.globalElements() * elementBytes(tensor.dtype));
        double more = 0;
        for (int axis : tensor.sharding.unreduced)
          more += 1000.0 * static_cast<double>(ranks.coordinates()[axis]);
        manifest.boxOf(tensor, ranks.coordinates()).forEachRun([&](int64_t global, int64_t at, int64_t count) {
          for (int64_t i = 0; i < count; ++i)
            fillElements(local.data(), tensor.dtype, static_cast<double>(global + i) + more, at + i, at + i + 1);
        });
        ranks.gather(tensor, local.data(), whole.data());
        if (ranks.rank() == 0)
          wholes[t] = whole;
      }
      ranks.goodbye();
    });
    for (const std::string &error : errors)
      ASSERT_EQ(error, "");
    for (size_t t = 0; t < tensors.size(); ++t) {
      double copies = 1, more = 0;
      for (int axis : tensors[t].sharding.unreduced)
        copies *= static_cast<double>(manifest.mesh.axes[axis].size);
      for (int axis : tensors[t].sharding.unreduced)
        more += 1000.0 * copies * static_cast<double>(manifest.mesh.axes[axis].size - 1) / 2;
      for (int64_t i = 0; i < tensors[t].globalElements(); ++i)
        ASSERT_EQ(loadDouble(wholes[t].data(), tensors[t].dtype, i), static_cast<double>(i) * copies + more)
            << "seed " << seed << " tensor " << t << " element " << i << " mesh " << manifest.mesh.describe();
    }
  }
}
