// Reshards become the collectives that send the least, and before they are lowered it is known what that is.
// RUN: weft-opt %s --split-input-file --weft-lower-reshards --canonicalize --cse | FileCheck %s
// RUN: weft-opt %s --split-input-file --weft-record-reshards 2>&1 >/dev/null | grep remark | FileCheck %s --check-prefix=LEAST
// RUN: weft-opt %s --split-input-file --weft-lower-reshards --canonicalize --cse --weft-record-volume 2>&1 >/dev/null | grep remark | FileCheck %s --check-prefix=SENT

// Samples that y cuts behind x are put together before x goes to another dimension, not on both axes: 8 x 32 floats on four ranks, of which each
// has 1 x 32 at first, sends 1 x 32 and then half of 2 x 32.
dist.mesh @mesh ["x", "y"] [4, 2]
// CHECK-LABEL: func.func @task_step
// LEAST: remark: inputs: all_gather over [y] in forward, at least 128 bytes
// LEAST-NEXT: remark: inputs: all_to_all over [x] in forward, at least 192 bytes
// SENT: remark: inputs: 1 all_gather over [y] in forward, 128 bytes
// SENT-NEXT: remark: inputs: 1 all_to_all over [x] in forward, 192 bytes
func.func @task_step(%x: tensor<1x32xf32>) -> tensor<8x8xf32> {
  // CHECK: %[[Y:.*]] = dist.all_gather %arg0 dims [0] over ["y"] {{.*}} -> tensor<2x32xf32>
  // CHECK: dist.all_to_all %[[Y]] {{.*}} over ["x"] {{.*}} -> tensor<8x8xf32>
  %0 = dist.reshard %x from <[["x", "y"], []]> to <[[], ["x"]]> {dist.region = "forward"} : tensor<1x32xf32> -> tensor<8x8xf32>
  return %0 : tensor<8x8xf32>
}

// -----

// A sum is reduced where there is little of it, if another axis is in its way that has to leave first.
dist.mesh @mesh ["x", "y"] [2, 4]
// CHECK-LABEL: func.func @task_step
// LEAST-NEXT: remark: inputs: all_gather over [y] in forward, at least 768 bytes
// LEAST-NEXT: remark: inputs: all_reduce over [x] in forward, at least 256 bytes
// SENT-NEXT: remark: inputs: 1 all_gather over [y] in forward, 768 bytes
// SENT-NEXT: remark: inputs: 1 all_reduce over [x] in forward, 256 bytes
func.func @task_step(%x: tensor<8x8xf32>) -> tensor<16x8xf32> {
  // CHECK: %[[SUM:.*]] = dist.all_reduce sum %arg0 over ["x"]
  // CHECK: %[[ALL:.*]] = dist.all_gather %[[SUM]] dims [0] over ["y"]
  // CHECK: dist.local_slice %[[ALL]] dim 0 over ["x"]
  %0 = dist.reshard %x from <[["y"], []], unreduced = ["x"]> to <[["x"], []]> {dist.region = "forward"} : tensor<8x8xf32> -> tensor<16x8xf32>
  return %0 : tensor<16x8xf32>
}

// -----

// Two reshards of one tensor begin with the same gather, which is sent once.
dist.mesh @mesh ["x", "y"] [2, 2]
// CHECK-LABEL: func.func @task_step
// LEAST-NEXT: remark: inputs: all_gather over [x] in forward, at least 256 bytes
// LEAST-NEXT: remark: inputs: all_gather over [y] in forward, at least 512 bytes
// SENT-NEXT: remark: inputs: 1 all_gather over [x] in forward, 256 bytes
// SENT-NEXT: remark: inputs: 1 all_gather over [y] in forward, 512 bytes
func.func @task_step(%x: tensor<8x8xf32>) -> (tensor<16x8xf32>, tensor<16x16xf32>) {
  // CHECK: %[[X:.*]] = dist.all_gather %arg0 dims [0] over ["x"]
  // CHECK: %[[Y:.*]] = dist.all_gather %[[X]] dims [1] over ["y"]
  // CHECK: return %[[X]], %[[Y]]
  %0 = dist.reshard %x from <[["x"], ["y"]]> to <[[], ["y"]]> {dist.region = "forward"} : tensor<8x8xf32> -> tensor<16x8xf32>
  %1 = dist.reshard %x from <[["x"], ["y"]]> to <[[], []]> {dist.region = "forward"} : tensor<8x8xf32> -> tensor<16x16xf32>
  return %0, %1 : tensor<16x8xf32>, tensor<16x16xf32>
}
