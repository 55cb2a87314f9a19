//===- Scenario.h - Random collectives and what they should do --*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TEST_UNIT_COMM_SCENARIO_H
#define WEFT_TEST_UNIT_COMM_SCENARIO_H

#include "Support.h"
#include "core/Text.h"
#include "weft/copy_collective.h"
#include "weft/device_collective.h"

#include <cmath>
#include <cstring>
#include <random>

namespace weft::test {

using namespace weft::rt;

/// A tensor of one rank's memory.
struct Place {
  int64_t offset = 0, bytes = 0;
};

/// One random collective with its tensors.
struct Case {
  CollectiveInfo info;
  std::vector<Place> inputs, outputs;
  Place scratch;
};

struct Scenario {
  Manifest manifest;
  std::vector<Case> cases;
  int64_t bytes = 0;
};

inline constexpr DType kReduced[] = {DType::F32, DType::F64, DType::F16, DType::BF16, DType::I64, DType::I32};
inline constexpr DType kMoved[] = {DType::F32, DType::I8, DType::I1, DType::BF16, DType::F64, DType::U8};

inline int64_t elementsOf(const CollectiveMember &member) { return member.outer * member.middle * member.inner; }

inline int64_t groupSize(const Manifest &manifest, const CollectiveInfo &info) {
  int64_t size = 1;
  for (int axis : info.axes)
    size *= manifest.mesh.axes[axis].size;
  return size;
}

/// Elements of a member as it goes in and as it comes out.
inline int64_t inElements(const CollectiveInfo &info, const CollectiveMember &member, int64_t ranks) {
  bool whole = info.kind == CollectiveKind::ReduceScatter || info.kind == CollectiveKind::AllToAll;
  return elementsOf(member) * (whole ? ranks : 1);
}
inline int64_t outElements(const CollectiveInfo &info, const CollectiveMember &member, int64_t ranks) {
  bool whole = info.kind == CollectiveKind::AllGather || info.kind == CollectiveKind::AllToAll;
  return elementsOf(member) * (whole ? ranks : 1);
}

class Generator {
public:
  explicit Generator(uint32_t seed) : engine(seed) {}

  int64_t upTo(int64_t most) { return static_cast<int64_t>(engine() % static_cast<uint64_t>(most)); }

  /// A mesh of `world` ranks with up to three axes.
  Mesh mesh(int64_t world) {
    static constexpr const char *names[] = {"a", "b", "c"};
    Mesh mesh;
    while (mesh.axes.size() < 2 && world > 1) {
      int64_t size = upTo(3) == 0 ? 1 : world % 2 == 0 && upTo(2) == 0 ? 2 : world;
      mesh.axes.push_back({names[mesh.axes.size()], size});
      world /= size;
    }
    mesh.axes.push_back({names[mesh.axes.size()], world});
    return mesh;
  }

  CollectiveInfo collective(const Mesh &mesh, bool large) {
    CollectiveInfo info;
    info.kind = static_cast<CollectiveKind>(upTo(4));
    info.reduce = static_cast<ReduceOperation>(upTo(4));
    bool reduces = info.kind == CollectiveKind::AllReduce || info.kind == CollectiveKind::ReduceScatter;
    info.dtype = reduces ? kReduced[upTo(6)] : kMoved[upTo(6)];
    info.elementBytes = elementBytes(info.dtype);
    // Any subset of the axes, in any order.
    for (size_t axis = 0; axis < mesh.axes.size(); ++axis)
      if (upTo(3) != 0)
        info.axes.insert(info.axes.begin() + upTo(static_cast<int64_t>(info.axes.size()) + 1), static_cast<int>(axis));
    int64_t members = 1 + upTo(4);
    for (int64_t i = 0; i < members; ++i) {
      CollectiveMember member;
      member.outer = upTo(2) == 0 ? 1 : 1 + upTo(5);
      member.inner = 1 + upTo(large ? 60000 : 40);
      member.middle = info.kind == CollectiveKind::AllToAll ? 1 + upTo(4) : 1;
      info.members.push_back(member);
    }
    info.what = "random";
    return info;
  }

  void fill(char *memory, const Place &place, DType dtype) {
    int64_t count = place.bytes / elementBytes(dtype);
    for (int64_t i = 0; i < count; ++i)
      fillElements(memory + place.offset, dtype,
                   isFloat(dtype) ? static_cast<double>(upTo(2001) - 1000) / 256 : static_cast<double>(upTo(100)), i,
                   i + 1);
  }

private:
  std::mt19937 engine;
};

/// Adds a collective, with places for its tensors.
inline void addCase(Scenario &scenario, CollectiveInfo info, bool inPlace, bool onDevice) {
  auto place = [&](int64_t bytes) {
    Place result{scenario.bytes, bytes};
    scenario.bytes += (bytes + 63) / 64 * 64;
    return result;
  };
  Case one;
  one.info = std::move(info);
  int64_t ranks = groupSize(scenario.manifest, one.info);
  for (const CollectiveMember &member : one.info.members) {
    one.inputs.push_back(place(inElements(one.info, member, ranks) * one.info.elementBytes));
    one.outputs.push_back(inPlace ? one.inputs.back()
                                  : place(outElements(one.info, member, ranks) * one.info.elementBytes));
  }
  if (one.info.carrier == Carrier::Copy && !canCopy(one.info, ranks))
    one.info.carrier = Carrier::Library;
  one.info.scratch = onDevice ? deviceCollectiveScratchBytes(one.info, ranks) : collectiveScratchBytes(one.info, ranks);
  if (one.info.carrier == Carrier::Copy)
    one.info.scratch = std::max(one.info.scratch, copyScratchBytes(one.info, ranks));
  one.scratch = place(one.info.scratch);
  scenario.manifest.collectives.push_back(one.info);
  scenario.cases.push_back(std::move(one));
}

inline Scenario makeScenario(uint32_t seed, int64_t world, int count, bool large, bool onDevice = false,
                             Carrier carrier = Carrier::Library) {
  Generator random(seed);
  Scenario scenario;
  scenario.manifest.mesh = random.mesh(world);
  for (int i = 0; i < count; ++i) {
    CollectiveInfo info = random.collective(scenario.manifest.mesh, large);
    bool inPlace = info.kind == CollectiveKind::AllReduce && random.upTo(2) == 0;
    info.carrier = carrier;
    addCase(scenario, std::move(info), inPlace, onDevice);
  }
  scenario.bytes += 64;
  return scenario;
}

/// Only what copy engines carry.
inline Scenario carried(const Scenario &all) {
  Scenario result;
  result.manifest.mesh = all.manifest.mesh;
  for (const Case &one : all.cases)
    if (canCopy(one.info, groupSize(all.manifest, one.info)))
      addCase(result, one.info, /*inPlace=*/false, /*onDevice=*/true);
  result.bytes += 64;
  return result;
}

/// One value of a reduction, in the order of places and with the type's own rounding once at the end.
inline double reduceInOrder(DType dtype, ReduceOperation kind, const std::vector<double> &values) {
  bool single = isFloat(dtype) && dtype != DType::F64;
  double result = values[0];
  for (size_t i = 1; i < values.size(); ++i) {
    double value = values[i];
    switch (kind) {
    case ReduceOperation::Sum:
      result += value;
      break;
    case ReduceOperation::Product:
      result *= value;
      break;
    case ReduceOperation::Max:
      result = std::max(result, value);
      break;
    case ReduceOperation::Min:
      result = std::min(result, value);
      break;
    }
    if (single)
      result = static_cast<float>(result);
  }
  char rounded[8];
  fillElements(rounded, dtype, result, 0, 1);
  return loadDouble(rounded, dtype, 0);
}

/// Compares what all ranks have with what they should have.
inline void expectRight(const Scenario &scenario, const std::vector<std::vector<char>> &before,
                        const std::vector<std::vector<char>> &after) {
  const Mesh &mesh = scenario.manifest.mesh;
  std::vector<double> values;
  for (size_t index = 0; index < scenario.cases.size(); ++index) {
    const Case &one = scenario.cases[index];
    const CollectiveInfo &info = one.info;
    for (int64_t rank = 0; rank < mesh.size(); ++rank) {
      std::vector<int64_t> group = mesh.groupOf(rank, info.axes);
      int64_t n = static_cast<int64_t>(group.size());
      int64_t self = std::find(group.begin(), group.end(), rank) - group.begin();
      for (size_t m = 0; m < info.members.size(); ++m) {
        const CollectiveMember &member = info.members[m];
        auto input = [&](int64_t place, int64_t element) {
          return loadDouble(before[group[place]].data() + one.inputs[m].offset, info.dtype, element);
        };
        int64_t inner = member.middle * member.inner;
        for (int64_t i = 0; i < outElements(info, member, n); ++i) {
          double expected = 0;
          values.clear();
          switch (info.kind) {
          case CollectiveKind::AllReduce:
            for (int64_t place = 0; place < n; ++place)
              values.push_back(input(place, i));
            expected = reduceInOrder(info.dtype, info.reduce, values);
            break;
          case CollectiveKind::ReduceScatter:
            for (int64_t place = 0; place < n; ++place)
              values.push_back(input(place, (i / inner * n + self) * inner + i % inner));
            expected = reduceInOrder(info.dtype, info.reduce, values);
            break;
          case CollectiveKind::AllGather:
            expected = input(i / inner % n, i / (n * inner) * inner + i % inner);
            break;
          case CollectiveKind::AllToAll: {
            // out [outer, middle, n, inner] from in [outer, n, middle, inner] of the rank at that place.
            int64_t x = i % member.inner, place = i / member.inner % n, y = i / (member.inner * n) % member.middle;
            int64_t outer = i / (member.inner * n * member.middle);
            expected = input(place, ((outer * n + self) * member.middle + y) * member.inner + x);
            break;
          }
          }
          double actual = loadDouble(after[rank].data() + one.outputs[m].offset, info.dtype, i);
          ASSERT_EQ(actual, expected) << info.describe(mesh) << " " << dtypeName(info.dtype) << " rank " << rank
                                      << " member " << m << " element " << i << " mesh " << mesh.describe();
        }
      }
    }
  }
}

/// What every rank's memory holds before.
inline std::vector<std::vector<char>> fillScenario(const Scenario &scenario, uint32_t seed) {
  int64_t world = scenario.manifest.mesh.size();
  std::vector<std::vector<char>> before(world);
  for (int64_t rank = 0; rank < world; ++rank) {
    Generator random(seed * 1000 + static_cast<uint32_t>(rank));
    before[rank].resize(scenario.bytes);
    for (const Case &one : scenario.cases)
      for (const Place &place : one.inputs)
        random.fill(before[rank].data(), place, one.info.dtype);
  }
  return before;
}

/// The addresses of a case's tensors in a rank's memory.
inline void addressesOf(const Case &one, char *memory, std::vector<const void *> &inputs,
                        std::vector<void *> &outputs) {
  for (const Place &place : one.inputs)
    inputs.push_back(memory + place.offset);
  for (const Place &place : one.outputs)
    outputs.push_back(memory + place.offset);
}

} // namespace weft::test

#endif // WEFT_TEST_UNIT_COMM_SCENARIO_H
