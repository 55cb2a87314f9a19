//===- GradientTest.cpp - The derivative of every op -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each case is a function; its derivatives are compared with central
// differences in f64, its ops' saved values with what their products read, and
// the same function in bf16 is differentiated and verified.
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace weft;
using namespace weft::test;

namespace {

struct OpCase {
  const char *name;
  const char *text;
  GradientCheck check = {};
};

void PrintTo(const OpCase &op, std::ostream *os) { *os << op.name; }

/// Results rounded to f32 need a larger step, and leave an error of its square.
constexpr GradientCheck kSingle = {1e-2, 5e-4};

/// Float elements that are not on the edge of a step or a corner.
const OpCase kCases[] = {
    // Products and reductions.
    {"dot", R"(func.func @f(%x: tensor<2x3x4xf64>, %w: tensor<4x5xf64>) -> tensor<2x3x5xf64> {
      %0 = weft.dot_general %x, %w batch [] x [] contract [2] x [0] : tensor<2x3x4xf64>, tensor<4x5xf64> -> tensor<2x3x5xf64>
      return %0 : tensor<2x3x5xf64> })"},
    {"dot_batched", R"(func.func @f(%x: tensor<2x3x4x5xf64>, %y: tensor<4x6x2x5xf64>) -> tensor<2x4x3x6xf64> {
      %0 = weft.dot_general %x, %y batch [0, 2] x [2, 0] contract [3] x [3] : tensor<2x3x4x5xf64>, tensor<4x6x2x5xf64> -> tensor<2x4x3x6xf64>
      return %0 : tensor<2x4x3x6xf64> })"},
    {"dot_crossed", R"(func.func @f(%x: tensor<2x3x4x5xf64>, %y: tensor<5x2x6x3xf64>) -> tensor<4x6xf64> {
      %0 = weft.dot_general %x, %y batch [] x [] contract [3, 0, 1] x [0, 1, 3] : tensor<2x3x4x5xf64>, tensor<5x2x6x3xf64> -> tensor<4x6xf64>
      return %0 : tensor<4x6xf64> })"},
    {"dot_outer", R"(func.func @f(%x: tensor<2x3xf64>, %y: tensor<4x2xf64>) -> tensor<2x3x4xf64> {
      %0 = weft.dot_general %x, %y batch [0] x [1] contract [] x [] : tensor<2x3xf64>, tensor<4x2xf64> -> tensor<2x3x4xf64>
      return %0 : tensor<2x3x4xf64> })"},
    // Indices occur twice: updates that lose have no gradient, those that share an extremum share it.
    {"scatter_replace", R"(func.func @f(%x: tensor<5x3xf64>, %u: tensor<4x3xf64>) -> tensor<5x3xf64> {
      %i = arith.constant dense<[1, 4, 1, 0]> : tensor<4xi64>
      %0 = weft.scatter %u into %x[%i] axis 0 : tensor<4x3xf64>, tensor<5x3xf64>, tensor<4xi64> -> tensor<5x3xf64>
      return %0 : tensor<5x3xf64> })"},
    {"scatter_replace_inner", R"(func.func @f(%x: tensor<2x5x3xf64>, %u: tensor<2x2x2x3xf64>) -> tensor<2x5x3xf64> {
      %i = arith.constant dense<[[1, 4], [1, 0]]> : tensor<2x2xi64>
      %0 = weft.scatter %u into %x[%i] axis 1 : tensor<2x2x2x3xf64>, tensor<2x5x3xf64>, tensor<2x2xi64> -> tensor<2x5x3xf64>
      return %0 : tensor<2x5x3xf64> })"},
    {"scatter_sum", R"(func.func @f(%x: tensor<5x3xf64>, %u: tensor<4x3xf64>) -> tensor<5x3xf64> {
      %i = arith.constant dense<[1, 4, 1, 0]> : tensor<4xi64>
      %0 = weft.scatter %u into %x[%i] axis 0 combine sum : tensor<4x3xf64>, tensor<5x3xf64>, tensor<4xi64> -> tensor<5x3xf64>
      return %0 : tensor<5x3xf64> })"},
    {"scatter_prod", R"(func.func @f(%x: tensor<5x3xf64>, %u: tensor<4x3xf64>) -> tensor<5x3xf64> {
      %i = arith.constant dense<[1, 4, 1, 0]> : tensor<4xi64>
      %0 = weft.scatter %u into %x[%i] axis 0 combine prod : tensor<4x3xf64>, tensor<5x3xf64>, tensor<4xi64> -> tensor<5x3xf64>
      return %0 : tensor<5x3xf64> })"},
    {"scatter_prod_of_zeros", R"(func.func @f(%x: tensor<3xf64>, %u: tensor<4xf64>) -> tensor<3xf64> {
      %i = arith.constant dense<[1, 2, 1, 0]> : tensor<4xi64>
      %m = arith.constant dense<[0.0, 0.0, 1.0, 1.0]> : tensor<4xf64>
      %v = arith.mulf %u, %m : tensor<4xf64>
      %0 = weft.scatter %v into %x[%i] axis 0 combine prod : tensor<4xf64>, tensor<3xf64>, tensor<4xi64> -> tensor<3xf64>
      return %0 : tensor<3xf64> })"},
    {"scatter_max", R"(func.func @f(%x: tensor<5x3xf64>, %u: tensor<4x3xf64>) -> tensor<5x3xf64> {
      %i = arith.constant dense<[1, 4, 1, 0]> : tensor<4xi64>
      %0 = weft.scatter %u into %x[%i] axis 0 combine max : tensor<4x3xf64>, tensor<5x3xf64>, tensor<4xi64> -> tensor<5x3xf64>
      return %0 : tensor<5x3xf64> })"},
    {"scatter_min", R"(func.func @f(%x: tensor<5x3xf64>, %u: tensor<4x3xf64>) -> tensor<5x3xf64> {
      %i = arith.constant dense<[1, 4, 1, 0]> : tensor<4xi64>
      %0 = weft.scatter %u into %x[%i] axis 0 combine min : tensor<4x3xf64>, tensor<5x3xf64>, tensor<4xi64> -> tensor<5x3xf64>
      return %0 : tensor<5x3xf64> })"},
    {"top_k", R"(func.func @f(%x: tensor<3x5x2xf64>) -> tensor<3x2x2xf64> {
      %0, %1 = weft.top_k %x axis 1 : tensor<3x5x2xf64> -> tensor<3x2x2xf64>, tensor<3x2x2xi64>
      return %0 : tensor<3x2x2xf64> })"},
    {"top_k_smallest", R"(func.func @f(%x: tensor<3x5xf64>) -> tensor<3x2xf64> {
      %0, %1 = weft.top_k smallest %x axis 1 : tensor<3x5xf64> -> tensor<3x2xf64>, tensor<3x2xi64>
      return %0 : tensor<3x2xf64> })"},
    {"reduce_sum", R"(func.func @f(%x: tensor<2x3x4xf64>) -> tensor<3xf64> {
      %0 = weft.reduce sum %x dims [0, 2] : tensor<2x3x4xf64> -> tensor<3xf64>
      return %0 : tensor<3xf64> })"},
    {"reduce_max", R"(func.func @f(%x: tensor<2x3x4xf64>) -> tensor<2x4xf64> {
      %0 = weft.reduce max %x dims [1] : tensor<2x3x4xf64> -> tensor<2x4xf64>
      return %0 : tensor<2x4xf64> })"},
    {"reduce_min", R"(func.func @f(%x: tensor<2x3x4xf64>) -> tensor<4xf64> {
      %0 = weft.reduce min %x dims [0, 1] : tensor<2x3x4xf64> -> tensor<4xf64>
      return %0 : tensor<4xf64> })"},
    {"reduce_prod", R"(func.func @f(%x: tensor<2x3x4xf64>) -> tensor<2x4xf64> {
      %0 = weft.reduce prod %x dims [1] : tensor<2x3x4xf64> -> tensor<2x4xf64>
      return %0 : tensor<2x4xf64> })"},
    {"reduce_prod_of_zeros", R"(func.func @f(%x: tensor<3x4xf64>) -> tensor<4xf64> {
      %mask = arith.constant dense<[[0.0, 0.0, 1.0, 1.0], [1.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0]]> : tensor<3x4xf64>
      %masked = arith.mulf %x, %mask : tensor<3x4xf64>
      %0 = weft.reduce prod %masked dims [0] : tensor<3x4xf64> -> tensor<4xf64>
      return %0 : tensor<4xf64> })"},
    // Two groups, padding that differs, a rest that the strides leave.
    {"convolution", R"(func.func @f(%x: tensor<2x4x6xf64>, %w: tensor<6x2x3xf64>) -> tensor<2x6x3xf64> {
      %0 = weft.convolution %x, %w strides [2] low [1] high [0] dilations [1] : (tensor<2x4x6xf64>, tensor<6x2x3xf64>) -> tensor<2x6x3xf64>
      return %0 : tensor<2x6x3xf64> })"},
    {"convolution_dilated", R"(func.func @f(%x: tensor<1x2x5x6xf64>, %w: tensor<3x2x2x2xf64>) -> tensor<1x3x5x4xf64> {
      %0 = weft.convolution %x, %w strides [1, 1] low [2, 0] high [0, 1] dilations [2, 3] : (tensor<1x2x5x6xf64>, tensor<3x2x2x2xf64>) -> tensor<1x3x5x4xf64>
      return %0 : tensor<1x3x5x4xf64> })"},
    {"convolution_input_grad", R"(func.func @f(%y: tensor<2x6x3xf64>, %w: tensor<6x2x3xf64>) -> tensor<2x4x6xf64> {
      %0 = weft.convolution_input_grad %y, %w strides [2] low [1] high [0] dilations [1] : (tensor<2x6x3xf64>, tensor<6x2x3xf64>) -> tensor<2x4x6xf64>
      return %0 : tensor<2x4x6xf64> })"},
    {"convolution_weight_grad", R"(func.func @f(%x: tensor<2x4x6xf64>, %y: tensor<2x6x3xf64>) -> tensor<6x2x3xf64> {
      %0 = weft.convolution_weight_grad %x, %y strides [2] low [1] high [0] dilations [1] : (tensor<2x4x6xf64>, tensor<2x6x3xf64>) -> tensor<6x2x3xf64>
      return %0 : tensor<6x2x3xf64> })"},
    {"cumsum", R"(func.func @f(%x: tensor<2x5xf64>) -> tensor<2x5xf64> {
      %0 = weft.cumsum %x dim 1 : tensor<2x5xf64> -> tensor<2x5xf64>
      %1 = weft.cumsum %0 dim 1 reverse : tensor<2x5xf64> -> tensor<2x5xf64>
      %2 = weft.cumsum %1 dim 0 exclusive : tensor<2x5xf64> -> tensor<2x5xf64>
      return %2 : tensor<2x5xf64> })"},

    // Shape.
    {"broadcast", R"(func.func @f(%x: tensor<3xf64>, %s: tensor<f64>) -> (tensor<2x3x4xf64>, tensor<2x2xf64>) {
      %0 = weft.broadcast %x dims [1] : tensor<3xf64> -> tensor<2x3x4xf64>
      %1 = weft.broadcast %s dims [] : tensor<f64> -> tensor<2x2xf64>
      return %0, %1 : tensor<2x3x4xf64>, tensor<2x2xf64> })"},
    {"transpose_reshape", R"(func.func @f(%x: tensor<2x3x4xf64>) -> tensor<8x3xf64> {
      %0 = weft.transpose %x perm [2, 0, 1] : tensor<2x3x4xf64> -> tensor<4x2x3xf64>
      %1 = weft.reshape %0 : tensor<4x2x3xf64> -> tensor<8x3xf64>
      return %1 : tensor<8x3xf64> })"},
    {"slice", R"(func.func @f(%x: tensor<5x9xf64>) -> tensor<2x3xf64> {
      %0 = weft.slice %x offsets [1, 1] strides [2, 3] : tensor<5x9xf64> -> tensor<2x3xf64>
      return %0 : tensor<2x3xf64> })"},
    {"slices_that_cover",
     R"(func.func @f(%x: tensor<2x7xf64>, %y: tensor<2x7xf64>) -> (tensor<2x3xf64>, tensor<2x4xf64>, tensor<2x4xf64>, tensor<2x3xf64>) {
      %0 = weft.slice %x offsets [0, 4] strides [1, 1] : tensor<2x7xf64> -> tensor<2x3xf64>
      %1 = weft.slice %x offsets [0, 0] strides [1, 1] : tensor<2x7xf64> -> tensor<2x4xf64>
      %2 = arith.addf %x, %y : tensor<2x7xf64>
      %3 = weft.slice %2 offsets [0, 0] strides [1, 1] : tensor<2x7xf64> -> tensor<2x4xf64>
      %4 = weft.slice %y offsets [0, 4] strides [1, 1] : tensor<2x7xf64> -> tensor<2x3xf64>
      return %0, %1, %3, %4 : tensor<2x3xf64>, tensor<2x4xf64>, tensor<2x4xf64>, tensor<2x3xf64> })"},
    {"pad", R"(func.func @f(%x: tensor<2x3xf64>) -> tensor<6x8xf64> {
      %0 = weft.pad %x low [1, 0] high [2, 1] interior [1, 2] : tensor<2x3xf64> -> tensor<6x8xf64>
      return %0 : tensor<6x8xf64> })"},
    {"concat", R"(func.func @f(%x: tensor<2x3xf64>, %y: tensor<2x1xf64>) -> tensor<2x7xf64> {
      %0 = weft.concat %x, %y, %x dim 1 : tensor<2x3xf64>, tensor<2x1xf64>, tensor<2x3xf64> -> tensor<2x7xf64>
      return %0 : tensor<2x7xf64> })"},
    {"gather",
     R"(func.func @f(%x: tensor<2x5x3xf64>, %i: tensor<4x2xi64> {weft.limit = 5 : i64}) -> tensor<2x4x2x3xf64> {
      %0 = weft.gather %x[%i] axis 1 : tensor<2x5x3xf64>, tensor<4x2xi64> -> tensor<2x4x2x3xf64>
      return %0 : tensor<2x4x2x3xf64> })"},
    {"scatter_add",
     R"(func.func @f(%x: tensor<2x4x3xf64>, %i: tensor<4xi64> {weft.limit = 5 : i64}) -> tensor<2x5x3xf64> {
      %0 = weft.scatter_add %x[%i] axis 1 : tensor<2x4x3xf64>, tensor<4xi64> -> tensor<2x5x3xf64>
      return %0 : tensor<2x5x3xf64> })"},

    // Composite.
    {"softmax", R"(func.func @f(%x: tensor<2x3x5xf64>) -> tensor<2x3x5xf64> {
      %0 = weft.softmax %x : tensor<2x3x5xf64> -> tensor<2x3x5xf64>
      return %0 : tensor<2x3x5xf64> })"},
    {"layer_norm", R"(func.func @f(%x: tensor<2x3x5xf64>, %g: tensor<5xf64>, %b: tensor<5xf64>) -> tensor<2x3x5xf64> {
      %0 = weft.layer_norm %x gamma %g beta %b eps 1.000000e-05 : (tensor<2x3x5xf64>, tensor<5xf64>, tensor<5xf64>) -> tensor<2x3x5xf64>
      return %0 : tensor<2x3x5xf64> })"},
    {"layer_norm_beta", R"(func.func @f(%x: tensor<2x5xf64>, %b: tensor<5xf64>) -> tensor<2x5xf64> {
      %0 = weft.layer_norm %x beta %b eps 0.1 : (tensor<2x5xf64>, tensor<5xf64>) -> tensor<2x5xf64>
      return %0 : tensor<2x5xf64> })"},
    {"rms_norm", R"(func.func @f(%x: tensor<2x3x5xf64>, %g: tensor<5xf64>) -> tensor<2x3x5xf64> {
      %0 = weft.rms_norm %x gamma %g eps 1.000000e-05 : (tensor<2x3x5xf64>, tensor<5xf64>) -> tensor<2x3x5xf64>
      return %0 : tensor<2x3x5xf64> })"},
    {"rms_norm_plain", R"(func.func @f(%x: tensor<2x5xf64>) -> tensor<2x5xf64> {
      %0 = weft.rms_norm %x eps 0.01 : (tensor<2x5xf64>) -> tensor<2x5xf64>
      return %0 : tensor<2x5xf64> })"},
    {"cross_entropy",
     R"(func.func @f(%x: tensor<2x3x5xf64>, %l: tensor<2x3xi64> {weft.limit = 5 : i64}) -> tensor<2x3xf32> {
      %0 = weft.cross_entropy %x, %l : tensor<2x3x5xf64>, tensor<2x3xi64> -> tensor<2x3xf32>
      return %0 : tensor<2x3xf32> })",
     kSingle},
    {"cross_entropy_ignored", R"(func.func @f(%x: tensor<2x3x5xf64>) -> tensor<2x3xf32> {
      %l = arith.constant dense<[[0, -100, 4], [-100, 2, 3]]> : tensor<2x3xi32>
      %0 = weft.cross_entropy %x, %l : tensor<2x3x5xf64>, tensor<2x3xi32> -> tensor<2x3xf32>
      return %0 : tensor<2x3xf32> })",
     kSingle},
    {"gelu_erf", R"(func.func @f(%x: tensor<9xf64> {test.low = -3.0, test.high = 3.0}) -> tensor<9xf64> {
      %0 = weft.gelu %x : tensor<9xf64> -> tensor<9xf64>
      return %0 : tensor<9xf64> })"},
    {"gelu_tanh", R"(func.func @f(%x: tensor<9xf64> {test.low = -3.0, test.high = 3.0}) -> tensor<9xf64> {
      %0 = weft.gelu %x tanh : tensor<9xf64> -> tensor<9xf64>
      return %0 : tensor<9xf64> })"},
    {"silu", R"(func.func @f(%x: tensor<9xf64> {test.low = -3.0, test.high = 3.0}) -> tensor<9xf64> {
      %0 = weft.silu %x : tensor<9xf64> -> tensor<9xf64>
      return %0 : tensor<9xf64> })"},
    {"rotary",
     R"(func.func @f(%x: tensor<2x3x2x6xf64>, %c: tensor<3x4xf64>, %s: tensor<3x4xf64>) -> tensor<2x3x2x6xf64> {
      %0 = weft.rotary %x cos %c sin %s : (tensor<2x3x2x6xf64>, tensor<3x4xf64>, tensor<3x4xf64>) -> tensor<2x3x2x6xf64>
      return %0 : tensor<2x3x2x6xf64> })"},
    {"rotary_transposed",
     R"(func.func @f(%x: tensor<2x3x2x4xf64>, %c: tensor<2x3x4xf64>, %s: tensor<2x3x4xf64>) -> tensor<2x3x2x4xf64> {
      %0 = weft.rotary %x cos %c sin %s transposed : (tensor<2x3x2x4xf64>, tensor<2x3x4xf64>, tensor<2x3x4xf64>) -> tensor<2x3x2x4xf64>
      return %0 : tensor<2x3x2x4xf64> })"},
    {"attention_causal",
     R"(func.func @f(%q: tensor<2x3x4x5xf64>, %k: tensor<2x4x2x5xf64>, %v: tensor<2x4x2x3xf64>) -> tensor<2x3x4x3xf64> {
      %0:2 = weft.attention %q, %k, %v scale 0.6 causal : (tensor<2x3x4x5xf64>, tensor<2x4x2x5xf64>, tensor<2x4x2x3xf64>) -> (tensor<2x3x4x3xf64>, tensor<2x4x3xf32>)
      return %0#0 : tensor<2x3x4x3xf64> })"},
    {"attention_i1_mask",
     R"(func.func @f(%q: tensor<1x3x2x4xf64>, %k: tensor<1x3x2x4xf64>, %v: tensor<1x3x2x4xf64>) -> tensor<1x3x2x4xf64> {
      %m = arith.constant dense<[[[[true, false, true], [false, false, false], [true, true, true]]]]> : tensor<1x1x3x3xi1>
      %0:2 = weft.attention %q, %k, %v mask %m scale 0.5 : (tensor<1x3x2x4xf64>, tensor<1x3x2x4xf64>, tensor<1x3x2x4xf64>, tensor<1x1x3x3xi1>) -> (tensor<1x3x2x4xf64>, tensor<1x2x3xf32>)
      return %0#0 : tensor<1x3x2x4xf64> })"},
    {"attention_float_mask",
     R"(func.func @f(%q: tensor<2x3x4x5xf64>, %k: tensor<2x4x2x5xf64>, %v: tensor<2x4x2x3xf64>, %m: tensor<1x4x3x4xf64>) -> tensor<2x3x4x3xf64> {
      %0:2 = weft.attention %q, %k, %v mask %m scale 0.6 : (tensor<2x3x4x5xf64>, tensor<2x4x2x5xf64>, tensor<2x4x2x3xf64>, tensor<1x4x3x4xf64>) -> (tensor<2x3x4x3xf64>, tensor<2x4x3xf32>)
      return %0#0 : tensor<2x3x4x3xf64> })"},
    {"attention_lse",
     R"(func.func @f(%q: tensor<2x3x4x5xf64>, %k: tensor<2x4x2x5xf64>, %v: tensor<2x4x2x3xf64>, %m: tensor<2x1x3x4xf64>) -> (tensor<2x3x4x3xf64>, tensor<2x4x3xf32>) {
      %0:2 = weft.attention %q, %k, %v mask %m scale 0.6 causal : (tensor<2x3x4x5xf64>, tensor<2x4x2x5xf64>, tensor<2x4x2x3xf64>, tensor<2x1x3x4xf64>) -> (tensor<2x3x4x3xf64>, tensor<2x4x3xf32>)
      return %0#0, %0#1 : tensor<2x3x4x3xf64>, tensor<2x4x3xf32> })",
     kSingle},

    // arith.
    {"arith", R"(func.func @f(%x: tensor<7xf64>, %y: tensor<7xf64> {test.low = 0.5, test.high = 2.0}) -> tensor<7xf64> {
      %0 = arith.addf %x, %y : tensor<7xf64>
      %1 = arith.mulf %0, %x : tensor<7xf64>
      %2 = arith.divf %1, %y : tensor<7xf64>
      %3 = arith.subf %2, %0 : tensor<7xf64>
      %4 = arith.negf %3 : tensor<7xf64>
      %5 = arith.divf %4, %y : tensor<7xf64>
      %6 = arith.remf %y, %5 : tensor<7xf64>
      %7 = arith.addf %5, %6 : tensor<7xf64>
      return %7 : tensor<7xf64> })"},
    {"extrema",
     R"(func.func @f(%x: tensor<7xf64>, %y: tensor<7xf64>) -> (tensor<7xf64>, tensor<7xf64>, tensor<7xf64>, tensor<7xf64>) {
      %0 = arith.maximumf %x, %y : tensor<7xf64>
      %1 = arith.minimumf %x, %y : tensor<7xf64>
      %2 = arith.maxnumf %x, %y : tensor<7xf64>
      %3 = arith.minnumf %x, %y : tensor<7xf64>
      return %0, %1, %2, %3 : tensor<7xf64>, tensor<7xf64>, tensor<7xf64>, tensor<7xf64> })"},
    {"select", R"(func.func @f(%c: tensor<7xi1>, %x: tensor<7xf64>, %y: tensor<7xf64>) -> tensor<7xf64> {
      %0 = arith.select %c, %x, %y : tensor<7xi1>, tensor<7xf64>
      return %0 : tensor<7xf64> })"},
    {"select_scalar", R"(func.func @f(%x: tensor<f64>, %y: tensor<f64>) -> tensor<f64> {
      %c = arith.cmpf olt, %x, %y : tensor<f64>
      %0 = arith.select %c, %x, %y : tensor<i1>, tensor<f64>
      return %0 : tensor<f64> })"},

    // math.
    {"exponentials", R"(func.func @f(%x: tensor<5xf64>) -> (tensor<5xf64>, tensor<5xf64>, tensor<5xf64>) {
      %0 = math.exp %x : tensor<5xf64>
      %1 = math.exp2 %x : tensor<5xf64>
      %2 = math.expm1 %x : tensor<5xf64>
      return %0, %1, %2 : tensor<5xf64>, tensor<5xf64>, tensor<5xf64> })"},
    {"logarithms",
     R"(func.func @f(%x: tensor<5xf64> {test.low = 0.5, test.high = 2.0}) -> (tensor<5xf64>, tensor<5xf64>, tensor<5xf64>, tensor<5xf64>) {
      %0 = math.log %x : tensor<5xf64>
      %1 = math.log2 %x : tensor<5xf64>
      %2 = math.log10 %x : tensor<5xf64>
      %3 = math.log1p %x : tensor<5xf64>
      return %0, %1, %2, %3 : tensor<5xf64>, tensor<5xf64>, tensor<5xf64>, tensor<5xf64> })"},
    {"roots",
     R"(func.func @f(%x: tensor<5xf64> {test.low = 0.5, test.high = 2.0}) -> (tensor<5xf64>, tensor<5xf64>, tensor<5xf64>) {
      %0 = math.sqrt %x : tensor<5xf64>
      %1 = math.rsqrt %x : tensor<5xf64>
      %2 = math.cbrt %x : tensor<5xf64>
      return %0, %1, %2 : tensor<5xf64>, tensor<5xf64>, tensor<5xf64> })"},
    {"trigonometric",
     R"(func.func @f(%x: tensor<5xf64> {test.low = -0.9, test.high = 0.9}) -> (tensor<5xf64>, tensor<5xf64>, tensor<5xf64>, tensor<5xf64>, tensor<5xf64>, tensor<5xf64>) {
      %0 = math.sin %x : tensor<5xf64>
      %1 = math.cos %x : tensor<5xf64>
      %2 = math.tan %x : tensor<5xf64>
      %3 = math.asin %x : tensor<5xf64>
      %4 = math.acos %x : tensor<5xf64>
      %5 = math.atan %x : tensor<5xf64>
      return %0, %1, %2, %3, %4, %5 : tensor<5xf64>, tensor<5xf64>, tensor<5xf64>, tensor<5xf64>, tensor<5xf64>, tensor<5xf64> })"},
    {"hyperbolic",
     R"(func.func @f(%x: tensor<5xf64> {test.low = -0.9, test.high = 0.9}) -> (tensor<5xf64>, tensor<5xf64>, tensor<5xf64>, tensor<5xf64>, tensor<5xf64>) {
      %0 = math.sinh %x : tensor<5xf64>
      %1 = math.cosh %x : tensor<5xf64>
      %2 = math.tanh %x : tensor<5xf64>
      %3 = math.asinh %x : tensor<5xf64>
      %4 = math.atanh %x : tensor<5xf64>
      return %0, %1, %2, %3, %4 : tensor<5xf64>, tensor<5xf64>, tensor<5xf64>, tensor<5xf64>, tensor<5xf64> })"},
    {"acosh", R"(func.func @f(%x: tensor<5xf64> {test.low = 1.5, test.high = 3.0}) -> tensor<5xf64> {
      %0 = math.acosh %x : tensor<5xf64>
      return %0 : tensor<5xf64> })"},
    {"erf", R"(func.func @f(%x: tensor<5xf64>) -> (tensor<5xf64>, tensor<5xf64>) {
      %0 = math.erf %x : tensor<5xf64>
      %1 = math.erfc %x : tensor<5xf64>
      return %0, %1 : tensor<5xf64>, tensor<5xf64> })"},
    {"pow", R"(func.func @f(%x: tensor<5xf64> {test.low = 0.5, test.high = 2.0}, %y: tensor<5xf64>) -> tensor<5xf64> {
      %0 = math.powf %x, %y : tensor<5xf64>
      return %0 : tensor<5xf64> })"},
    {"pow_at_zero", R"(func.func @f(%x: tensor<3xf64> {test.constant}, %z: tensor<3xf64>) -> tensor<3xf64> {
      %two = arith.constant dense<[2.0, 3.0, 0.0]> : tensor<3xf64>
      %zero = arith.constant dense<0.0> : tensor<3xf64>
      %masked = arith.mulf %z, %zero : tensor<3xf64>
      %0 = math.powf %masked, %two : tensor<3xf64>
      return %0 : tensor<3xf64> })"},
    {"abs", R"(func.func @f(%x: tensor<9xf64>, %y: tensor<9xf64> {test.constant}) -> (tensor<9xf64>, tensor<9xf64>) {
      %0 = math.absf %x : tensor<9xf64>
      %1 = math.copysign %x, %y : tensor<9xf64>
      return %0, %1 : tensor<9xf64>, tensor<9xf64> })"},
    {"fma_atan2", R"(func.func @f(%x: tensor<5xf64>, %y: tensor<5xf64>, %z: tensor<5xf64>) -> tensor<5xf64> {
      %0 = math.fma %x, %y, %z : tensor<5xf64>
      %1 = math.atan2 %0, %y : tensor<5xf64>
      return %1 : tensor<5xf64> })"},
    {"steps", R"(func.func @f(%x: tensor<5xf64>) -> tensor<5xf64> {
      %0 = math.floor %x : tensor<5xf64>
      %1 = math.ceil %x : tensor<5xf64>
      %2 = math.round %x : tensor<5xf64>
      %3 = arith.addf %0, %1 : tensor<5xf64>
      %4 = arith.addf %3, %2 : tensor<5xf64>
      %5 = arith.mulf %4, %x : tensor<5xf64>
      return %5 : tensor<5xf64> })"},
};

class OpGradient : public testing::TestWithParam<OpCase> {};

TEST_P(OpGradient, EqualsCentralDifference) {
  auto context = makeContext();
  auto module = parse(*context, GetParam().text);
  ASSERT_TRUE(module);
  std::mt19937_64 random(7);
  checkGradients(module->lookupSymbol<func::FuncOp>("f"), random, GetParam().check);
}

TEST_P(OpGradient, ReadsWhatItSaves) {
  auto context = makeContext();
  auto module = parse(*context, GetParam().text);
  ASSERT_TRUE(module);
  checkSavedValues(module->lookupSymbol<func::FuncOp>("f"));
  EXPECT_TRUE(succeeded(module->verify()));
}

TEST_P(OpGradient, HasTheTypesOfNarrowOperands) {
  std::string text = GetParam().text;
  for (size_t at = text.find("f64"); at != std::string::npos; at = text.find("f64", at))
    text.replace(at, 3, "bf16");
  auto context = makeContext();
  auto module = parse(*context, text);
  ASSERT_TRUE(module);
  checkSavedValues(module->lookupSymbol<func::FuncOp>("f"));
  EXPECT_TRUE(succeeded(module->verify()));
}

INSTANTIATE_TEST_SUITE_P(Ops, OpGradient, testing::ValuesIn(kCases),
                         [](const testing::TestParamInfo<OpCase> &info) { return std::string(info.param.name); });

} // namespace
