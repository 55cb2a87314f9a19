// Dimensions that an axis does not divide: parts are rounded up, and padding is filled where it would be counted, nowhere else.
// RUN: weft-opt %s --split-input-file --weft-propagate --weft-partition --weft-lower-reshards | FileCheck %s

// What is cut by rows is multiplied as it is; the sum over rows has zeros in the padding of its last part.
dist.mesh @mesh ["tp"] [2]
// CHECK-LABEL: func.func @rows(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<4x4xf32> {{.*}}%[[W:[a-z0-9]+]]: tensor<4x4xf32>
func.func @rows(%x: tensor<7x4xf32> {dist.sharding = #dist.sharding<[["tp"], []]>}, %w: tensor<4x4xf32>) -> tensor<4xf32> {
  // CHECK: %[[Y:.*]] = weft.dot_general %[[X]], %[[W]]
  // CHECK-NOT: arith.select
  %y = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : tensor<7x4xf32>, tensor<4x4xf32> -> tensor<7x4xf32>
  // CHECK: %[[FILLED:.*]] = arith.select %{{.*}}, %[[Y]], %{{.*}} : tensor<4x4xi1>, tensor<4x4xf32>
  // CHECK: %[[SUM:.*]] = weft.reduce sum %[[FILLED]] dims [0]
  // CHECK: dist.all_reduce sum %[[SUM]] over ["tp"]
  %z = weft.reduce sum %y dims [0] : tensor<7x4xf32> -> tensor<4xf32>
  return %z : tensor<4xf32>
}

// -----

// The neutral element is the reduction's own; a gather takes the padding off.
dist.mesh @mesh ["tp"] [2]
// CHECK-LABEL: func.func @largest(
func.func @largest(%x: tensor<7x4xf32> {dist.sharding = #dist.sharding<[["tp"], []]>}) -> (tensor<4xf32>, tensor<7x4xf32>) {
  // CHECK-DAG: %[[LEAST:.*]] = arith.constant dense<0xFF800000> : tensor<4x4xf32>
  // CHECK: arith.select %{{.*}}, %{{.*}}, %[[LEAST]]
  // CHECK: dist.all_reduce max
  // CHECK: %[[ALL:.*]] = dist.all_gather %{{.*}} dims [0] over ["tp"] {{.*}}: tensor<4x4xf32> -> tensor<8x4xf32>
  // CHECK: weft.slice %[[ALL]] {{.*}}: tensor<8x4xf32> -> tensor<7x4xf32>
  %y = weft.reduce max %x dims [0] : tensor<7x4xf32> -> tensor<4xf32>
  return %y, %x : tensor<4xf32>, tensor<7x4xf32>
}

// -----

// A gradient is padded before it is scattered; zeros that are stored are known to be zeros.
dist.mesh @mesh ["shard"] [2]
weft.param @w : tensor<3xf32> trainable = #weft.constant<1.0 : f32> {dist.sharding = #dist.sharding<[["shard"]]>}
weft.state moment @m : tensor<3xf32> = 0.0 of @w {dist.sharding = #dist.sharding<[["shard"]]>}
// CHECK: weft.param @w : tensor<2xf32> {{.*}}weft.whole_shape = array<i64: 3>
// CHECK-LABEL: func.func @update(
func.func @update(%x: tensor<4x3xf32> {dist.sharding = #dist.sharding<[["shard"], []]>}) {
  // CHECK: %[[G:.*]] = weft.reduce sum %{{.*}} dims [0] : tensor<2x3xf32> -> tensor<3xf32>
  // CHECK: %[[PADDED:.*]] = weft.pad %[[G]] low [0] high [1] interior [0]
  // CHECK: %[[PART:.*]] = dist.reduce_scatter sum %[[PADDED]] dims [0] over ["shard"]
  %g = weft.reduce sum %x dims [0] : tensor<4x3xf32> -> tensor<3xf32>
  // CHECK-NOT: arith.select
  // CHECK: weft.write @m, %[[PART]]
  weft.write @m, %g : tensor<3xf32>
  return
}

// -----

// Random numbers of a part are those that the whole tensor has there.
dist.mesh @mesh ["tp"] [2]
// CHECK-LABEL: func.func @random(
func.func @random(%x: tensor<6x4xf32> {dist.sharding = #dist.sharding<[["tp"], []]>}, %seed: tensor<i64>) -> tensor<6x4xf32> {
  // CHECK: %[[INDEX:.*]] = dist.axis_index ["tp"]
  // CHECK: %[[OFFSET:.*]] = arith.muli %[[INDEX]]
  // CHECK: weft.random %{{.*}} stream 5 at %[[OFFSET]], %{{.*}} of [6, 4] : tensor<i64>, tensor<i64>, tensor<i64> -> tensor<3x4xf32>
  %r = weft.random %seed stream 5 : tensor<i64> -> tensor<6x4xf32>
  %y = arith.mulf %x, %r : tensor<6x4xf32>
  return %y : tensor<6x4xf32>
}

// -----

// A broadcast repeats a number in the padding too: a sum over it counts none of that.
dist.mesh @mesh ["tp"] [2]
// CHECK-LABEL: func.func @repeated(
func.func @repeated(%x: tensor<f32>) -> tensor<4xf32> {
  %y = weft.broadcast %x dims [] : tensor<f32> -> tensor<7x4xf32>
  %cut = dist.constrain %y <[["tp"], []]> priority 0 origin "rows" : tensor<7x4xf32>
  // CHECK: %[[Y:.*]] = weft.broadcast %{{.*}} dims [] : tensor<f32> -> tensor<4x4xf32>
  // CHECK: %[[FILLED:.*]] = arith.select %{{.*}}, %[[Y]], %{{.*}} : tensor<4x4xi1>, tensor<4x4xf32>
  // CHECK: weft.reduce sum %[[FILLED]] dims [0]
  %z = weft.reduce sum %cut dims [0] : tensor<7x4xf32> -> tensor<4xf32>
  return %z : tensor<4xf32>
}
