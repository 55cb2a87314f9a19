// RUN: weft-opt %s --pass-pipeline='builtin.module(func.func(weft-chunk-rows{bytes=0 chunks=2}),canonicalize,cse)' | FileCheck %s

// 16-bit sums are added up in f32, and who widens them reads that.
// CHECK-LABEL: func.func @narrow
// CHECK: weft.slice
// CHECK: arith.extf {{.*}} : tensor<16x5xbf16> to tensor<16x5xf32>
// CHECK: %[[SUM:.*]] = arith.addf {{.*}} : tensor<16x5xf32>
// CHECK: return %[[SUM]]
func.func @narrow(%x: tensor<12x5xbf16>, %w: tensor<16x5xbf16>) -> tensor<16x5xf32> {
  %y = weft.dot_general %x, %w batch [] x [] contract [1] x [1] : tensor<12x5xbf16>, tensor<16x5xbf16> -> tensor<12x16xbf16>
  %z = arith.mulf %y, %y : tensor<12x16xbf16>
  %dw = weft.dot_general %z, %x batch [] x [] contract [0] x [0] : tensor<12x16xbf16>, tensor<12x5xbf16> -> tensor<16x5xbf16>
  %wide = arith.extf %dw : tensor<16x5xbf16> to tensor<16x5xf32>
  return %wide : tensor<16x5xf32>
}

