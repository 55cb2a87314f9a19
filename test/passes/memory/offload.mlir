// RUN: weft-opt %s --weft-offload='activations=true horizon=1' | FileCheck %s
// RUN: weft-opt %s --weft-offload='activations=true horizon=2' | FileCheck %s --check-prefix=TWO
// RUN: weft-opt %s --weft-offload='activations=true horizon=4' 2>&1 | FileCheck %s --check-prefix=FEW
// RUN: weft-opt %s --weft-offload='optimizer=true updates=device horizon=1' | FileCheck %s --check-prefix=STATES
// RUN: weft-opt %s --pass-pipeline='builtin.module(weft-offload{optimizer=true updates=host horizon=1},weft-schedule{overlap=true horizon=1},weft-verify-schedule)' | FileCheck %s --check-prefix=HOST
// RUN: weft-opt %s --pass-pipeline='builtin.module(weft-offload{activations=true optimizer=true updates=device horizon=1},weft-schedule{overlap=true horizon=1},weft-verify-schedule)' | FileCheck %s --check-prefix=SCHEDULE

// Of four blocks the last one's product stays. The others' go to the host behind their last reader, and come back before the block behind them is
// differentiated.
// CHECK-LABEL: func.func @task_step
// CHECK: %[[H0:.*]] = exec.product %arg0, %arg1
// CHECK-NEXT: %[[H1:.*]] = exec.product %[[H0]], %arg1
// CHECK-NEXT: %[[A0:.*]] = exec.transfer %[[H0]] to_host moment 1
// CHECK-NEXT: %[[H2:.*]] = exec.product %[[H1]], %arg1
// CHECK-NEXT: %[[A1:.*]] = exec.transfer %[[H1]] to_host moment 2
// CHECK-NEXT: %[[H3:.*]] = exec.product %[[H2]], %arg1
// CHECK-NEXT: %[[A2:.*]] = exec.transfer %[[H2]] to_host moment 3
// CHECK-NEXT: %[[B2:.*]] = exec.transfer %[[A2]] moment 4
// CHECK-NEXT: exec.product %[[H3]], %arg0
// CHECK-NEXT: %[[B1:.*]] = exec.transfer %[[A1]] moment 5
// CHECK-NEXT: exec.product %[[B2]], %arg0
// CHECK-NEXT: %[[B0:.*]] = exec.transfer %[[A0]] moment 6
// CHECK-NEXT: exec.product %[[B1]], %arg0
// CHECK-NEXT: exec.product %[[B0]], %arg0

// TWO-LABEL: func.func @task_step
// TWO-COUNT-4: exec.transfer
// TWO-NOT: exec.transfer

// FEW: remark: --offload activations moves nothing: the model has 4 repeated blocks, and what the last 4 save is needed at once (--offload-horizon)
// FEW-NOT: exec.transfer

// STATES: weft.state moment @m0 : tensor<4x4xf32> = 0.000000e+00 of @w0 {exec.host}
// STATES: weft.state probe @d2
// STATES-NOT: exec.host
// STATES-LABEL: func.func @task_step
// STATES: %[[M0:.*]] = weft.read @m0
// STATES: %[[F0:.*]] = exec.transfer %[[M0]] moment 0
// STATES: %[[M1:.*]] = weft.read @m1
// STATES: %[[F1:.*]] = exec.transfer %[[M1]] moment 0
// STATES: %[[N0:.*]] = exec.fused flat 4 x 4(%[[F0]],
// STATES: %[[S0:.*]] = exec.transfer %[[N0]] to_host moment 0
// STATES: %[[N1:.*]] = exec.fused flat 4 x 4(%[[F1]],
// STATES: %[[S1:.*]] = exec.transfer %[[N1]] to_host moment 1
// STATES: weft.write @m0, %[[S0]]
// STATES: weft.write @m1, %[[S1]]

// States are the first part of host memory. The computing stream waits for the copy of the first block before the third.
// SCHEDULE: exec.host_bytes = 320 : i64, exec.host_persistent_bytes = 128 : i64
// SCHEDULE: exec.task @task_step
// SCHEDULE-SAME: exec.streams = ["compute", "to_host", "to_device"]
// SCHEDULE: %[[AWAY:.*]] = exec.buffer host + 128 : memref<4x4xf32>
// SCHEDULE: exec.copy %{{.*}} -> %[[AWAY]] {{.*}}exec.stream = "to_host"
// SCHEDULE-NEXT: exec.record [[DONE:[0-9]+]] {exec.stream = "to_host"}
// SCHEDULE: exec.wait [[DONE]]{{$}}

// What an update on the host reads of the device goes there; it writes the state where that is.
// HOST: exec.task @task_step
// HOST-SAME: exec.streams = ["compute", "to_host", "host"]
// HOST: %[[G:.*]] = exec.buffer host + {{[0-9]+}} : memref<4x4xf32>
// HOST-NEXT: exec.copy %{{.*}} -> %[[G]] {{.*}}exec.stream = "to_host"
// HOST-NEXT: exec.record [[SENT:[0-9]+]] {exec.stream = "to_host"}
// HOST-NEXT: exec.wait [[SENT]] {exec.stream = "host"}
// HOST-NEXT: %[[M:.*]] = exec.buffer host + 0 : memref<4x4xf32>
// HOST-NEXT: exec.launch @k0(%[[M]], %[[G]]) {{.*}}exec.stream = "host"
// HOST: func.func private @k0{{.*}}exec.host
weft.param @w0 : tensor<4x4xf32> trainable = #weft.constant<1.0 : f64>
weft.param @w1 : tensor<4x4xf32> trainable = #weft.constant<1.0 : f64>
weft.state moment @m0 : tensor<4x4xf32> = 0.0 of @w0
weft.state moment @m1 : tensor<4x4xf32> = 0.0 of @w1
weft.state probe @d2 : tensor<4x4xf32> = 0.0
weft.state probe @d3 : tensor<4x4xf32> = 0.0
func.func @task_step(%x: tensor<4x4xf32> {weft.name = "x", weft.role = "field"},
                     %w: tensor<4x4xf32> {weft.name = "w", weft.role = "field"}) {
  %h0 = exec.product %x, %w batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %h1 = exec.product %h0, %w batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %h2 = exec.product %h1, %w batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %h3 = exec.product %h2, %w batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %d3 = exec.product %h3, %x batch [] x [] contract [0] x [0]
      : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc(fused<"backward">["layer"])
  %d2 = exec.product %h2, %x batch [] x [] contract [0] x [0]
      : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc(fused<"backward">["layer"])
  %d1 = exec.product %h1, %x batch [] x [] contract [0] x [0]
      : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc(fused<"backward">["layer"])
  %d0 = exec.product %h0, %x batch [] x [] contract [0] x [0]
      : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc(fused<"backward">["layer"])
  %m0 = weft.read @m0 : tensor<4x4xf32>
  %n0 = exec.fused flat 4 x 4(%m0, %d0) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%a: tensor<4x4xf32>, %b: tensor<4x4xf32>):
    %c = arith.addf %a, %b : tensor<4x4xf32>
    exec.yield %c : tensor<4x4xf32>
  }
  %m1 = weft.read @m1 : tensor<4x4xf32>
  %n1 = exec.fused flat 4 x 4(%m1, %d1) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%a: tensor<4x4xf32>, %b: tensor<4x4xf32>):
    %c = arith.addf %a, %b : tensor<4x4xf32>
    exec.yield %c : tensor<4x4xf32>
  }
  weft.write @m0, %n0 : tensor<4x4xf32>
  weft.write @m1, %n1 : tensor<4x4xf32>
  weft.write @d2, %d2 : tensor<4x4xf32>
  weft.write @d3, %d3 : tensor<4x4xf32>
  return
}
