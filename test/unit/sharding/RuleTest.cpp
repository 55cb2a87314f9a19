//===- RuleTest.cpp - The factor rule of every op, executed -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuleCheck.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"
#include <limits>

using namespace mlir;
using namespace weft;
using namespace weft::test;

namespace {

using Sizes = SmallVector<int64_t>;

/// "tensor<2x3xf64>".
std::string tensor(ArrayRef<int64_t> shape, StringRef element = "f64") {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + element.str() + ">";
}

/// "[0, 2]".
std::string list(ArrayRef<int64_t> values) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << '[';
  llvm::interleaveComma(values, stream);
  stream << ']';
  return text;
}

class RuleTest : public ::testing::Test {
protected:
  RuleTest() {
    DialectRegistry registry;
    registry.insert<WeftDialect, arith::ArithDialect, math::MathDialect, func::FuncDialect>();
    registerExternalModels(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// Integers are in [0, limit), floats normally distributed or, on demand, in [0.1, 1).
  Literal random(RankedTensorType type, int64_t limit, bool fractions) {
    int64_t count = type.getNumElements();
    if (isa<FloatType>(type.getElementType())) {
      std::normal_distribution<double> normal;
      std::uniform_real_distribution<double> fraction(0.1, 1);
      std::vector<double> values(count);
      for (double &value : values)
        value = fractions ? fraction(generator) : normal(generator);
      return Literal::ofFloats(type, std::move(values));
    }
    std::vector<int64_t> values(count);
    for (int64_t &value : values)
      value = std::uniform_int_distribution<int64_t>(0, limit - 1)(generator);
    return Literal::ofInts(type, std::move(values));
  }

  /// What the operands' values are, and whether they are general enough to disprove what the rule does not claim.
  struct Options {
    int64_t limit = 4;
    bool fractions = false, complete = false;
    int64_t linearCandidates = std::numeric_limits<int64_t>::max();
  };

  /// A check of the only op in a function with arguments %0, %1 and so on of the given types.
  void check(ArrayRef<std::string> types, const std::string &op, Options options) {
    withRule(types, op, options, [&](RuleCheck &rule) {
      Fault fault = rule.checkClaims();
      EXPECT_FALSE(fault) << op << ": " << *fault;
      if (!fault && options.complete) {
        fault = rule.checkNothingMissing(options.linearCandidates);
        EXPECT_FALSE(fault) << op << ": " << *fault;
      }
    });
  }
  void check(ArrayRef<std::string> types, const std::string &op) { check(types, op, Options()); }
  void checkComplete(ArrayRef<std::string> types, const std::string &op, int64_t limit = 4, bool fractions = false) {
    check(types, op, {limit, fractions, true});
  }

  void withRule(ArrayRef<std::string> types, const std::string &op, Options options,
                llvm::function_ref<void(RuleCheck &)> body) {
    std::string text = "func.func @f(";
    for (auto [i, type] : llvm::enumerate(types))
      text += (i ? ", %" : "%") + std::to_string(i) + ": " + type;
    text += ") {\n" + op + "\nreturn }";
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    ASSERT_TRUE(module) << text;
    auto function = *module->getOps<func::FuncOp>().begin();
    SmallVector<Literal> operands;
    Operation &first = function.front().front();
    for (Type type : first.getOperandTypes())
      operands.push_back(random(cast<RankedTensorType>(type), options.limit, options.fractions));
    RuleCheck rule(&first, operands, generator);
    body(rule);
  }

  int64_t pick(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(generator); }
  Sizes sizes(int64_t rank, int64_t high = 4) {
    Sizes sizes;
    for (int64_t i = 0; i < rank; ++i)
      sizes.push_back(pick(1, high));
    return sizes;
  }
  Sizes permutation(int64_t rank) {
    Sizes perm = llvm::to_vector<6>(llvm::seq<int64_t>(0, rank));
    std::shuffle(perm.begin(), perm.end(), generator);
    return perm;
  }
  std::string element() { return std::array<const char *, 3>{"f64", "f32", "i32"}[pick(0, 2)]; }

  MLIRContext context;
  std::mt19937 generator{0};
};

//===----------------------------------------------------------------------===//
// Every op of arith and math
//===----------------------------------------------------------------------===//

// Whatever can be evaluated also has a rule and a cost.
TEST_F(RuleTest, EveryOpHasARuleAndACost) {
  int64_t count = 0;
  for (RegisteredOperationName name : context.getRegisteredOperations()) {
    if (!name.hasInterface<EvaluateOpInterface>())
      continue;
    ++count;
    EXPECT_TRUE(name.hasInterface<ShardingRuleOpInterface>()) << name.getStringRef().str();
    EXPECT_TRUE(name.hasInterface<CostOpInterface>()) << name.getStringRef().str();
  }
  EXPECT_GT(count, 100);
}

// Each with any combination of element types that its verifier takes.
TEST_F(RuleTest, ArithAndMath) {
  Builder b(&context);
  SmallVector<Type> elements{b.getF64Type(), b.getF32Type(), b.getI1Type(), b.getI8Type(), b.getI32Type()};
  auto shaped = [](Type element) -> Type { return RankedTensorType::get({3, 4}, element); };
  for (RegisteredOperationName name : context.getRegisteredOperations()) {
    if (!name.hasInterface<ShardingRuleOpInterface>() || isa<WeftDialect>(name.getDialect()) ||
        name.getStringRef() == "arith.constant")
      continue;
    SCOPED_TRACE(name.getStringRef().str());
    int64_t checked = 0;
    for (int64_t count = 1; count <= 3; ++count)
      for (Type from : elements)
        for (Type to : elements) {
          Block block;
          OperationState state(b.getUnknownLoc(), name);
          for (int64_t i = 0; i < count; ++i) {
            bool condition = name.getStringRef() == "arith.select" && i == 0;
            state.addOperands(block.addArgument(shaped(condition ? b.getI1Type() : from), state.location));
          }
          state.addTypes(shaped(to));
          if (name.getStringRef().starts_with("arith.cmp"))
            state.addAttribute("predicate", b.getI64IntegerAttr(2));
          Operation *op = Operation::create(state);
          block.push_back(op);
          ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) { return success(); });
          if (failed(verify(op)))
            continue;
          ++checked;
          // From 1: divisors. Below 7: shifts of a byte.
          SmallVector<Literal> operands;
          for (Type type : op->getOperandTypes()) {
            operands.push_back(random(cast<RankedTensorType>(type), 6, false));
            for (int64_t i = 0; !operands.back().isFloat() && i < 12; ++i)
              operands.back().setInt(i, operands.back().getInt(i) + 1);
            operands.back().round();
          }
          bool divides = llvm::any_of(
              operands, [](const Literal &x) { return !x.isFloat() && x.getType().getElementType().isInteger(1); });
          RuleCheck rule(op, operands, generator);
          // A bit divided by bits of which some are zero, or shifted by one, has no value.
          SmallVector<Literal> results;
          if (divides && failed(cast<EvaluateOpInterface>(op).evaluate(operands, results)))
            continue;
          Fault fault = rule.checkClaims();
          EXPECT_FALSE(fault) << *fault;
          // A narrowing is linear but for its rounding.
          if (!fault && isa<FloatType>(to) && !isa<arith::TruncFOp>(op)) {
            fault = rule.checkNothingMissing(3);
            EXPECT_FALSE(fault) << *fault;
          }
        }
    EXPECT_GT(checked, 0);
  }
}

TEST_F(RuleTest, Constant) {
  checkComplete({}, "%r = arith.constant dense<2.0> : tensor<4x3xf32>");
  checkComplete({}, "%r = arith.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>");
}

//===----------------------------------------------------------------------===//
// Products and reductions
//===----------------------------------------------------------------------===//

TEST_F(RuleTest, DotGeneral) {
  for (int64_t trial = 0; trial < 60; ++trial) {
    Sizes batch = sizes(pick(0, 2)), contract = sizes(pick(0, 2)), result = batch;
    // Each operand's dimensions are batch, contracted and free ones in any order.
    auto operandOf = [&](Sizes &shape, Sizes &batchDims, Sizes &contractDims) {
      Sizes all = batch;
      llvm::append_range(all, contract);
      llvm::append_range(all, sizes(pick(0, 2)));
      Sizes perm = permutation(all.size());
      for (int64_t from : perm)
        shape.push_back(all[from]);
      for (int64_t i = 0, e = batch.size() + contract.size(); i < e; ++i)
        (i < int64_t(batch.size()) ? batchDims : contractDims).push_back(llvm::find(perm, i) - perm.begin());
      for (auto [dim, from] : llvm::enumerate(perm))
        if (from >= int64_t(batch.size() + contract.size()))
          result.push_back(shape[dim]);
    };
    Sizes lhs, rhs, lhsBatch, rhsBatch, lhsContract, rhsContract;
    operandOf(lhs, lhsBatch, lhsContract);
    operandOf(rhs, rhsBatch, rhsContract);
    std::string e = element(), l = tensor(lhs, e), r = tensor(rhs, e);
    check({l, r}, "%r = weft.dot_general %0, %1 batch " + list(lhsBatch) + " x " + list(rhsBatch) + " contract " +
                      list(lhsContract) + " x " + list(rhsContract) + " : " + l + ", " + r + " -> " +
                      tensor(result, e));
  }
  checkComplete({"tensor<2x4x3xf64>", "tensor<2x3x5xf64>"},
                "%r = weft.dot_general %0, %1 batch [0] x [0] contract [2] x [1] : "
                "tensor<2x4x3xf64>, tensor<2x3x5xf64> -> tensor<2x4x5xf64>");
}

TEST_F(RuleTest, Reduce) {
  for (int64_t trial = 0; trial < 80; ++trial) {
    Sizes shape = sizes(pick(1, 4)), dims, result;
    for (auto [dim, size] : llvm::enumerate(shape)) {
      if (pick(0, 1))
        dims.push_back(dim);
      else
        result.push_back(size);
    }
    std::string e = element(), from = tensor(shape, e);
    std::string kind = std::array<const char *, 4>{"sum", "max", "min", "prod"}[trial % 4];
    check({from}, "%r = weft.reduce " + kind + " %0 dims " + list(dims) + " : " + from + " -> " + tensor(result, e));
  }
  for (const char *kind : {"sum", "max", "min", "prod"})
    checkComplete({"tensor<3x4xf64>"},
                  std::string("%r = weft.reduce ") + kind + " %0 dims [1] : tensor<3x4xf64> -> tensor<3xf64>");
}

TEST_F(RuleTest, Cumsum) {
  for (const char *mode : {"", "reverse", "exclusive", "reverse exclusive"})
    for (int64_t dim = 0; dim < 3; ++dim)
      checkComplete({"tensor<2x3x4xf64>"}, "%r = weft.cumsum %0 dim " + std::to_string(dim) + " " + mode +
                                               " : tensor<2x3x4xf64> -> tensor<2x3x4xf64>");
}

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

TEST_F(RuleTest, Broadcast) {
  for (int64_t trial = 0; trial < 40; ++trial) {
    Sizes shape = sizes(pick(0, 4)), dims, input;
    for (auto [dim, size] : llvm::enumerate(shape))
      if (pick(0, 1)) {
        dims.push_back(dim);
        input.push_back(size);
      }
    std::string e = element(), from = tensor(input, e);
    check({from}, "%r = weft.broadcast %0 dims " + list(dims) + " : " + from + " -> " + tensor(shape, e),
          {4, false, e == "f64"});
  }
}

TEST_F(RuleTest, Transpose) {
  for (int64_t trial = 0; trial < 40; ++trial) {
    Sizes shape = sizes(pick(0, 4)), perm = permutation(shape.size()), result;
    for (int64_t from : perm)
      result.push_back(shape[from]);
    std::string e = element(), from = tensor(shape, e);
    check({from}, "%r = weft.transpose %0 perm " + list(perm) + " : " + from + " -> " + tensor(result, e),
          {4, false, e == "f64"});
  }
}

// Shapes of the same number of elements that merge, split and cross dimensions.
TEST_F(RuleTest, Reshape) {
  auto factorise = [&](int64_t elements) {
    Sizes shape;
    while (elements > 1) {
      Sizes divisors;
      for (int64_t d = 1; d <= elements; ++d)
        if (elements % d == 0 && (d == 1 || d == elements || d <= 12))
          divisors.push_back(d);
      shape.push_back(divisors[pick(0, divisors.size() - 1)]);
      elements /= shape.back();
    }
    std::shuffle(shape.begin(), shape.end(), generator);
    return shape;
  };
  for (int64_t trial = 0; trial < 200; ++trial) {
    int64_t elements = std::array<int64_t, 8>{1, 12, 24, 30, 36, 48, 64, 120}[pick(0, 7)];
    std::string from = tensor(factorise(elements)), to = tensor(factorise(elements));
    checkComplete({from}, "%r = weft.reshape %0 : " + from + " -> " + to);
  }
}

// Nothing is lost where there is nothing.
TEST_F(RuleTest, EmptyTensors) {
  check({"tensor<0x3xf64>"}, "%r = weft.reshape %0 : tensor<0x3xf64> -> tensor<5x0xf64>");
  check({"tensor<0x3xf64>"}, "%r = weft.reduce sum %0 dims [0] : tensor<0x3xf64> -> tensor<3xf64>");
  check({"tensor<4x0xf64>", "tensor<0x3xf64>"}, "%r = weft.dot_general %0, %1 batch [] x [] contract [1] x [0] : "
                                                "tensor<4x0xf64>, tensor<0x3xf64> -> tensor<4x3xf64>");
}

TEST_F(RuleTest, SliceAndPad) {
  for (int64_t trial = 0; trial < 60; ++trial) {
    // Slice's operand is pad's result and the other way round.
    Sizes inner = sizes(pick(0, 3)), outer, low, high, interior, strides;
    for (int64_t size : inner) {
      bool touched = pick(0, 1);
      low.push_back(touched ? pick(0, 2) : 0);
      high.push_back(touched ? pick(0, 2) : 0);
      interior.push_back(touched ? pick(0, 2) : 0);
      strides.push_back(interior.back() + 1);
      outer.push_back(low.back() + (size - 1) * strides.back() + 1 + high.back());
    }
    std::string small = tensor(inner), large = tensor(outer);
    checkComplete({large}, "%r = weft.slice %0 offsets " + list(low) + " strides " + list(strides) + " : " + large +
                               " -> " + small);
    checkComplete({small}, "%r = weft.pad %0 low " + list(low) + " high " + list(high) + " interior " + list(interior) +
                               " : " + small + " -> " + large);
  }
}

TEST_F(RuleTest, Concat) {
  for (int64_t trial = 0; trial < 40; ++trial) {
    Sizes shape = sizes(pick(1, 3)), result = shape;
    int64_t dim = pick(0, shape.size() - 1), count = pick(1, 3);
    result[dim] = 0;
    SmallVector<std::string> types;
    std::string names, list;
    for (int64_t i = 0; i < count; ++i) {
      shape[dim] = pick(1, 4);
      result[dim] += shape[dim];
      types.push_back(tensor(shape));
      names += (i ? ", %" : "%") + std::to_string(i);
      list += (i ? ", " : "") + types.back();
    }
    checkComplete(types,
                  "%r = weft.concat " + names + " dim " + std::to_string(dim) + " : " + list + " -> " + tensor(result));
  }
}

TEST_F(RuleTest, Iota) {
  checkComplete({}, "%r = weft.iota dim 0 : tensor<4x3xi64>");
  checkComplete({}, "%r = weft.iota dim 1 : tensor<4x3xf32>");
}

//===----------------------------------------------------------------------===//
// Indexed access
//===----------------------------------------------------------------------===//

TEST_F(RuleTest, GatherAndScatterAdd) {
  for (int64_t trial = 0; trial < 60; ++trial) {
    Sizes table = sizes(pick(1, 3)), indices = sizes(pick(0, 2));
    int64_t axis = pick(0, table.size() - 1);
    table[axis] = pick(3, 5);
    Sizes slices(ArrayRef<int64_t>(table).take_front(axis));
    llvm::append_range(slices, indices);
    llvm::append_range(slices, ArrayRef<int64_t>(table).drop_front(axis + 1));
    std::string e = element(), t = tensor(table, e), s = tensor(slices, e), i = tensor(indices, "i64");
    check({t, i}, "%r = weft.gather %0[%1] axis " + std::to_string(axis) + " : " + t + ", " + i + " -> " + s, {3});
    check({s, i}, "%r = weft.scatter_add %0[%1] axis " + std::to_string(axis) + " : " + s + ", " + i + " -> " + t, {3});
  }
  checkComplete({"tensor<5x3x2xf64>", "tensor<4x6xi64>"},
                "%r = weft.gather %0[%1] axis 0 : tensor<5x3x2xf64>, tensor<4x6xi64> -> tensor<4x6x3x2xf64>", 5);
  checkComplete({"tensor<2x4x6x3xf64>", "tensor<4x6xi64>"},
                "%r = weft.scatter_add %0[%1] axis 1 : tensor<2x4x6x3xf64>, tensor<4x6xi64> -> tensor<2x5x3xf64>", 5);
}

// All indices together: an extremum may be taken over shards of them, anything else not.
TEST_F(RuleTest, Scatter) {
  const char *kinds[] = {"", " combine sum", " combine prod", " combine max", " combine min"};
  for (int64_t trial = 0; trial < 60; ++trial) {
    Sizes table = sizes(pick(1, 3)), indices = sizes(pick(0, 2));
    int64_t axis = pick(0, table.size() - 1);
    table[axis] = pick(3, 5);
    Sizes slices(ArrayRef<int64_t>(table).take_front(axis));
    llvm::append_range(slices, indices);
    llvm::append_range(slices, ArrayRef<int64_t>(table).drop_front(axis + 1));
    std::string t = tensor(table, "f64"), s = tensor(slices, "f64"), i = tensor(indices, "i64");
    check({t, i, s},
          "%r = weft.scatter %2 into %0[%1] axis " + std::to_string(axis) + kinds[trial % 5] + " : " + s + ", " + t +
              ", " + i + " -> " + t,
          {3});
  }
}

TEST_F(RuleTest, TopK) {
  for (int64_t trial = 0; trial < 30; ++trial) {
    Sizes input = sizes(pick(1, 3));
    int64_t axis = pick(0, input.size() - 1);
    input[axis] = pick(3, 5);
    Sizes chosen(input);
    chosen[axis] = pick(1, 3);
    std::string e = element(), from = tensor(input, e), values = tensor(chosen, e), indices = tensor(chosen, "i64");
    check({from}, std::string("%r:2 = weft.top_k ") + (trial % 2 ? "smallest " : "") + "%0 axis " +
                      std::to_string(axis) + " : " + from + " -> " + values + ", " + indices);
  }
}

// Random groups, strides, padding and dilation; windows that tile the input among them.
TEST_F(RuleTest, Convolution) {
  for (int64_t trial = 0; trial < 60; ++trial) {
    int64_t spatial = pick(1, 2), groups = pick(1, 3), channels = pick(1, 3), outputs = pick(1, 3), batch = pick(1, 3);
    Sizes in{batch, groups * channels}, kernel{groups * outputs, channels}, out{batch, groups * outputs};
    Sizes strides, low, high, dilations;
    for (int64_t d = 0; d < spatial; ++d) {
      bool tiled = pick(0, 2) == 0;
      kernel.push_back(pick(1, 3));
      strides.push_back(tiled ? kernel.back() : pick(1, 2));
      dilations.push_back(tiled ? 1 : pick(1, 2));
      low.push_back(tiled ? 0 : pick(0, 1));
      high.push_back(tiled ? 0 : pick(0, 2));
      int64_t span = (kernel.back() - 1) * dilations.back() + 1;
      out.push_back(pick(1, 3));
      int64_t rest = tiled ? 0 : pick(0, strides.back() - 1);
      int64_t size = (out.back() - 1) * strides.back() + span + rest - low.back() - high.back();
      if (size < 1) {
        high.back() = low.back() = 0;
        size = (out.back() - 1) * strides.back() + span + rest;
      }
      in.push_back(size);
    }
    std::string x = tensor(in), w = tensor(kernel), y = tensor(out);
    std::string window = " strides " + list(strides) + " low " + list(low) + " high " + list(high) + " dilations " +
                         list(dilations) + " : ";
    check({x, w}, "%r = weft.convolution %0, %1" + window + "(" + x + ", " + w + ") -> " + y);
    check({y, w}, "%r = weft.convolution_input_grad %0, %1" + window + "(" + y + ", " + w + ") -> " + x);
    check({x, y}, "%r = weft.convolution_weight_grad %0, %1" + window + "(" + x + ", " + y + ") -> " + w);
  }
  // What overlaps must not be cut, and what does not may be.
  std::string overlapping = " strides [1] low [1] high [1] dilations [1] : ";
  checkComplete({"tensor<2x4x6xf64>", "tensor<6x2x3xf64>"},
                "%r = weft.convolution %0, %1" + overlapping +
                    "(tensor<2x4x6xf64>, tensor<6x2x3xf64>) -> tensor<2x6x6xf64>");
  std::string tiles = " strides [2] low [0] high [0] dilations [1] : ";
  checkComplete({"tensor<2x4x6xf64>", "tensor<6x2x2xf64>"},
                "%r = weft.convolution %0, %1" + tiles + "(tensor<2x4x6xf64>, tensor<6x2x2xf64>) -> tensor<2x6x3xf64>");
}

TEST_F(RuleTest, BatchNorm) {
  std::string x = "tensor<4x3x5xf64>", v = "tensor<3xf64>";
  check({x, v, v, v, v}, "%r:3 = weft.batch_norm %0 scale %1 bias %2 mean %3 variance %4 eps 0.1 momentum 0.9 : (" + x +
                             ", " + v + ", " + v + ", " + v + ", " + v + ") -> (" + x + ", " + v + ", " + v + ")");
}

//===----------------------------------------------------------------------===//
// Composite ops
//===----------------------------------------------------------------------===//

// Grouped queries, masks of every kind, and both passes.
TEST_F(RuleTest, Attention) {
  for (int64_t trial = 0; trial < 48; ++trial) {
    bool complete = trial < 12, causal = trial % 2;
    int64_t mask = trial % 6 / 2;
    auto size = [&](int64_t large) { return complete ? large : pick(1, 3); };
    int64_t b = size(2), t = size(4), s = size(5), g = size(2), h = g * size(3), d = size(3), e = size(4);
    std::string q = tensor({b, t, h, d}), k = tensor({b, s, g, d}), v = tensor({b, s, g, e}),
                out = tensor({b, t, h, e}), lse = tensor({b, h, t}, "f32");
    SmallVector<std::string> forward{q, k, v}, backward{out, q, k, v, out, lse};
    if (mask) {
      forward.push_back(tensor({pick(0, 1) ? b : 1, pick(0, 1) ? h : 1, t, s}, mask == 1 ? "i1" : "f64"));
      backward.push_back(forward.back());
    }
    auto types = [](ArrayRef<std::string> list) { return "(" + llvm::join(list, ", ") + ")"; };
    std::string tail = std::string(" scale 0.5") + (causal ? " causal : " : " : ");
    check(forward,
          "%r:2 = weft.attention %0, %1, %2" + std::string(mask ? " mask %3" : "") + tail + types(forward) + " -> " +
              types({out, lse}),
          {2, false, complete});
    check(backward,
          "%r:3 = weft.attention_grad %0, %1, %2, %3, %4, %5" + std::string(mask ? " mask %6" : "") + tail +
              types(backward) + " -> " + types({q, k, v}),
          {2, false, complete});
  }
}

TEST_F(RuleTest, Rows) {
  for (Sizes outer : {Sizes{}, Sizes{3}, Sizes{3, 2}}) {
    Sizes shape = outer;
    shape.push_back(5);
    std::string x = tensor(shape), row = tensor({5}), labels = tensor(outer, "i64");
    auto norm = [&](const std::string &op, ArrayRef<std::string> types) {
      checkComplete(types, "%r = weft." + op + " eps 1.0e-2 : (" + llvm::join(types, ", ") + ") -> " + x);
    };
    norm("layer_norm %0", {x});
    norm("layer_norm %0 gamma %1", {x, row});
    norm("layer_norm %0 beta %1", {x, row});
    norm("layer_norm %0 gamma %1 beta %2", {x, row, row});
    norm("rms_norm %0", {x});
    norm("rms_norm %0 gamma %1", {x, row});
    checkComplete({x}, "%r = weft.softmax %0 : " + x + " -> " + x);
    checkComplete({x}, "%r = weft.gelu %0 : " + x + " -> " + x);
    checkComplete({x}, "%r = weft.gelu %0 tanh : " + x + " -> " + x);
    checkComplete({x, x}, "%r = weft.gelu_grad %0, %1 tanh : (" + x + ", " + x + ") -> " + x);
    checkComplete({x}, "%r = weft.silu %0 : " + x + " -> " + x);
    checkComplete({x, labels},
                  "%r = weft.cross_entropy %0, %1 {ignoreIndex = " + std::string(outer.empty() ? "-1" : "1") +
                      " : i64} : " + x + ", " + labels + " -> " + tensor(outer, "f32"),
                  5);
  }
}

TEST_F(RuleTest, Rotary) {
  for (bool transposed : {false, true})
    for (bool perBatch : {false, true})
      for (int64_t rotated : {4, 6}) {
        std::string x = tensor({2, 3, 4, 6}), angles = tensor(perBatch ? Sizes{2, 3, rotated} : Sizes{3, rotated});
        checkComplete({x, angles, angles}, "%r = weft.rotary %0 cos %1 sin %2 " +
                                               std::string(transposed ? "transposed" : "") + " : (" + x + ", " +
                                               angles + ", " + angles + ") -> " + x);
      }
}

TEST_F(RuleTest, Random) {
  checkComplete({"tensor<i64>"}, "%r = weft.random %0 stream 3 : tensor<i64> -> tensor<4x3xf32>");
}

TEST_F(RuleTest, Updates) {
  const std::string n = "tensor<f64>", step = "tensor<i64>", hyper = "tensor<16xf64>";
  // At step 0, during the warm-up, the rate is a quotient of two hyperparameters.
  checkComplete({step, hyper}, "%r = weft.learning_rate %0, %1 : (tensor<i64>, tensor<16xf64>) -> tensor<f64>", 1,
                true);
  // Parameters of sixteen elements are no table of hyperparameters.
  for (Sizes shape : {Sizes{4, 3}, Sizes{16}, Sizes{}}) {
    std::string p = tensor(shape);
    for (const char *flags : {"", "decay", "decay decoupled"}) {
      // A gradient may be partial, a number or hyperparameter never is.
      check({p, p, p, p, n, n, step, hyper},
            std::string("%r:3 = weft.adam %0, %1, %2, %3 scale %4 lr %5 step %6 hyper %7 ") + flags + " : (" +
                llvm::join(SmallVector<std::string>{p, p, p, p, n, n, step, hyper}, ", ") + ") -> (" + p + ", " + p +
                ", " + p + ")",
            {4, true, true, 4});
      if (StringRef(flags) != "decay decoupled")
        check({p, p, p, n, n, hyper},
              std::string("%r:2 = weft.sgd %0, %1, %2 scale %3 lr %4 hyper %5 ") + flags + " : (" +
                  llvm::join(SmallVector<std::string>{p, p, p, n, n, hyper}, ", ") + ") -> (" + p + ", " + p + ")",
              {4, true, true, 3});
    }
  }
}

//===----------------------------------------------------------------------===//
// The check itself
//===----------------------------------------------------------------------===//

// Every false claim about a product is seen.
TEST_F(RuleTest, FalseClaimsAreSeen) {
  using Kind = ShardingRule::FactorKind;
  using Combine = ShardingRule::Combine;
  const std::string l = "tensor<4x3xf64>", r = "tensor<3x5xf64>";
  withRule({l, r},
           "%r = weft.dot_general %0, %1 batch [] x [] contract [1] x [0] : " + l + ", " + r + " -> tensor<4x5xf64>",
           Options(), [](RuleCheck &check) {
             const ShardingRule rule = check.rule;
             EXPECT_FALSE(check.checkClaims());
             auto expectFault = [&](const char *what, llvm::function_ref<void(ShardingRule &)> change) {
               check.rule = rule;
               change(check.rule);
               EXPECT_TRUE(check.checkClaims()) << what;
               check.rule = rule;
             };
             expectFault("a parallel factor reduced", [](ShardingRule &r) { r.factors[0].kind = Kind::Reduction; });
             expectFault("a reduction parallel", [](ShardingRule &r) { r.factors[1].kind = Kind::Parallel; });
             expectFault("a sum taken for a maximum", [](ShardingRule &r) { r.factors[1].combine = Combine::Max; });
             expectFault("a dimension without its factor", [](ShardingRule &r) { r.operands[1][1].clear(); });
             expectFault("two factors exchanged", [](ShardingRule &r) { std::swap(r.results[0][0], r.results[0][1]); });
             expectFault("a factor only of the result", [](ShardingRule &r) { r.operands[0][0] = {1}; });
             expectFault("jointly linear", [](ShardingRule &r) { r.linear = {{0, 1}}; });
             // And what is true but not claimed.
             check.rule.factors[1].kind = Kind::Replicated;
             EXPECT_TRUE(check.checkNothingMissing(2));
             check.rule = rule;
             check.rule.linear.pop_back();
             EXPECT_TRUE(check.checkNothingMissing(2));
           });
}

} // namespace
