// RUN: weft-opt %s --weft-propagate --weft-partition --weft-lower-reshards --cse | FileCheck %s

// An MLP of a column-parallel and a row-parallel product, its weights stored in parts over `shard` besides (ZeRO-3): weights are
// gathered where they are used, in the forward and again in the backward pass; the partial sums of the second product
// are reduced once, and weight gradients are reduced into the parts in which they are stored.

dist.mesh @mesh ["tp", "shard"] [2, 2]
weft.param @up : tensor<8x32xf32> trainable = #weft.normal<0.02 : f64> {dist.sharding = #dist.sharding<[["shard"], ["tp"]]>}
weft.param @down : tensor<32x8xf32> trainable = #weft.normal<0.02 : f64> {dist.sharding = #dist.sharding<[["tp"], ["shard"]]>}
weft.state accumulator @"grad/up" : tensor<8x32xf32> = 0.0 of @up {dist.sharding = #dist.sharding<[["shard"], ["tp"]]>}

// CHECK: weft.param @up : tensor<4x16xf32>
// CHECK: weft.param @down : tensor<16x4xf32>
// CHECK-LABEL: func.func @task_step
// CHECK-SAME: %[[X:.*]]: tensor<2x8xf32>
func.func @task_step(%x: tensor<4x8xf32> {dist.sharding = #dist.sharding<[["shard"], []]>}) -> tensor<4x8xf32> {
  %up = weft.read @up : tensor<8x32xf32>
  %down = weft.read @down : tensor<32x8xf32>
  // CHECK: %[[UP:.*]] = dist.all_gather %{{.*}} dims [0] over ["shard"] {dist.region = "forward"} : tensor<4x16xf32> -> tensor<8x16xf32>
  // CHECK: %[[H:.*]] = weft.dot_general %[[X]], %[[UP]] {{.*}} -> tensor<2x16xf32>
  %h = weft.dot_general %x, %up batch [] x [] contract [1] x [0] : tensor<4x8xf32>, tensor<8x32xf32> -> tensor<4x32xf32>
  %cut = dist.constrain %h <[[], ["tp"]]> priority 0 origin "hidden" : tensor<4x32xf32>
  %a = math.tanh %cut : tensor<4x32xf32>
  // CHECK: dist.all_gather %{{.*}} dims [1] over ["shard"] {dist.region = "forward"} : tensor<16x4xf32> -> tensor<16x8xf32>
  // CHECK: %[[P:.*]] = weft.dot_general {{.*}} -> tensor<2x8xf32>
  // CHECK: dist.all_reduce sum %[[P]] over ["tp"]
  %y = weft.dot_general %a, %down batch [] x [] contract [1] x [0] : tensor<4x32xf32>, tensor<32x8xf32> -> tensor<4x8xf32>
  %z = math.tanh %y : tensor<4x8xf32>
  // CHECK: dist.all_gather %{{.*}} dims [1] over ["shard"] {dist.region = "backward"}
  %da = weft.dot_general %z, %down batch [] x [] contract [1] x [1] : tensor<4x8xf32>, tensor<32x8xf32> -> tensor<4x32xf32> loc(#back)
  // CHECK: %[[G:.*]] = weft.dot_general %[[X]], {{.*}} -> tensor<8x16xf32>
  // CHECK: dist.reduce_scatter sum %[[G]] dims [0] over ["shard"] {{.*}}: tensor<8x16xf32> -> tensor<4x16xf32>
  %g = weft.dot_general %x, %da batch [] x [] contract [0] x [0] : tensor<4x8xf32>, tensor<4x32xf32> -> tensor<8x32xf32> loc(#back)
  weft.write @"grad/up", %g : tensor<8x32xf32>
  return %z : tensor<4x8xf32>
}
#back = loc(fused<"backward">["layer"])
