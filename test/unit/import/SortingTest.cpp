//===- SortingTest.cpp - Operators that choose and place elements -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace weft;
using namespace weft::test;

namespace {

using List = std::vector<double>;
using Ints = std::vector<int64_t>;

/// TopK of x: f32 [2, 4], result 0 (values) or 1 (indices).
List topK(const List &x, int64_t k, std::vector<Attr> attributes, size_t result) {
  ModelBuilder model;
  model.input("x", {2, 4}).ints("k", {1}, {k}).node("TopK", {"x", "k"}, {"v", "i"}, attributes);
  return run(model.output("v").output("i"), {x}, result);
}

TEST(TopK, LargestSmallestAndTies) {
  List x{3, 1, 3, 2, 0, 5, 4, 5};
  EXPECT_EQ(topK(x, 3, {}, 0), (List{3, 3, 2, 5, 5, 4}));
  EXPECT_EQ(topK(x, 3, {}, 1), (List{0, 2, 3, 1, 3, 2}));
  EXPECT_EQ(topK(x, 2, {{"largest", int64_t(0)}}, 0), (List{1, 2, 0, 4}));
  EXPECT_EQ(topK(x, 1, {{"axis", int64_t(0)}, {"sorted", int64_t(0)}}, 1), (List{0, 1, 1, 1}));
  EXPECT_EQ(topK({0, std::nan(""), 2, 1, 1, 2, 3, 4}, 2, {}, 1), (List{1, 2, 3, 2}));
}

/// ScatterElements along axis 1 of x = 1..6: f32 [2, 3].
List scatter(const std::string &reduction, const Ints &where, const List &updates, int64_t opset = 18) {
  ModelBuilder model(opset);
  int64_t columns = where.size() / 2;
  model.input("x", {2, 3}).ints("where", {2, columns}, where).input("u", {2, columns});
  model.node("ScatterElements", {"x", "where", "u"}, {"y"}, {{"axis", int64_t(1)}, {"reduction", reduction}});
  return run(model.output("y"), {{1, 2, 3, 4, 5, 6}, updates});
}

TEST(Scatter, Elements) {
  EXPECT_EQ(scatter("none", {0, 2, -1, 0}, {10, 20, 30, 40}), (List{10, 2, 20, 40, 5, 30}));
  EXPECT_EQ(scatter("add", {0, 0, -1, 2}, {10, 20, 30, 40}), (List{31, 2, 3, 4, 5, 76}));
  EXPECT_EQ(scatter("mul", {0, 0, 1, 1}, {2, 3, 0, 4}), (List{6, 2, 3, 4, 0, 6}));
  EXPECT_EQ(scatter("max", {0, 0, 1, 1}, {-2, 3, 0, 4}), (List{3, 2, 3, 4, 5, 6}));
  EXPECT_EQ(scatter("min", {0, 0, 1, 1}, {-2, 3, 0, 4}), (List{-2, 2, 3, 4, 0, 6}));
}

TEST(Scatter, SlicesByTuples) {
  ModelBuilder model;
  model.input("x", {3, 2}).ints("where", {2, 1}, {-1, 0}).input("u", {2, 2});
  model.node("ScatterND", {"x", "where", "u"}, {"y"}, {{"reduction", std::string("add")}}).output("y");
  EXPECT_EQ(run(model, {{1, 2, 3, 4, 5, 6}, {10, 20, 30, 40}}), (List{31, 42, 3, 4, 15, 26}));
  ModelBuilder points;
  points.input("x", {2, 2}).ints("where", {2, 2}, {1, 0, 0, -1}).input("u", {2});
  points.node("ScatterND", {"x", "where", "u"}, {"y"}).output("y");
  EXPECT_EQ(run(points, {{1, 2, 3, 4}, {10, 20}}), (List{1, 20, 10, 4}));
}

/// ScatterND of u at given indices into x: f32 [2, 4], and whether that is a scatter in the program.
static std::pair<List, bool> assign(const Ints &shape, const Ints &where, const Ints &updates, const List &u) {
  ModelBuilder model;
  model.input("x", {2, 4}).ints("where", shape, where).input("u", updates);
  model.node("ScatterND", {"x", "where", "u"}, {"y"}).output("y");
  return {run(model, {{1, 2, 3, 4, 5, 6, 7, 8}, u}),
          importModel(model).text().find("weft.scatter") != std::string::npos};
}

TEST(Scatter, OfASliceIsPutTogether) {
  // x[:, 1:3] = u, by pairs of indices; negative ones count from the end.
  EXPECT_EQ(assign({2, 2, 2}, {0, 1, 0, 2, 1, -3, 1, 2}, {2, 2}, {10, 20, 30, 40}),
            std::make_pair(List{1, 10, 20, 4, 5, 30, 40, 8}, false));
  // x[:, :2] = u, x[:, 2:] = u, x[1:] = u, x[:] = u.
  EXPECT_EQ(assign({2, 2, 2}, {0, 0, 0, 1, 1, 0, 1, 1}, {2, 2}, {10, 20, 30, 40}),
            std::make_pair(List{10, 20, 3, 4, 30, 40, 7, 8}, false));
  EXPECT_EQ(assign({2, 2, 2}, {0, 2, 0, 3, 1, 2, 1, 3}, {2, 2}, {10, 20, 30, 40}),
            std::make_pair(List{1, 2, 10, 20, 5, 6, 30, 40}, false));
  EXPECT_EQ(assign({1, 1}, {1}, {1, 4}, {10, 20, 30, 40}), std::make_pair(List{1, 2, 3, 4, 10, 20, 30, 40}, false));
  EXPECT_EQ(assign({2, 1}, {0, 1}, {2, 4}, {1, 1, 1, 1, 2, 2, 2, 2}),
            std::make_pair(List{1, 1, 1, 1, 2, 2, 2, 2}, false));
  // A box in two dimensions, another order, and steps of two are none.
  EXPECT_EQ(assign({1, 2, 2}, {0, 1, 0, 2}, {1, 2}, {10, 20}), std::make_pair(List{1, 10, 20, 4, 5, 6, 7, 8}, true));
  EXPECT_EQ(assign({2, 1}, {1, 0}, {2, 4}, {1, 1, 1, 1, 2, 2, 2, 2}),
            std::make_pair(List{2, 2, 2, 2, 1, 1, 1, 1}, true));
  EXPECT_EQ(assign({2, 2, 2}, {0, 0, 0, 2, 1, 0, 1, 2}, {2, 2}, {10, 20, 30, 40}),
            std::make_pair(List{10, 2, 20, 4, 30, 6, 40, 8}, true));
}

TEST(Scatter, Faults) {
  auto expectError = [](ModelBuilder &model, const std::string &text) {
    Imported imported = importModel(model);
    EXPECT_EQ(imported.errorCount, 1);
    EXPECT_NE(imported.errors.find(text), std::string::npos) << imported.errors;
  };
  ModelBuilder outside;
  outside.input("x", {2, 3}).ints("where", {2, 1}, {0, 3}).input("u", {2, 1});
  outside.node("ScatterElements", {"x", "where", "u"}, {"y"}, {{"axis", int64_t(1)}}).output("y");
  expectError(outside, "index 3 exceeds the 3 elements of x");
  ModelBuilder old(16);
  old.input("x", {3}).ints("where", {1}, {0}).input("u", {1});
  old.node("ScatterElements", {"x", "where", "u"}, {"y"}, {{"reduction", std::string("max")}}).output("y");
  expectError(old, "reduction 'max' does not exist in opset 16");
  ModelBuilder sizes;
  sizes.input("x", {2, 3}).ints("where", {2, 1}, {0, 1}).input("u", {2, 2});
  sizes.node("ScatterND", {"x", "where", "u"}, {"y"}).output("y");
  expectError(sizes, "do not fit data of type");
  ModelBuilder many;
  many.input("x", {2, 3}).ints("k", {1}, {4}).node("TopK", {"x", "k"}, {"v", "i"}).output("v");
  expectError(many, "k must be one number from 0 to 3");
  ModelBuilder dynamic;
  expectError(dynamic.input("x", {2}).node("NonZero", {"x"}, {"y"}).output("y"), "depends on data");
}

TEST(Sorting, OneHotAndNonZero) {
  ModelBuilder model;
  model.input("i", {3}, I64).ints("depth", {}, {3}).floats("values", {2}, {-1, 4});
  model.node("OneHot", {"i", "depth", "values"}, {"y"}).output("y");
  EXPECT_EQ(run(model, {{0, -1, 7}}), (List{4, -1, -1, -1, -1, 4, -1, -1, -1}));
  ModelBuilder known;
  known.input("x", {1}).ints("c", {2, 2}, {0, 3, 1, 0}).node("NonZero", {"c"}, {"n"});
  known.node("Cast", {"n"}, {"f"}, {{"to", int64_t(1)}}).node("Add", {"f", "x"}, {"y"}).output("y");
  EXPECT_EQ(run(known, {{0}}), (List{0, 1, 1, 0}));
}

// Positions counted from a mask cannot leave a table that is long enough: nothing is inserted. Others are held in
// range.
TEST(Indices, AreHeldInRange) {
  auto positions = [](int64_t rows) {
    ModelBuilder model;
    model.input("ids", {1, 4}, I64).ints("pad", {}, {1}).ints("axis", {}, {1});
    model.floats("table", {rows, 1}, std::vector<float>(rows, 1.0f));
    model.node("Equal", {"ids", "pad"}, {"is"}).node("Not", {"is"}, {"real"});
    model.node("Cast", {"real"}, {"one"}, {{"to", int64_t(I64)}}).node("CumSum", {"one", "axis"}, {"count"});
    return model.node("Gather", {"table", "count"}, {"y"}).output("y");
  };
  Imported fits = importModel(positions(5)), tight = importModel(positions(4));
  EXPECT_EQ(fits.text().find("arith.minsi"), std::string::npos);
  EXPECT_NE(tight.text().find("arith.minsi"), std::string::npos);
  EXPECT_NE(tight.report.remarks.back().find("may leave the 4 rows of table"), std::string::npos);
}

} // namespace
