//===- CompareTest.cpp - Tests of the comparison that weft verify makes ---===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Compare.h"
#include "weft/safetensors.h"
#include <cmath>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace weft;
using State = ComparisonRow::State;

namespace {

/// A safetensors file of f32 vectors, built in memory and read back.
class File {
public:
  File &add(const std::string &name, std::vector<float> values) {
    tensors.emplace_back(name, std::move(values));
    return *this;
  }
  std::unique_ptr<SafetensorsFile> open() const {
    std::string path = testing::TempDir() + "weft-compare-" + std::to_string(getpid()) + ".safetensors";
    std::vector<SafetensorsEntry> entries;
    for (const auto &[name, values] : tensors)
      entries.push_back({name,
                         "F32",
                         {static_cast<int64_t>(values.size())},
                         values.data(),
                         static_cast<int64_t>(values.size() * sizeof(float))});
    EXPECT_EQ(writeSafetensors(path, entries), "");
    std::string error;
    std::unique_ptr<SafetensorsFile> file = SafetensorsFile::open(path, error);
    EXPECT_EQ(error, "");
    unlink(path.c_str()); // the mapping stays
    return file;
  }

private:
  std::vector<std::pair<std::string, std::vector<float>>> tensors;
};

ComparisonRow rowOf(const File &reference, const File &record, const std::vector<ParameterNames> &parameters,
                    const std::string &what) {
  auto r = reference.open(), g = record.open();
  for (ComparisonRow &row : compareRecords(*r, *g, parameters, {}))
    if (row.what == what)
      return row;
  ADD_FAILURE() << "no row " << what;
  return {};
}

const std::vector<ParameterNames> kTwo = {{{"a"}, true}, {{"b"}, true}};

TEST(Compare, EqualValuesAreGood) {
  File reference, record;
  reference.add("logits", {1, 2}).add("loss", {3}).add("grad/a", {1}).add("grad/b", {2}).add("adamw_curve", {3, 2});
  record.add("logits", {1, 2}).add("loss", {3}).add("grad/a", {1}).add("grad/b", {2}).add("curve", {3, 2});
  for (const char *what : {"logits", "loss", "gradients", "curve"})
    EXPECT_EQ(rowOf(reference, record, kTwo, what).state, State::Ok) << what;
  EXPECT_EQ(rowOf(reference, record, kTwo, "parameters").state, State::Absent);
}

TEST(Compare, TheWorstParameterIsNamed) {
  File reference, record;
  reference.add("grad/a", {100}).add("grad/b", {1});
  record.add("grad/a", {100.001f}).add("grad/b", {1.01f});
  ComparisonRow row = rowOf(reference, record, kTwo, "gradients");
  EXPECT_EQ(row.state, State::Miss);
  EXPECT_NEAR(row.error, 0.01, 1e-5);
  EXPECT_NE(row.note.find("'b'"), std::string::npos);
}

// A gradient that is zero but for rounding is measured against all gradients together.
TEST(Compare, RoundingOfAZeroGradientIsNoMiss) {
  File reference, record;
  reference.add("grad/a", {1}).add("grad/b", {0});
  record.add("grad/a", {1}).add("grad/b", {5e-11f});
  ComparisonRow row = rowOf(reference, record, kTwo, "gradients");
  EXPECT_EQ(row.state, State::Ok);
  EXPECT_NEAR(row.error, 5e-5, 1e-9);
}

TEST(Compare, NotANumberIsAMiss) {
  File reference, record;
  reference.add("loss", {1}).add("grad/a", {1}).add("grad/b", {1}).add("adamw_curve", {3, 2});
  record.add("loss", {NAN}).add("grad/a", {NAN}).add("grad/b", {1}).add("curve", {3, NAN});
  for (const char *what : {"loss", "gradients", "curve"})
    EXPECT_EQ(rowOf(reference, record, kTwo, what).state, State::Miss) << what;
}

TEST(Compare, AnyNameOfATiedParameterIsGood) {
  std::vector<ParameterNames> tied = {{{"head", "embedding"}, true}};
  File reference, record;
  reference.add("grad/embedding", {1});
  record.add("grad/head", {1});
  EXPECT_EQ(rowOf(reference, record, tied, "gradients").state, State::Ok);
}

// The file of the model may know only one of the names; the reference then has the same values twice.
TEST(Compare, EqualTensorsOfTheReferenceAreOneParameter) {
  std::vector<ParameterNames> one = {{{"head"}, true}};
  File reference, record;
  reference.add("grad/embedding", {1, 2}).add("grad/head", {1, 2});
  record.add("grad/head", {1, 2});
  EXPECT_EQ(rowOf(reference, record, one, "gradients").state, State::Ok);
}

TEST(Compare, NamesWithoutCounterpartAreFaults) {
  File both, one;
  both.add("grad/a", {1}).add("grad/b", {2});
  one.add("grad/a", {1});
  ComparisonRow missing = rowOf(both, one, {{{"a"}, true}}, "gradients");
  EXPECT_EQ(missing.state, State::Fault);
  EXPECT_NE(missing.note.find("not trained by the model: 'b'"), std::string::npos) << missing.note;
  ComparisonRow extra = rowOf(one, both, kTwo, "gradients");
  EXPECT_EQ(extra.state, State::Fault);
  EXPECT_NE(extra.note.find("not in the reference: 'b'"), std::string::npos) << extra.note;
  // What is not trained has no gradient.
  EXPECT_EQ(rowOf(one, one, {{{"a"}, true}, {{"b"}, false}}, "gradients").state, State::Ok);
}

TEST(Compare, OtherShapesAreFaults) {
  File reference, record;
  reference.add("logits", {1, 2}).add("grad/a", {1, 2}).add("grad/b", {1});
  record.add("logits", {1}).add("grad/a", {1}).add("grad/b", {1});
  EXPECT_EQ(rowOf(reference, record, kTwo, "logits").state, State::Fault);
  EXPECT_EQ(rowOf(reference, record, kTwo, "gradients").state, State::Fault);
}

TEST(Compare, AModelWithoutLogitsHasNoRowForThem) {
  File nothing, logits;
  nothing.add("loss", {1});
  logits.add("logits", {1});
  EXPECT_EQ(rowOf(nothing, nothing, {}, "logits").state, State::Absent);
  EXPECT_EQ(rowOf(logits, nothing, {}, "logits").state, State::Fault);
}

TEST(Compare, AShorterCurveIsComparedAsFarAsItGoes) {
  File reference, record;
  reference.add("adamw_curve", {3, 2, 1});
  record.add("curve", {3, 2});
  EXPECT_EQ(rowOf(reference, record, {}, "curve").state, State::Ok);
}

} // namespace
