// RUN: weft-opt %s --weft-unroll-halves -split-input-file -verify-diagnostics | FileCheck %s

// What differs between the halves is there twice, in turn; a sum over both is an addition, before ranks add to it; a
// collective of one half says which.
// CHECK: dist.mesh @mesh ["shard", "tp"] [2, 2] order ["shard", "tp"]
// CHECK-LABEL: func.func @task_step
// CHECK-SAME: %[[X:.*]]: tensor<4x8xf32> {dist.sharding = #dist.sharding<{{\[\["shard"\], \[\]\]}}>
// CHECK: %[[X0:.*]] = weft.slice %[[X]] {{.*}} tensor<2x8xf32>
// CHECK: %[[X1:.*]] = weft.slice %[[X]] {{.*}} tensor<2x8xf32>
// CHECK: %[[E0:.*]] = math.exp %[[X0]]
// CHECK-NEXT: %[[E1:.*]] = math.exp %[[X1]]
// CHECK-NEXT: dist.reduce_scatter sum %[[E0]] dims [1] over ["tp"] {dist.half = 0 : i64}
// CHECK-NEXT: dist.reduce_scatter sum %[[E1]] dims [1] over ["tp"] {dist.half = 1 : i64}
// CHECK: %[[S0:.*]] = weft.reduce
// CHECK: %[[S1:.*]] = weft.reduce
// CHECK: %[[S:.*]] = arith.addf %[[S0]], %[[S1]]
// CHECK: dist.all_reduce sum %[[S]] over ["shard"]
// CHECK: %[[P:.*]] = dist.axis_index ["shard"]
// CHECK: arith.muli %[[P]]
dist.mesh @mesh ["shard", "tp", "half"] [2, 2, 2] order ["shard", "tp", "half"]
func.func @task_step(%x: tensor<2x8xf32> {dist.sharding = #dist.sharding<[["shard", "half"], []]>, weft.name = "x", weft.role = "data"}) -> (tensor<4xf32>, tensor<i64>, tensor<4x4xf32>) {
  %0 = math.exp %x : tensor<2x8xf32>
  %1 = dist.reduce_scatter sum %0 dims [1] over ["tp"] : tensor<2x8xf32> -> tensor<2x4xf32>
  %2 = weft.reduce sum %1 dims [0] : tensor<2x4xf32> -> tensor<4xf32>
  %3 = dist.all_reduce sum %2 over ["shard", "half"] : tensor<4xf32> -> tensor<4xf32>
  %4 = dist.axis_index ["shard", "half"] : tensor<i64>
  %6 = dist.all_gather %1 dims [0] over ["half"] : tensor<2x4xf32> -> tensor<4x4xf32>
  %7 = dist.axis_index ["shard"] : tensor<i64>
  return %3, %7, %6 : tensor<4xf32>, tensor<i64>, tensor<4x4xf32>
}

// -----

// Where the halves cut another dimension afterwards, each gets its part of what both make.
// CHECK-LABEL: func.func @task_step
// CHECK: %[[X0:.*]] = weft.slice %arg0 offsets [0, 0]
// CHECK: %[[X1:.*]] = weft.slice %arg0 offsets [2, 0]
// CHECK: %[[SUM:.*]] = arith.addf %[[X0]], %[[X1]]
// CHECK: %[[R:.*]] = dist.reduce_scatter sum %[[SUM]] dims [1] over ["tp"] : tensor<2x8xf32> -> tensor<2x4xf32>
// CHECK: weft.slice %[[R]] offsets [0, 0] {{.*}} tensor<2x2xf32>
// CHECK: weft.slice %[[R]] offsets [0, 2] {{.*}} tensor<2x2xf32>
// CHECK: %[[BOTH:.*]] = weft.concat %[[X0]], %[[X1]] dim 0
// CHECK: weft.slice %[[BOTH]] offsets [0, 0] {{.*}} tensor<4x4xf32>
// CHECK: weft.slice %[[BOTH]] offsets [0, 4] {{.*}} tensor<4x4xf32>
dist.mesh @mesh ["tp", "half"] [2, 2]
func.func @task_step(%x: tensor<2x8xf32> {dist.sharding = #dist.sharding<[["half"], []]>, weft.name = "x", weft.role = "data"}) -> (tensor<f32>, tensor<f32>) {
  %0 = dist.reduce_scatter sum %x dims [1] over ["tp", "half"] : tensor<2x8xf32> -> tensor<2x2xf32>
  %1 = dist.all_to_all %x split [1] concat [0] over ["half"] : tensor<2x8xf32> -> tensor<4x4xf32>
  %2 = weft.reduce sum %0 dims [0, 1] : tensor<2x2xf32> -> tensor<f32>
  %3 = dist.all_reduce sum %2 over ["half"] : tensor<f32> -> tensor<f32>
  %4 = weft.reduce sum %1 dims [0, 1] : tensor<4x4xf32> -> tensor<f32>
  %5 = dist.all_reduce sum %4 over ["half"] : tensor<f32> -> tensor<f32>
  return %3, %5 : tensor<f32>, tensor<f32>
}

// -----

// What would have to be exchanged with other ranks is refused.
dist.mesh @mesh ["tp", "half"] [2, 2]
func.func @task_step(%x: tensor<2x8xf32> {dist.sharding = #dist.sharding<[["half"], []]>, weft.name = "x", weft.role = "data"}) -> tensor<8x2xf32> {
  // expected-error@+1 {{exchanges what the halves of the batch would have to exchange with other ranks; compile with --batch-halves off}}
  %0 = dist.all_to_all %x split [1] concat [0] over ["tp", "half"] : tensor<2x8xf32> -> tensor<8x2xf32>
  return %0 : tensor<8x2xf32>
}

// -----

dist.mesh @mesh ["tp", "half"] [2, 2]
weft.state probe @s : tensor<2x8xf32> = 0.0
func.func @task_step(%x: tensor<2x8xf32> {dist.sharding = #dist.sharding<[["half"], []]>, weft.name = "x", weft.role = "data"}) {
  // expected-error@+1 {{needs a value that differs between the halves of the batch}}
  weft.write @s, %x : tensor<2x8xf32>
  return
}
