// RUN: weft-opt %s --weft-plan-memory='remat=selective' | FileCheck %s
// RUN: weft-opt %s --weft-plan-memory='remat=none' | FileCheck %s --check-prefix=NONE
// RUN: not weft-opt %s --weft-plan-memory='remat=some' 2>&1 | FileCheck %s --check-prefix=BAD
// RUN: not weft-opt %s --weft-plan-memory='remat=each' 2>&1 | FileCheck %s --check-prefix=EACH
// BAD: error: --remat 'some' is not none, each, contiguous, group_N, selective or auto
// EACH: error: --remat each: the model has no repeated blocks to compute again

// A normalised value that the backward pass reads is computed again from the product, which it reads too, right before its reader; a statistic and a product
// are kept. The forward kernel keeps both results: its own readers need them.
weft.state probe @out : tensor<64x64xf32> = 0.0
weft.state probe @other : tensor<64x64xf32> = 0.0
weft.state probe @rows : tensor<4xf32> = 0.0

// CHECK-LABEL: func.func @task_step
// CHECK: %[[H:.*]] = exec.product %{{.*}} -> tensor<4x64xf32>
// CHECK: %[[F:.*]]:2 = exec.fused row 4 x 64(%[[H]])
// CHECK: %[[Y:.*]] = exec.product %[[F]]#1
// CHECK: %[[C:.*]] = exec.fused row 4 x 64(%[[H]], %[[F]]#0)
// CHECK-NOT: weft.reduce
// CHECK: exec.yield
// CHECK: exec.product %[[C]], %[[Y]]
// NONE-LABEL: func.func @task_step
// NONE-COUNT-1: exec.fused
// NONE-NOT: exec.fused
// NONE: return
func.func @task_step(%x: tensor<4x64xf32> {weft.name = "x", weft.role = "field"},
                     %w: tensor<64x64xf32> {weft.name = "w", weft.role = "field"}) {
  %h = exec.product %x, %w batch [] x [] contract [1] x [0]
      : (tensor<4x64xf32>, tensor<64x64xf32>) -> tensor<4x64xf32>
  %f:2 = exec.fused row 4 x 64(%h) : (tensor<4x64xf32>) -> (tensor<4xf32>, tensor<4x64xf32>) {
  ^bb0(%a: tensor<4x64xf32>):
    %s = weft.reduce sum %a dims [1] : tensor<4x64xf32> -> tensor<4xf32>
    %b = weft.broadcast %s dims [0] : tensor<4xf32> -> tensor<4x64xf32>
    %n = arith.divf %a, %b : tensor<4x64xf32>
    exec.yield %s, %n : tensor<4xf32>, tensor<4x64xf32>
  }
  %y = exec.product %f#1, %w batch [] x [] contract [1] x [0]
      : (tensor<4x64xf32>, tensor<64x64xf32>) -> tensor<4x64xf32>
  %dw = exec.product %f#1, %y batch [] x [] contract [0] x [0]
      : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<64x64xf32> loc(fused<"backward">["layer"])
  %dh = exec.product %h, %y batch [] x [] contract [0] x [0]
      : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<64x64xf32> loc(fused<"backward">["layer"])
  weft.write @out, %dw : tensor<64x64xf32>
  weft.write @other, %dh : tensor<64x64xf32>
  weft.write @rows, %f#0 : tensor<4xf32>
  return
}
