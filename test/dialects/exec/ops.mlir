// RUN: weft-opt %s | weft-opt | FileCheck %s

// Kernels that are being formed hold tensors.
// CHECK-LABEL: func.func @tensors
// CHECK: exec.fused row 4 x 8(%arg0) : (tensor<4x8xf32>) -> tensor<4xf32>
// CHECK: exec.yield %{{.*}} : tensor<4xf32>
// CHECK: exec.product %arg0, %arg1 bias %arg2 batch [] x [] contract [1] x [0]
// CHECK: exec.materialize %arg0 : tensor<4x8xf32>
func.func @tensors(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>, %b: tensor<8xf32>) -> tensor<4xf32> {
  %0 = exec.fused row 4 x 8 (%x) : (tensor<4x8xf32>) -> tensor<4xf32> {
  ^bb0(%in: tensor<4x8xf32>):
    %r = weft.reduce sum %in dims [1] : tensor<4x8xf32> -> tensor<4xf32>
    exec.yield %r : tensor<4xf32>
  }
  %1 = exec.product %x, %w bias %b batch [] x [] contract [1] x [0] : (tensor<4x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  %2 = exec.materialize %x : tensor<4x8xf32>
  return %0 : tensor<4xf32>
}

// CHECK: exec.input @ids : tensor<4xi64> "tokens" at 64 limit 9
exec.input @ids : tensor<4xi64> "tokens" at 64 limit 9
// CHECK: exec.constant @c0 = dense<[1, 2]> : tensor<2xi64>
exec.constant @c0 = dense<[1, 2]> : tensor<2xi64>

// A task's ops read and write places in the arena.
// CHECK: exec.task @step temporaries 128
// CHECK: exec.buffer @c0 + 0 : memref<2xi64>
// CHECK: exec.launch @k0(%{{.*}}, %{{.*}}) : memref<4x8xf32>, memref<4x8xf32>
// CHECK: exec.matmul %{{.*}}, %{{.*}} bias %{{.*}} -> %{{.*}} :
// CHECK: exec.copy %{{.*}} -> %{{.*}} :
exec.task @step temporaries 128 {
  %c = exec.buffer @c0 + 0 : memref<2xi64>
  %0 = exec.buffer 0 : memref<4x8xf32>
  %1 = exec.buffer 128 : memref<4x8xf32>
  %2 = exec.buffer 256 : memref<8x8xf32, strided<[1, 8]>>
  %3 = exec.buffer 512 : memref<8xf32>
  exec.launch @k0(%0, %1) : memref<4x8xf32>, memref<4x8xf32>
  exec.matmul %0, %2 bias %3 -> %1 : memref<4x8xf32>, memref<8x8xf32, strided<[1, 8]>>, memref<8xf32>, memref<4x8xf32>
  exec.copy %0 -> %1 : memref<4x8xf32>, memref<4x8xf32>
}
