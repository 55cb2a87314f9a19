// RUN: weft-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(weft-form-kernels,weft-prefetch-gathers),weft-schedule{overlap=true},weft-verify-schedule)' | FileCheck %s
// RUN: weft-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(weft-form-kernels),weft-schedule,weft-verify-schedule)' | FileCheck %s --check-prefix=ONE

// Two gathers start with the task, the second one while the first product runs; the products wait for one each. The all-reduce
// comes after the product it reads, and the task ends when it is done. What the first gather gave is free by then.
// CHECK-LABEL: exec.task @t
// CHECK-SAME: exec.streams = ["compute", "comm.shard"]
// CHECK-NEXT: exec.record 0
// CHECK-NEXT: exec.wait 0 {exec.stream = "comm.shard"}
// CHECK: exec.collective "all_gather" {{.*}} %0 -> %[[FIRST:.*]] {exec.number = 0 : i64, exec.reads = array<i64: -1, -1>, exec.stream = "comm.shard"}
// CHECK-NEXT: exec.record 1 {exec.stream = "comm.shard"}
// CHECK: exec.collective "all_gather" {{.*}} -> %[[SECOND:.*]] {exec.number = 1
// CHECK-NEXT: exec.record 2 {exec.stream = "comm.shard"}
// CHECK: exec.launch @k0
// CHECK-NEXT: exec.wait 1
// CHECK: exec.matmul %{{.*}}, %[[FIRST]] -> %[[PRODUCT:[0-9]+]]
// CHECK-NEXT: exec.wait 2
// CHECK-NEXT: exec.matmul %[[PRODUCT]], %[[SECOND]] -> %[[FIRST]] {exec.number = 4 : i64, exec.reads = array<i64: 3, 1, -1>}
// CHECK-NEXT: exec.record 3
// CHECK-NEXT: exec.wait 3 {exec.stream = "comm.shard"}
// CHECK: exec.collective "all_reduce"
// CHECK-NEXT: exec.record 4 {exec.stream = "comm.shard"}
// CHECK-NEXT: exec.wait 4
// CHECK-NEXT: }

// One stream: no event, no number, each gather where it is needed.
// ONE-LABEL: exec.task @t temporaries 768 {
// ONE-NOT: exec.stream
// ONE-NOT: exec.record
// ONE: exec.collective "all_gather"
// ONE: exec.matmul
// ONE: exec.collective "all_gather"
// ONE: exec.matmul
dist.mesh @mesh ["shard"] [2]
weft.param @w : tensor<4x8xf32> trainable = #weft.constant<1.0 : f64>
weft.param @v : tensor<4x8xf32> trainable = #weft.constant<1.0 : f64>
weft.state probe @a : tensor<8x8xf32> = 0.0
func.func @t(%x: tensor<8x8xf32> {weft.name = "x", weft.role = "field"}) {
  %w = weft.read @w : tensor<4x8xf32>
  %g = dist.all_gather %w dims [0] over ["shard"] : tensor<4x8xf32> -> tensor<8x8xf32>
  %0 = math.exp %x : tensor<8x8xf32>
  %1 = weft.dot_general %0, %g batch [] x [] contract [1] x [0] : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %v = weft.read @v : tensor<4x8xf32>
  %h = dist.all_gather %v dims [0] over ["shard"] : tensor<4x8xf32> -> tensor<8x8xf32>
  %2 = weft.dot_general %1, %h batch [] x [] contract [1] x [0] : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %3 = dist.all_reduce sum %2 over ["shard"] : tensor<8x8xf32> -> tensor<8x8xf32>
  weft.write @a, %3 : tensor<8x8xf32>
  return
}

// -----

// Collectives over different axes have different streams, and an event between them, though neither reads the other's result.
// CHECK-LABEL: exec.task @two
// CHECK-SAME: exec.streams = ["compute", "comm.dp", "comm.tp"]
// CHECK: exec.collective "all_reduce" {{.*}} over ["dp"]
// CHECK-NEXT: exec.record [[EVENT:[0-9]+]] {exec.stream = "comm.dp"}
// CHECK: exec.wait [[EVENT]] {exec.stream = "comm.tp"}
// CHECK: exec.collective "all_reduce" {{.*}} over ["tp"]
dist.mesh @mesh ["tp", "dp"] [2, 2]
weft.state probe @a : tensor<8x8xf32> = 0.0
weft.state probe @b : tensor<8x8xf32> = 0.0
func.func @two(%x: tensor<8x8xf32> {weft.name = "x", weft.role = "field"}) {
  %0 = dist.all_reduce sum %x over ["dp"] : tensor<8x8xf32> -> tensor<8x8xf32>
  %1 = dist.all_reduce sum %x over ["tp"] : tensor<8x8xf32> -> tensor<8x8xf32>
  weft.write @a, %0 : tensor<8x8xf32>
  weft.write @b, %1 : tensor<8x8xf32>
  return
}
