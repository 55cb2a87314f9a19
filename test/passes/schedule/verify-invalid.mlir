// RUN: weft-opt %s --split-input-file --weft-verify-schedule --verify-diagnostics

// A kernel would read what a collective on another stream may not have received yet.
module attributes {exec.arena_bytes = 384 : i64, exec.persistent_bytes = 128 : i64} {
  exec.task @t temporaries 256 attributes {exec.streams = ["compute", "comm.dp"]} {
    exec.record 0
    exec.wait 0 {exec.stream = "comm.dp"}
    %0 = exec.buffer 0 : memref<8xf32>
    %1 = exec.buffer 128 : memref<8xf32>
    // expected-note @below {{which is exec.collective, on the stream 'comm.dp'}}
    exec.collective "all_reduce" "sum" over ["dp"] ranks 2 outer [1] middle [1] inner [8] %0 -> %1 {exec.stream = "comm.dp", exec.number = 0, exec.reads = array<i64: -1, -1>} : memref<8xf32>, memref<8xf32>
    exec.record 1 {exec.stream = "comm.dp"}
    // expected-error @below {{reads bytes [128, 160) of the arena, and nothing orders it after what used them before}}
    exec.copy %1 -> %0 {exec.number = 1, exec.reads = array<i64: 0, -1>} : memref<8xf32>, memref<8xf32>
    exec.wait 1
  }
}

// -----

// A buffer is written again while a collective may still send it.
module attributes {exec.arena_bytes = 384 : i64, exec.persistent_bytes = 128 : i64} {
  exec.task @t temporaries 256 attributes {exec.streams = ["compute", "comm.dp"]} {
    %0 = exec.buffer 0 : memref<8xf32>
    %1 = exec.buffer 128 : memref<8xf32>
    %2 = exec.buffer 192 : memref<8xf32>
    exec.copy %0 -> %1 {exec.number = 0, exec.reads = array<i64: -1, -1>} : memref<8xf32>, memref<8xf32>
    exec.record 0
    exec.wait 0 {exec.stream = "comm.dp"}
    // expected-note @below {{which is exec.collective, on the stream 'comm.dp'}}
    exec.collective "all_reduce" "sum" over ["dp"] ranks 2 outer [1] middle [1] inner [8] %1 -> %2 {exec.stream = "comm.dp", exec.number = 1, exec.reads = array<i64: 0, -1>} : memref<8xf32>, memref<8xf32>
    exec.record 1 {exec.stream = "comm.dp"}
    // expected-error @below {{overwrites bytes [128, 160) of the arena, and nothing orders it after what used them before}}
    exec.copy %0 -> %1 {exec.number = 2, exec.reads = array<i64: -1, -1>} : memref<8xf32>, memref<8xf32>
    exec.wait 1
  }
}

// -----

// Nothing has written what is read.
module attributes {exec.arena_bytes = 384 : i64, exec.persistent_bytes = 128 : i64} {
  exec.task @t temporaries 256 {
    %0 = exec.buffer 0 : memref<8xf32>
    %1 = exec.buffer 128 : memref<8xf32>
    // expected-error @below {{reads bytes [128, 160) of the arena, which nothing in the task has written}}
    exec.copy %1 -> %0 : memref<8xf32>, memref<8xf32>
  }
}

// -----

// The bytes were written, but by another call than the program says.
module attributes {exec.arena_bytes = 384 : i64, exec.persistent_bytes = 128 : i64} {
  exec.task @t temporaries 256 attributes {exec.streams = ["compute", "comm.dp"]} {
    %0 = exec.buffer 0 : memref<8xf32>
    %1 = exec.buffer 128 : memref<8xf32>
    %2 = exec.buffer 64 : memref<8xf32>
    exec.copy %0 -> %1 {exec.number = 0, exec.reads = array<i64: -1, -1>} : memref<8xf32>, memref<8xf32>
    // expected-note @below {{this has written them}}
    exec.copy %0 -> %1 {exec.number = 1, exec.reads = array<i64: -1, -1>} : memref<8xf32>, memref<8xf32>
    // expected-error @below {{reads bytes [128, 160) of the arena as written by call 0, and they are not}}
    exec.copy %1 -> %2 {exec.number = 2, exec.reads = array<i64: 0, -1>} : memref<8xf32>, memref<8xf32>
  }
}

// -----

// A call was left out.
module attributes {exec.arena_bytes = 384 : i64, exec.persistent_bytes = 128 : i64} {
  exec.task @t temporaries 256 attributes {exec.streams = ["compute", "comm.dp"]} {
    %0 = exec.buffer 0 : memref<8xf32>
    %1 = exec.buffer 128 : memref<8xf32>
    // expected-error @below {{is none of the calls 0 to 0 of its task: one is missing, or has no number}}
    exec.copy %0 -> %1 {exec.number = 1, exec.reads = array<i64: -1, -1>} : memref<8xf32>, memref<8xf32>
  }
}

// -----

// The task would end before its collective does.
module attributes {exec.arena_bytes = 384 : i64, exec.persistent_bytes = 128 : i64} {
  exec.task @t temporaries 256 attributes {exec.streams = ["compute", "comm.dp"]} {
    %0 = exec.buffer 0 : memref<8xf32>
    %1 = exec.buffer 128 : memref<8xf32>
    // expected-error @below {{on the stream 'comm.dp' may still run when its task is over: the computing stream never waits for it}}
    exec.collective "all_reduce" "sum" over ["dp"] ranks 2 outer [1] middle [1] inner [8] %0 -> %1 {exec.stream = "comm.dp", exec.number = 0, exec.reads = array<i64: -1, -1>} : memref<8xf32>, memref<8xf32>
  }
}

// -----

// Two communicators at one time: ranks may begin with different ones.
module attributes {exec.arena_bytes = 512 : i64, exec.persistent_bytes = 128 : i64} {
  exec.task @t temporaries 384 attributes {exec.streams = ["compute", "comm.dp", "comm.tp"]} {
    %0 = exec.buffer 0 : memref<8xf32>
    %1 = exec.buffer 128 : memref<8xf32>
    %2 = exec.buffer 192 : memref<8xf32>
    // expected-note @below {{the other one}}
    exec.collective "all_reduce" "sum" over ["dp"] ranks 2 outer [1] middle [1] inner [8] %0 -> %1 {exec.stream = "comm.dp", exec.number = 0, exec.reads = array<i64: -1, -1>} : memref<8xf32>, memref<8xf32>
    exec.record 0 {exec.stream = "comm.dp"}
    // expected-error @below {{ranks may run them in different orders and wait for each other}}
    exec.collective "all_reduce" "sum" over ["tp"] ranks 2 outer [1] middle [1] inner [8] %0 -> %2 {exec.stream = "comm.tp", exec.number = 1, exec.reads = array<i64: -1, -1>} : memref<8xf32>, memref<8xf32>
    exec.record 1 {exec.stream = "comm.tp"}
    exec.wait 0
    exec.wait 1
  }
}

// -----

module attributes {exec.arena_bytes = 128 : i64, exec.persistent_bytes = 128 : i64} {
  exec.task @t temporaries 0 {
    // expected-error @below {{waits for event 3, which is not recorded before it}}
    exec.wait 3
    exec.record 3
  }
}

// -----

module attributes {exec.arena_bytes = 128 : i64, exec.persistent_bytes = 128 : i64} {
  exec.task @t temporaries 0 {
    // expected-note @below {{the first time}}
    exec.record 3
    // expected-error @below {{records event 3 a second time}}
    exec.record 3
  }
}

// -----

module attributes {exec.arena_bytes = 128 : i64, exec.persistent_bytes = 128 : i64} {
  exec.task @t temporaries 0 {
    // expected-error @below {{runs on the stream 'comm.dp', which its task does not have}}
    exec.record 3 {exec.stream = "comm.dp"}
  }
}

// -----

module attributes {exec.arena_bytes = 128 : i64, exec.persistent_bytes = 64 : i64} {
  exec.task @t temporaries 64 {
    %0 = exec.buffer 0 : memref<8xf32>
    %1 = exec.buffer 112 : memref<8xf32>
    // expected-error @below {{uses bytes [112, 144) of the arena, which has 128}}
    exec.copy %0 -> %1 : memref<8xf32>, memref<8xf32>
  }
}

// -----

module attributes {exec.arena_bytes = 128 : i64, exec.host_bytes = 128 : i64, exec.host_persistent_bytes = 128 : i64, exec.persistent_bytes = 128 : i64} {
  exec.task @t temporaries 0 {
    %0 = exec.buffer 0 : memref<8xf32>
    // expected-error @below {{runs on the host, and uses the arena}}
    exec.launch @k0(%0) : memref<8xf32>
  }
  func.func private @k0(%arg0: tensor<8xf32>) -> tensor<8xf32> attributes {exec.cols = 8 : i64, exec.host, exec.kind = "flat", exec.outputs = array<i64: 0>, exec.rows = 1 : i64} {
    %0 = arith.addf %arg0, %arg0 : tensor<8xf32>
    return %0 : tensor<8xf32>
  }
}

// -----

module attributes {exec.arena_bytes = 128 : i64, exec.host_bytes = 128 : i64, exec.host_persistent_bytes = 128 : i64, exec.persistent_bytes = 128 : i64} {
  exec.task @t temporaries 0 {
    %0 = exec.buffer host + 0 : memref<8xf32>
    // expected-error @below {{uses host memory, which only copies and kernels on the host do}}
    exec.launch @k0(%0) : memref<8xf32>
  }
  func.func private @k0(%arg0: tensor<8xf32>) -> tensor<8xf32> attributes {exec.cols = 8 : i64, exec.kind = "flat", exec.outputs = array<i64: 0>, exec.rows = 1 : i64} {
    %0 = arith.addf %arg0, %arg0 : tensor<8xf32>
    return %0 : tensor<8xf32>
  }
}

// -----

// What the host computes with comes after the copy that brings it.
module attributes {exec.arena_bytes = 128 : i64, exec.host_bytes = 128 : i64, exec.host_persistent_bytes = 128 : i64, exec.persistent_bytes = 128 : i64} {
  exec.task @t temporaries 0 attributes {exec.streams = ["compute", "to_host", "host"]} {
    %0 = exec.buffer 0 : memref<8xf32>
    %1 = exec.buffer host + 0 : memref<8xf32>
    exec.record 0
    exec.wait 0 {exec.stream = "to_host"}
    // expected-note @below {{which is exec.copy, on the stream 'to_host'}}
    exec.copy %0 -> %1 {exec.number = 0 : i64, exec.reads = array<i64: -1, -1>, exec.stream = "to_host"} : memref<8xf32>, memref<8xf32>
    exec.record 1 {exec.stream = "to_host"}
    exec.wait 0 {exec.stream = "host"}
    // expected-error @below {{reads bytes [0, 32) of host memory, and nothing orders it after what used}}
    exec.launch @k0(%1) {exec.number = 1 : i64, exec.reads = array<i64: 0>, exec.stream = "host"} : memref<8xf32>
    exec.record 2 {exec.stream = "host"}
    exec.wait 1
    exec.wait 2
  }
  func.func private @k0(%arg0: tensor<8xf32>) -> tensor<8xf32> attributes {exec.cols = 8 : i64, exec.host, exec.kind = "flat", exec.outputs = array<i64: 0>, exec.rows = 1 : i64} {
    %0 = arith.addf %arg0, %arg0 : tensor<8xf32>
    return %0 : tensor<8xf32>
  }
}

// -----

// expected-error @below {{is not scheduled: it has no arena}}
module {
}
