//===- RandomCase.h - A random program on a random mesh -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TEST_UNIT_SHARD_RANDOMCASE_H
#define WEFT_TEST_UNIT_SHARD_RANDOMCASE_H

#include "dialects/dist/EvaluateRanks.h"
#include "dialects/weft/Build.h"
#include <random>

namespace weft::test {

/// A random program, a random mesh of up to three axes, random shardings of its arguments and random constraints.
class RandomCase {
public:
  /// `element` is the type of what is no index.
  RandomCase(mlir::MLIRContext &context, uint64_t seed, mlir::Type element);

  /// Makes the program.
  void compose();
  /// What one device computes by reference evaluation, which knows no constraints; empty if that fails.
  llvm::SmallVector<Literal> evaluate();
  std::string print();
  /// A random way to lie on the mesh, with padding or without; no axis cuts what another has cut into single indices.
  dist::Sharding anySharding(mlir::RankedTensorType type);

  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
  dist::Mesh mesh;
  llvm::SmallVector<Literal> arguments;
  llvm::SmallVector<dist::Sharding> shardings; ///< of arguments

private:
  int64_t pick(int64_t limit) { return std::uniform_int_distribution<int64_t>(0, limit - 1)(generator); }
  bool chance(int64_t oneIn) { return pick(oneIn) == 0; }
  Literal random(mlir::RankedTensorType type, int64_t limit = 0);
  mlir::Value argument(const Literal &value);
  mlir::Value floats(llvm::ArrayRef<int64_t> shape) {
    return argument(random(mlir::RankedTensorType::get(shape, element)));
  }
  mlir::Value indices(llvm::ArrayRef<int64_t> shape, int64_t limit) {
    return argument(random(mlir::RankedTensorType::get(shape, builder.getI64Type()), limit));
  }
  mlir::Value any() { return pool[pool.size() - 1 - pick(std::min<int64_t>(pool.size(), 6))]; }
  mlir::Value like(mlir::Value x);
  mlir::Value step();

  mlir::MLIRContext &context;
  std::mt19937_64 generator;
  mlir::OpBuilder builder;
  Build e;
  mlir::Type element;
  llvm::SmallVector<mlir::Value> pool;
};

} // namespace weft::test

#endif // WEFT_TEST_UNIT_SHARD_RANDOMCASE_H
