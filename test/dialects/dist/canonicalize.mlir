// RUN: weft-opt %s --split-input-file --canonicalize --cse | FileCheck %s

// A part of a sum over ranks is reduced where it is wanted.
// CHECK-LABEL: func.func @slice_of_reduction
// CHECK-NEXT: %[[R:.*]] = dist.reduce_scatter sum %arg0 dims [1] over ["dp"] {dist.region = "backward"} : tensor<4x8xf32> -> tensor<4x4xf32>
// CHECK-NEXT: return %[[R]]
dist.mesh @mesh ["tp", "dp"] [2, 2]
func.func @slice_of_reduction(%x: tensor<4x8xf32>) -> tensor<4x4xf32> {
  %0 = dist.all_reduce sum %x over ["dp"] {dist.region = "backward"} : tensor<4x8xf32> -> tensor<4x8xf32>
  %1 = dist.local_slice %0 dim 1 over ["dp"] : tensor<4x8xf32> -> tensor<4x4xf32>
  return %1 : tensor<4x4xf32>
}

// -----

// What does not cut is reduced when the tensor is smaller.
// CHECK-LABEL: func.func @slice_of_more
// CHECK-NEXT: %[[S:.*]] = dist.reduce_scatter max %arg0 dims [0] over ["dp"] : tensor<4x8xf32> -> tensor<2x8xf32>
// CHECK-NEXT: %[[R:.*]] = dist.all_reduce max %[[S]] over ["tp"]
// CHECK-NEXT: return %[[R]]
dist.mesh @mesh ["tp", "dp"] [2, 2]
func.func @slice_of_more(%x: tensor<4x8xf32>) -> tensor<2x8xf32> {
  %0 = dist.all_reduce max %x over ["tp", "dp"] : tensor<4x8xf32> -> tensor<4x8xf32>
  %1 = dist.local_slice %0 dim 0 over ["dp"] : tensor<4x8xf32> -> tensor<2x8xf32>
  return %1 : tensor<2x8xf32>
}

// -----

// The whole sum is wanted as well, or the slice is along another axis: nothing to gain.
// CHECK-LABEL: func.func @kept
// CHECK: dist.all_reduce
// CHECK: dist.local_slice
// CHECK: dist.all_reduce
// CHECK: dist.local_slice
dist.mesh @mesh ["tp", "dp"] [2, 2]
func.func @kept(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>) {
  %0 = dist.all_reduce sum %x over ["dp"] : tensor<4x8xf32> -> tensor<4x8xf32>
  %1 = dist.local_slice %0 dim 0 over ["dp"] : tensor<4x8xf32> -> tensor<2x8xf32>
  %2 = dist.all_reduce sum %y over ["dp"] : tensor<4x8xf32> -> tensor<4x8xf32>
  %3 = dist.local_slice %2 dim 0 over ["tp"] : tensor<4x8xf32> -> tensor<2x8xf32>
  return %0, %1, %3 : tensor<4x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>
}

// -----

// CHECK-LABEL: func.func @back_and_forth
// CHECK-NEXT: return %arg0, %arg1
dist.mesh @mesh ["dp"] [2]
func.func @back_and_forth(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %0 = dist.all_gather %x dims [1] over ["dp"] : tensor<4x8xf32> -> tensor<4x16xf32>
  %1 = dist.local_slice %0 dim 1 over ["dp"] : tensor<4x16xf32> -> tensor<4x8xf32>
  %2 = dist.local_slice %y dim 0 over ["dp"] : tensor<4x8xf32> -> tensor<2x8xf32>
  %3 = dist.all_gather %2 dims [0] over ["dp"] : tensor<2x8xf32> -> tensor<4x8xf32>
  return %1, %3 : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// Along another dimension the part is another one.
// CHECK-LABEL: func.func @not_back
// CHECK: dist.all_gather
// CHECK: dist.local_slice
dist.mesh @mesh ["dp"] [2]
func.func @not_back(%x: tensor<4x8xf32>) -> tensor<2x16xf32> {
  %0 = dist.all_gather %x dims [1] over ["dp"] : tensor<4x8xf32> -> tensor<4x16xf32>
  %1 = dist.local_slice %0 dim 0 over ["dp"] : tensor<4x16xf32> -> tensor<2x16xf32>
  return %1 : tensor<2x16xf32>
}

// -----

// The gathers of one region are one, those of different regions are not.
// CHECK-LABEL: func.func @regions
// CHECK-COUNT-2: dist.all_gather
// CHECK-NOT: dist.all_gather
dist.mesh @mesh ["dp"] [2]
func.func @regions(%x: tensor<4x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>) {
  %0 = dist.all_gather %x dims [0] over ["dp"] {dist.region = "forward"} : tensor<4x8xf32> -> tensor<8x8xf32>
  %1 = dist.all_gather %x dims [0] over ["dp"] {dist.region = "forward"} : tensor<4x8xf32> -> tensor<8x8xf32>
  %2 = dist.all_gather %x dims [0] over ["dp"] {dist.region = "backward"} : tensor<4x8xf32> -> tensor<8x8xf32>
  return %0, %1, %2 : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>
}

// -----

// Chains of reshards are one, and nothing if they end where they began.
// CHECK-LABEL: func.func @chain
// CHECK-NEXT: %[[R:.*]] = dist.reshard %arg0 from <{{\[}}["dp"], []]> to <{{\[}}[], ["dp"]]>
// CHECK-NEXT: return %[[R]], %arg0
dist.mesh @mesh ["dp"] [2]
func.func @chain(%x: tensor<4x8xf32>) -> (tensor<8x4xf32>, tensor<4x8xf32>) {
  %0 = dist.reshard %x from <[["dp"], []]> to <[[], []]> : tensor<4x8xf32> -> tensor<8x8xf32>
  %1 = dist.reshard %0 from <[[], []]> to <[[], ["dp"]]> : tensor<8x8xf32> -> tensor<8x4xf32>
  %2 = dist.reshard %x from <[["dp"], []]> to <[["dp"], []]> : tensor<4x8xf32> -> tensor<4x8xf32>
  return %1, %2 : tensor<8x4xf32>, tensor<4x8xf32>
}

// -----

// CHECK-LABEL: func.func @gathers
// CHECK-NEXT: %[[R:.*]] = dist.all_gather %arg0 dims [0] over ["tp", "dp"] : tensor<4x8xf32> -> tensor<16x8xf32>
// CHECK-NEXT: return %[[R]]
dist.mesh @mesh ["tp", "dp"] [2, 2]
func.func @gathers(%x: tensor<4x8xf32>) -> tensor<16x8xf32> {
  %0 = dist.all_gather %x dims [0] over ["dp"] : tensor<4x8xf32> -> tensor<8x8xf32>
  %1 = dist.all_gather %0 dims [0] over ["tp"] : tensor<8x8xf32> -> tensor<16x8xf32>
  return %1 : tensor<16x8xf32>
}
