//===- Harness.cpp - Programs that are evaluated, compiled, run and compared -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Harness.h"
#include "dialects/exec/Exec.h"
#include "mlir/IR/Verifier.h"
#include <cstring>

using namespace mlir;
using namespace weft;
using namespace weft::test;

Program::Program(uint64_t seed) : builder(&context), generator(seed), e{builder, builder.getUnknownLoc()} {
  DialectRegistry registry;
  registry.insert<WeftDialect, exec::ExecDialect, arith::ArithDialect, math::MathDialect, func::FuncDialect>();
  registerExternalModels(registry);
  context.appendDialectRegistry(registry);
  context.disableMultithreading();
  context.loadAllAvailableDialects();
  module = ModuleOp::create(e.loc);
  builder.setInsertionPointToStart(module->getBody());
  task = func::FuncOp::create(builder, e.loc, "task_step", builder.getFunctionType({}, {}));
  Block *body = task.addEntryBlock();
  builder.setInsertionPointToStart(body);
  builder.setInsertionPoint(func::ReturnOp::create(builder, e.loc));
  // The states that every executable has: the runtime refuses a manifest without them.
  begin("contract");
  addState("hyper", Literal(type({16}, f64())));
  addState("step", Literal(type({}, i64())));
  for (const char *name : {"loss_sum", "loss_count", "grad_norm", "lr"})
    addState(name, Literal(type({}, f64())));
}

Literal Program::random(RankedTensorType type, int64_t low, int64_t high) {
  if (isa<FloatType>(type.getElementType())) {
    std::normal_distribution<double> normal;
    std::vector<double> values(type.getNumElements());
    for (double &value : values)
      value = normal(generator);
    return Literal::ofFloats(type, std::move(values));
  }
  if (type.getElementType().isInteger(1))
    high = std::min<int64_t>(high, 2);
  std::uniform_int_distribution<int64_t> uniform(low, high - 1);
  std::vector<int64_t> values(type.getNumElements());
  for (int64_t &value : values)
    value = uniform(generator);
  return Literal::ofInts(type, std::move(values));
}

Value Program::input(const Literal &value) {
  unsigned index = task.getNumArguments();
  auto attributes =
      builder.getDictionaryAttr({builder.getNamedAttr("weft.name", builder.getStringAttr("in" + std::to_string(index))),
                                 builder.getNamedAttr("weft.role", builder.getStringAttr("field"))});
  bool inserted = succeeded(task.insertArgument(index, value.getType(), attributes, e.loc));
  EXPECT_TRUE(inserted);
  arguments.push_back(value);
  return task.getArgument(index);
}

std::string Program::state(const Literal &value) {
  std::string symbol = "s" + std::to_string(states.size());
  addState(symbol, value);
  return symbol;
}

void Program::addState(const std::string &symbol, const Literal &value) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(task);
  StateOp::create(builder, e.loc, symbol, value.getType(), StateKind::probe, APFloat(0.0), FlatSymbolRefAttr(), false);
  states[symbol] = {value, current, 0};
}

Value Program::read(const std::string &symbol) { return e.read(symbol, states[symbol].before.getType()); }

void Program::write(const std::string &symbol, Value value, double tolerance) {
  states[symbol].tolerance = tolerance;
  e.write(symbol, value);
}

void Program::expect(Value value, double tolerance) { write(state(Literal(tensorType(value))), value, tolerance); }

void test::storeLiteral(const Literal &literal, char *to) {
  Type element = literal.getType().getElementType();
  int64_t bytes = elementBytes(element);
  for (int64_t i = 0; i < literal.getNumElements(); ++i, to += bytes) {
    uint64_t bits;
    if (auto floating = dyn_cast<FloatType>(element)) {
      APFloat value(literal.getFloat(i));
      bool inexact;
      value.convert(floating.getFloatSemantics(), APFloat::rmNearestTiesToEven, &inexact);
      bits = value.bitcastToAPInt().getZExtValue();
    } else {
      bits = static_cast<uint64_t>(literal.getInt(i));
    }
    std::memcpy(to, &bits, bytes);
  }
}

Literal test::loadLiteral(RankedTensorType type, const char *from) {
  Type element = type.getElementType();
  int64_t bytes = elementBytes(element);
  std::vector<double> floats;
  std::vector<int64_t> ints;
  for (int64_t i = 0, count = type.getNumElements(); i < count; ++i, from += bytes) {
    uint64_t bits = 0;
    std::memcpy(&bits, from, bytes);
    if (auto floating = dyn_cast<FloatType>(element)) {
      APFloat value(floating.getFloatSemantics(), APInt(floating.getWidth(), bits));
      bool inexact;
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &inexact);
      floats.push_back(value.convertToDouble());
    } else {
      ints.push_back(wrapToType(static_cast<int64_t>(bits), cast<IntegerType>(element)));
    }
  }
  return isa<FloatType>(element) ? Literal::ofFloats(type, std::move(floats)) : Literal::ofInts(type, std::move(ints));
}

double test::usualTolerance(Type element) {
  return !isa<FloatType>(element) ? 0 : element.isF64() ? 1e-11 : element.isF32() ? 1e-5 : 2e-2;
}

std::map<std::string, Literal> Program::evaluate() {
  std::map<std::string, Literal> after;
  EXPECT_TRUE(succeeded(verify(*module)));
  auto lookup = [&](StringRef symbol) -> std::optional<Literal> { return states[symbol.str()].before; };
  SmallVector<Literal> results;
  EXPECT_TRUE(succeeded(evaluateFunction(
      task, arguments, results, lookup, [&](StringRef symbol, const Literal &value) { after[symbol.str()] = value; })));
  return after;
}
