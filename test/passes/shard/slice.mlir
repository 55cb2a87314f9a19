// RUN: weft-opt %s --split-input-file --weft-propagate --weft-partition --weft-lower-reshards --canonicalize --cse | FileCheck %s

// Of a cut dimension that little is sliced of, a rank gives what it has and zeros: the token is a sum, which is all that is sent.
dist.mesh @mesh ["tp"] [2]
// CHECK-LABEL: func.func @token
func.func @token(%x: tensor<4x16x8xf32>) -> tensor<4x1x8xf32> {
  // CHECK: %[[PART:.*]] = math.exp %{{.*}} : tensor<4x8x8xf32>
  // CHECK: dist.axis_index ["tp"]
  // CHECK: %[[ROW:.*]] = weft.gather %[[PART]][{{.*}}] axis 1 : tensor<4x8x8xf32>, tensor<1xi64> -> tensor<4x1x8xf32>
  // CHECK: %[[OWN:.*]] = arith.select %{{.*}}, %[[ROW]], %{{.*}} : tensor<4x1x8xi1>, tensor<4x1x8xf32>
  // CHECK: dist.all_reduce sum %[[OWN]] over ["tp"] {{.*}}: tensor<4x1x8xf32>
  // CHECK-NOT: dist.all_gather
  %y = math.exp %x : tensor<4x16x8xf32>
  %cut = dist.constrain %y <[[], ["tp"], []]> priority 2 origin "positions between blocks" : tensor<4x16x8xf32>
  %token = weft.slice %cut offsets [0, 3, 0] strides [1, 1, 1] : tensor<4x16x8xf32> -> tensor<4x1x8xf32>
  return %token : tensor<4x1x8xf32>
}

// -----

// Of most of it the rest would be sent as zeros: it is gathered.
dist.mesh @mesh ["tp"] [2]
// CHECK-LABEL: func.func @most
func.func @most(%x: tensor<4x16x8xf32>) -> tensor<4x12x8xf32> {
  // CHECK: dist.all_gather %{{.*}} dims [1] over ["tp"]
  // CHECK: weft.slice %{{.*}} : tensor<4x16x8xf32> -> tensor<4x12x8xf32>
  // CHECK-NOT: dist.all_reduce
  %y = math.exp %x : tensor<4x16x8xf32>
  %cut = dist.constrain %y <[[], ["tp"], []]> priority 2 origin "positions between blocks" : tensor<4x16x8xf32>
  %most = weft.slice %cut offsets [0, 2, 0] strides [1, 1, 1] : tensor<4x16x8xf32> -> tensor<4x12x8xf32>
  return %most : tensor<4x12x8xf32>
}
