//===- EinsumTest.cpp - Every form of ONNX's Einsum -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include <gtest/gtest.h>

using namespace weft;
using namespace weft::test;

namespace {

using List = std::vector<double>;
using Shape = std::vector<int64_t>;

/// Operand 0 is 1, 2, 3, ...; the others 0, 0.5, 1, ...
ModelBuilder einsum(const std::string &equation, const std::vector<Shape> &shapes, std::vector<List> &arguments) {
  ModelBuilder model;
  std::vector<std::string> names;
  for (const Shape &shape : shapes) {
    names.push_back("x" + std::to_string(names.size()));
    model.input(names.back(), shape);
    int64_t count = 1;
    for (int64_t size : shape)
      count *= size;
    List &values = arguments.emplace_back();
    for (int64_t i = 0; i < count; ++i)
      values.push_back(names.size() == 1 ? i + 1 : 0.5 * (i + 1) - 1 + 0.0);
  }
  return model.node("Einsum", names, {"y"}, {{"equation", equation}}).output("y");
}

struct Case {
  const char *equation;
  std::vector<Shape> shapes;
  List expected;
};

void PrintTo(const Case &c, std::ostream *os) { *os << c.equation; }

class Einsum : public testing::TestWithParam<Case> {};

TEST_P(Einsum, AgreesWithPyTorch) {
  std::vector<List> arguments;
  ModelBuilder model = einsum(GetParam().equation, GetParam().shapes, arguments);
  List values = run(model, arguments);
  ASSERT_EQ(values.size(), GetParam().expected.size());
  for (size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(values[i], GetParam().expected[i], 1e-5) << "element " << i;
}

// The numbers are torch.einsum's.
INSTANTIATE_TEST_SUITE_P(
    Forms, Einsum,
    testing::Values(Case{"ii->i", {{3, 3}}, {1, 5, 9}}, Case{"iij->j", {{2, 2, 3}}, {11, 13, 15}},
                    Case{"ijik->kj", {{2, 3, 2, 2}}, {16, 24, 32, 18, 26, 34}},
                    Case{"...ij,...jk->...ik", {{2, 2, 3}, {1, 3, 2}}, {5, 8, 9.5, 17, 14, 26, 18.5, 35}},
                    Case{"b...d,d->b...", {{2, 3, 2}, {2}}, {-0.5, -1.5, -2.5, -3.5, -4.5, -5.5}},
                    Case{"...", {{2, 2}}, {1, 2, 3, 4}}, Case{"i...,i...->...", {{2, 3}, {2, 3}}, {3.5, 7.5, 13.5}},
                    Case{"ij,jk,kl->il", {{2, 3}, {3, 2}, {2, 2}}, {1.5, 8, 3.75, 17}}, Case{"ij->", {{2, 3}}, {21}},
                    Case{"i,j", {{2}, {3}}, {-0.5, 0, 0.5, -1, 0, 1}}, Case{"ba", {{2, 3}}, {1, 4, 2, 5, 3, 6}},
                    Case{"ab,cb->bac", {{2, 3}, {2, 3}}, {-0.5, 1, -2, 4, 0, 3, 0, 7.5, 1.5, 6, 3, 12}},
                    Case{"...a,...a", {{2, 3}, {2, 3}}, {1, 23.5}},
                    Case{"ij,ij->ij", {{2, 1}, {2, 3}}, {-0.5, 0, 0.5, 2, 3, 4}}));

TEST(EinsumFaults, AreNamed) {
  auto expectError = [](const std::string &equation, const std::vector<Shape> &shapes, const std::string &text) {
    std::vector<List> arguments;
    Imported imported = importModel(einsum(equation, shapes, arguments));
    EXPECT_EQ(imported.errorCount, 1) << equation;
    EXPECT_NE(imported.errors.find(text), std::string::npos) << "got: " << imported.errors << "wanted: " << text;
  };
  expectError("ij,jk->ik", {{2, 3}, {4, 2}}, "letter 'j' has sizes 3 and 4");
  expectError("ii->i", {{2, 3}}, "letter 'i' has sizes 2 and 3");
  expectError("i->ii", {{2}}, "letter 'i' of the result must occur once there and in an operand");
  expectError("ij->k", {{2, 3}}, "letter 'k' of the result");
  expectError("i,j->i", {{2}}, "has 2 terms for 1 operands");
  expectError("i..j->i", {{2, 3}}, "has '.' where letters");
  expectError("ijk->i", {{2, 3}}, "term 'ijk' does not fit an operand");
}

} // namespace
