// RUN: weft-opt %s --split-input-file --weft-propagate --weft-partition --weft-lower-reshards --canonicalize --cse | FileCheck %s

// Two partial sums with something between them that all ranks have: they are added first, and reduced once.
dist.mesh @mesh ["tp"] [2]
weft.param @w1 : tensor<32x8xf32> trainable = #weft.normal<0.02 : f64> {dist.sharding = #dist.sharding<[["tp"], []]>}
weft.param @w2 : tensor<32x8xf32> trainable = #weft.normal<0.02 : f64> {dist.sharding = #dist.sharding<[["tp"], []]>}
// CHECK-LABEL: func.func @order
func.func @order(%a: tensor<4x32xf32>, %b: tensor<4x32xf32>, %x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %w1 = weft.read @w1 : tensor<32x8xf32>
  %w2 = weft.read @w2 : tensor<32x8xf32>
  %ca = dist.constrain %a <[[], ["tp"]]> priority 0 origin "hidden elements" : tensor<4x32xf32>
  %cb = dist.constrain %b <[[], ["tp"]]> priority 0 origin "hidden elements" : tensor<4x32xf32>
  // CHECK: %[[P:.*]] = weft.dot_general
  // CHECK: %[[Q:.*]] = weft.dot_general
  // CHECK: %[[SUM:.*]] = arith.addf %[[P]], %[[Q]]
  // CHECK: %[[ALL:.*]] = dist.all_reduce sum %[[SUM]] over ["tp"]
  // CHECK: arith.addf %[[ALL]], %arg2
  // CHECK-NOT: dist.all_reduce
  %p = weft.dot_general %ca, %w1 batch [] x [] contract [1] x [0] : tensor<4x32xf32>, tensor<32x8xf32> -> tensor<4x8xf32>
  %q = weft.dot_general %cb, %w2 batch [] x [] contract [1] x [0] : tensor<4x32xf32>, tensor<32x8xf32> -> tensor<4x8xf32>
  %s = arith.addf %p, %x : tensor<4x8xf32>
  %t = arith.addf %s, %q : tensor<4x8xf32>
  return %t : tensor<4x8xf32>
}

// -----

// They are in order, but the second is added to what all ranks have before they meet.
dist.mesh @mesh ["tp"] [2]
weft.param @w1 : tensor<32x8xf32> trainable = #weft.normal<0.02 : f64> {dist.sharding = #dist.sharding<[["tp"], []]>}
weft.param @w2 : tensor<32x8xf32> trainable = #weft.normal<0.02 : f64> {dist.sharding = #dist.sharding<[["tp"], []]>}
// CHECK-LABEL: func.func @nested
func.func @nested(%a: tensor<4x32xf32>, %b: tensor<4x32xf32>, %x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %w1 = weft.read @w1 : tensor<32x8xf32>
  %w2 = weft.read @w2 : tensor<32x8xf32>
  %ca = dist.constrain %a <[[], ["tp"]]> priority 0 origin "hidden elements" : tensor<4x32xf32>
  %cb = dist.constrain %b <[[], ["tp"]]> priority 0 origin "hidden elements" : tensor<4x32xf32>
  // CHECK: %[[P:.*]] = weft.dot_general
  // CHECK: %[[Q:.*]] = weft.dot_general
  // CHECK: %[[SUM:.*]] = arith.addf %[[P]], %[[Q]]
  // CHECK: %[[ALL:.*]] = dist.all_reduce sum %[[SUM]] over ["tp"]
  // CHECK: arith.addf %[[ALL]], %arg2
  // CHECK-NOT: dist.all_reduce
  %p = weft.dot_general %ca, %w1 batch [] x [] contract [1] x [0] : tensor<4x32xf32>, tensor<32x8xf32> -> tensor<4x8xf32>
  %q = weft.dot_general %cb, %w2 batch [] x [] contract [1] x [0] : tensor<4x32xf32>, tensor<32x8xf32> -> tensor<4x8xf32>
  %s = arith.addf %q, %x : tensor<4x8xf32>
  %t = arith.addf %p, %s : tensor<4x8xf32>
  return %t : tensor<4x8xf32>
}

// -----

// What is read elsewhere too is reduced for that: it does not stand before the two that can be added.
dist.mesh @mesh ["tp"] [2]
weft.param @w1 : tensor<32x8xf32> trainable = #weft.normal<0.02 : f64> {dist.sharding = #dist.sharding<[["tp"], []]>}
weft.param @w2 : tensor<32x8xf32> trainable = #weft.normal<0.02 : f64> {dist.sharding = #dist.sharding<[["tp"], []]>}
weft.param @w3 : tensor<32x8xf32> trainable = #weft.normal<0.02 : f64> {dist.sharding = #dist.sharding<[["tp"], []]>}
// CHECK-LABEL: func.func @read
func.func @read(%a: tensor<4x32xf32>, %b: tensor<4x32xf32>, %c: tensor<4x32xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %w1 = weft.read @w1 : tensor<32x8xf32>
  %w2 = weft.read @w2 : tensor<32x8xf32>
  %w3 = weft.read @w3 : tensor<32x8xf32>
  %ca = dist.constrain %a <[[], ["tp"]]> priority 0 origin "hidden elements" : tensor<4x32xf32>
  %cb = dist.constrain %b <[[], ["tp"]]> priority 0 origin "hidden elements" : tensor<4x32xf32>
  %cc = dist.constrain %c <[[], ["tp"]]> priority 0 origin "hidden elements" : tensor<4x32xf32>
  // CHECK-COUNT-2: dist.all_reduce
  // CHECK-NOT: dist.all_reduce
  %x = weft.dot_general %ca, %w1 batch [] x [] contract [1] x [0] : tensor<4x32xf32>, tensor<32x8xf32> -> tensor<4x8xf32>
  %t = math.tanh %x : tensor<4x8xf32>
  %p = weft.dot_general %cb, %w2 batch [] x [] contract [1] x [0] : tensor<4x32xf32>, tensor<32x8xf32> -> tensor<4x8xf32>
  %q = weft.dot_general %cc, %w3 batch [] x [] contract [1] x [0] : tensor<4x32xf32>, tensor<32x8xf32> -> tensor<4x8xf32>
  %s = arith.addf %p, %q : tensor<4x8xf32>
  %u = arith.addf %x, %s : tensor<4x8xf32>
  return %t, %u : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// What is whole and added to an accumulator that is stored as a sum is one rank's alone: nothing is reduced.
dist.mesh @mesh ["shard"] [2]
weft.param @scale : tensor<8xf32> trainable = #weft.normal<0.02 : f64>
weft.state accumulator @"grad/scale" : tensor<8xf32> = 0.0 of @scale {dist.sharding = #dist.sharding<[[]], unreduced = ["shard"]>}
// CHECK-LABEL: func.func @task_next
func.func @task_next(%x: tensor<4x8xf32> {dist.sharding = #dist.sharding<[["shard"], []]>}) -> tensor<4x8xf32> {
  // CHECK: %[[TOTAL:.*]] = dist.all_reduce sum
  %total = weft.reduce sum %x dims [0] : tensor<4x8xf32> -> tensor<8xf32>
  %mean = math.tanh %total : tensor<8xf32>
  // CHECK: %[[MEAN:.*]] = math.tanh %[[TOTAL]]
  // CHECK: %[[READ:.*]] = weft.read @"grad/scale"
  // CHECK: %[[OWN:.*]] = arith.select {{.*}}, %[[MEAN]], %{{.*}} : tensor<8xi1>, tensor<8xf32>
  // CHECK: %[[NEW:.*]] = arith.addf %[[READ]], %[[OWN]]
  // CHECK: weft.write @"grad/scale", %[[NEW]]
  // CHECK-NOT: dist.all_reduce
  %read = weft.read @"grad/scale" : tensor<8xf32>
  %new = arith.addf %read, %mean : tensor<8xf32>
  weft.write @"grad/scale", %new : tensor<8xf32>
  %all = weft.broadcast %mean dims [1] : tensor<8xf32> -> tensor<4x8xf32>
  return %all : tensor<4x8xf32>
}

// -----

// A number that is repeated says nothing of other ops that read it, and is made as each needs it.
dist.mesh @mesh ["shard"] [2]
weft.state moment @m : tensor<8xf32> = 0.0 {dist.sharding = #dist.sharding<[["shard"]]>}
// CHECK-LABEL: func.func @constants
func.func @constants(%x: tensor<4x8xf32> {dist.sharding = #dist.sharding<[["shard"], []]>}) -> tensor<8xf32> {
  // CHECK-DAG: %[[HALF:.*]] = arith.constant dense<5.000000e-01> : tensor<4xf32>
  // CHECK-DAG: %[[WHOLE:.*]] = arith.constant dense<5.000000e-01> : tensor<8xf32>
  %c = arith.constant dense<0.5> : tensor<8xf32>
  %m = weft.read @m : tensor<8xf32>
  // CHECK: arith.mulf %{{.*}}, %[[HALF]] : tensor<4xf32>
  %n = arith.mulf %m, %c : tensor<8xf32> loc(fused<"update">["m"])
  weft.write @m, %n : tensor<8xf32> loc(fused<"update">["m"])
  // CHECK: %[[SUM:.*]] = dist.all_reduce sum
  // CHECK: arith.mulf %[[SUM]], %[[WHOLE]] : tensor<8xf32>
  // CHECK-NOT: dist.all_gather
  %sum = weft.reduce sum %x dims [0] : tensor<4x8xf32> -> tensor<8xf32>
  %mean = arith.mulf %sum, %c : tensor<8xf32>
  return %mean : tensor<8xf32>
}
