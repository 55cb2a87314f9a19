// RUN: weft-opt %s --pass-pipeline='builtin.module(func.func(weft-delay-readers))' | FileCheck %s

dist.mesh @mesh ["dp"] [2]

// The parts of the norm wait until the next gradient is being reduced; the last one has nothing to wait for.
// CHECK-LABEL: func.func @norm
// CHECK: %[[A:.*]] = dist.all_reduce
// CHECK-NEXT: math.cos
// CHECK-NEXT: %[[B:.*]] = dist.all_reduce
// CHECK-NEXT: %[[NA:.*]] = math.exp %[[A]]
// CHECK-NEXT: math.absf %[[NA]]
// CHECK-NEXT: math.sin
// CHECK-NEXT: %[[C:.*]] = dist.all_reduce
// CHECK-NEXT: math.exp %[[B]]
// CHECK-NEXT: math.exp %[[C]]
func.func @norm(%a: tensor<8xf32>, %b: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %0 = dist.all_reduce sum %a over ["dp"] : tensor<8xf32> -> tensor<8xf32>
  %1 = math.exp %0 : tensor<8xf32>
  %2 = math.absf %1 : tensor<8xf32>
  %3 = math.cos %b : tensor<8xf32>
  %4 = dist.all_reduce sum %3 over ["dp"] : tensor<8xf32> -> tensor<8xf32>
  %5 = math.exp %4 : tensor<8xf32>
  %6 = math.sin %b : tensor<8xf32>
  %7 = dist.all_reduce sum %6 over ["dp"] : tensor<8xf32> -> tensor<8xf32>
  %8 = math.exp %7 : tensor<8xf32>
  return %2, %5, %8 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// What the next reduction, or a gather before it, needs stays where it is.
// CHECK-LABEL: func.func @chain
// CHECK: dist.all_reduce
// CHECK-NEXT: math.exp
// CHECK-NEXT: dist.all_reduce
// CHECK-NEXT: math.sin
// CHECK-NEXT: dist.all_gather
// CHECK-NEXT: math.cos
// CHECK-NEXT: dist.all_reduce
func.func @chain(%a: tensor<8xf32>, %b: tensor<8xf32>) -> (tensor<16xf32>, tensor<8xf32>) {
  %0 = dist.all_reduce sum %a over ["dp"] : tensor<8xf32> -> tensor<8xf32>
  %1 = math.exp %0 : tensor<8xf32>
  %2 = dist.all_reduce sum %1 over ["dp"] : tensor<8xf32> -> tensor<8xf32>
  %3 = math.sin %2 : tensor<8xf32>
  %4 = dist.all_gather %3 dims [0] over ["dp"] : tensor<8xf32> -> tensor<16xf32>
  %5 = math.cos %b : tensor<8xf32>
  %6 = dist.all_reduce sum %5 over ["dp"] : tensor<8xf32> -> tensor<8xf32>
  return %4, %6 : tensor<16xf32>, tensor<8xf32>
}

// Behind as many small reductions as it takes.
// CHECK-LABEL: func.func @small
// CHECK: %[[A:.*]] = dist.all_reduce
// CHECK-NEXT: %[[B:.*]] = dist.all_reduce
// CHECK-NEXT: math.sin
// CHECK-NEXT: dist.all_reduce
// CHECK-NEXT: math.cos %[[B]]
// CHECK-NEXT: math.exp %[[A]]
func.func @small(%a: tensor<8xf32>, %b: tensor<2xf32>) -> (tensor<8xf32>, tensor<2xf32>, tensor<2xf32>) {
  %0 = dist.all_reduce sum %a over ["dp"] : tensor<8xf32> -> tensor<8xf32>
  %1 = math.exp %0 : tensor<8xf32>
  %2 = dist.all_reduce sum %b over ["dp"] : tensor<2xf32> -> tensor<2xf32>
  %3 = math.cos %2 : tensor<2xf32>
  %4 = math.sin %b : tensor<2xf32>
  %5 = dist.all_reduce sum %4 over ["dp"] : tensor<2xf32> -> tensor<2xf32>
  return %1, %3, %5 : tensor<8xf32>, tensor<2xf32>, tensor<2xf32>
}
