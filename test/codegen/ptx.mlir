// What the kernels of each kind look like on a GPU.

// REQUIRES: cuda-toolkit
// RUN: weft-kernel-cases --print --schedule %s > %t.ptx
// RUN: FileCheck %s --input-file %t.ptx
// RUN: %ptxas --verbose --gpu-name=sm_90 %t.ptx -o %t.cubin 2>&1 | FileCheck %s --check-prefix=USE
// RUN: weft-kernel-cases --print --schedule %s --arch sm_80 > %t.80.ptx
// RUN: %ptxas --verbose --gpu-name=sm_80 %t.80.ptx -o %t.cubin 2>&1 | FileCheck %s --check-prefix=USE
// RUN: %ptxas --verbose --gpu-name=sm_86 %t.80.ptx -o %t.cubin 2>&1 | FileCheck %s --check-prefix=USE

// Nothing lies in local memory.
// USE-NOT: {{[1-9][0-9]*}} bytes stack frame
// USE-NOT: {{[1-9][0-9]*}} bytes spill

// Eight elements a thread, and the GPU's own tanh.
// CHECK-LABEL: .entry gelu(
// CHECK: ld.global{{.*}}.v4.{{[bu]}}32
// CHECK: tanh.approx.f32
// CHECK: cvt.rn.bf16x2.f32
// CHECK: st.global.v4.b32
func.func private @gelu(%x: tensor<512x3072xbf16>, %o: tensor<512x3072xbf16>) -> tensor<512x3072xbf16>
    attributes {exec.cols = 3072 : i64, exec.kind = "flat", exec.outputs = array<i64: 1>, exec.rows = 512 : i64} {
  %0 = arith.extf %x : tensor<512x3072xbf16> to tensor<512x3072xf32>
  %1 = math.tanh %0 : tensor<512x3072xf32>
  %2 = arith.mulf %0, %1 : tensor<512x3072xf32>
  %3 = arith.truncf %2 : tensor<512x3072xf32> to tensor<512x3072xbf16>
  return %3 : tensor<512x3072xbf16>
}

// In f32, tanh is the library's: no approximation.
// CHECK-LABEL: .entry exact(
// CHECK-NOT: tanh.approx
// CHECK: st.global.v4.{{[bf]}}32
func.func private @exact(%x: tensor<512x3072xf32>, %o: tensor<512x3072xf32>) -> tensor<512x3072xf32>
    attributes {exec.cols = 3072 : i64, exec.kind = "flat", exec.outputs = array<i64: 1>, exec.rows = 512 : i64} {
  %0 = math.tanh %x : tensor<512x3072xf32>
  return %0 : tensor<512x3072xf32>
}

// Most bytes are f32: four elements a thread, one access for each operand.
// CHECK-LABEL: .entry update(
// CHECK-COUNT-2: ld.global{{.*}}.v4.{{[bf]}}32
// CHECK-NOT: ld.global{{.*}}.v4
// CHECK: st.global.v4.{{[bf]}}32
// CHECK: st.global.v2.b32
func.func private @update(%g: tensor<512x3072xbf16>, %m: tensor<512x3072xf32>, %p: tensor<512x3072xf32>, %o: tensor<512x3072xf32>,
                          %q: tensor<512x3072xbf16>) -> (tensor<512x3072xf32>, tensor<512x3072xbf16>)
    attributes {exec.cols = 3072 : i64, exec.kind = "flat", exec.outputs = array<i64: 3, 4>, exec.rows = 512 : i64} {
  %0 = arith.extf %g : tensor<512x3072xbf16> to tensor<512x3072xf32>
  %1 = arith.mulf %0, %m : tensor<512x3072xf32>
  %2 = arith.subf %p, %1 : tensor<512x3072xf32>
  %3 = arith.truncf %2 : tensor<512x3072xf32> to tensor<512x3072xbf16>
  return %2, %3 : tensor<512x3072xf32>, tensor<512x3072xbf16>
}

// A long row is read once: in steps of two and of one, for the maximum and the sum of exponentials. The gradient reads the block's memory,
// and the label's logit is one element.
// CHECK-LABEL: .entry loss(
// CHECK-COUNT-3: ld.global{{.*}}.v4.{{[bu]}}32
// CHECK-NOT: ld.global{{.*}}.v4
// CHECK-COUNT-3: ld.shared.v4.b32
// CHECK-NOT: ld.{{global|shared}}{{.*}}.v4
func.func private @loss(%x: tensor<4096x32000xbf16>, %label: tensor<4096xi64>, %l: tensor<4096xf32>, %o: tensor<4096x32000xbf16>)
    -> (tensor<4096xf32>, tensor<4096x32000xbf16>)
    attributes {exec.cols = 32000 : i64, exec.kind = "row", exec.outputs = array<i64: 2, 3>, exec.rows = 4096 : i64} {
  %0 = arith.extf %x : tensor<4096x32000xbf16> to tensor<4096x32000xf32>
  %max = weft.reduce max %0 dims [1] : tensor<4096x32000xf32> -> tensor<4096xf32>
  %1 = weft.broadcast %max dims [0] : tensor<4096xf32> -> tensor<4096x32000xf32>
  %2 = arith.subf %0, %1 : tensor<4096x32000xf32>
  %3 = math.exp %2 : tensor<4096x32000xf32>
  %sum = weft.reduce sum %3 dims [1] : tensor<4096x32000xf32> -> tensor<4096xf32>
  %column = weft.iota dim 1 : tensor<4096x32000xi64>
  %wanted = weft.broadcast %label dims [0] : tensor<4096xi64> -> tensor<4096x32000xi64>
  %here = arith.cmpi eq, %column, %wanted : tensor<4096x32000xi64>
  %zero = arith.constant dense<0.0> : tensor<4096x32000xf32>
  %4 = arith.select %here, %0, %zero : tensor<4096x32000xi1>, tensor<4096x32000xf32>
  %logit = weft.reduce sum %4 dims [1] : tensor<4096x32000xf32> -> tensor<4096xf32>
  %log = math.log %sum : tensor<4096xf32>
  %lse = arith.addf %log, %max : tensor<4096xf32>
  %loss = arith.subf %lse, %logit : tensor<4096xf32>
  %5 = weft.broadcast %lse dims [0] : tensor<4096xf32> -> tensor<4096x32000xf32>
  %6 = arith.subf %0, %5 : tensor<4096x32000xf32>
  %7 = math.exp %6 : tensor<4096x32000xf32>
  %8 = arith.truncf %7 : tensor<4096x32000xf32> to tensor<4096x32000xbf16>
  return %loss, %8 : tensor<4096xf32>, tensor<4096x32000xbf16>
}

// A row of 768 is a warp's: three accesses of a thread, read once for two reductions, which are shuffles.
// CHECK-LABEL: .entry norm(
// CHECK-COUNT-3: ld.global{{.*}}.v4.{{[bu]}}32
// CHECK-NOT: ld.global
// CHECK-COUNT-10: shfl.sync.bfly.b32
// CHECK-NOT: ld.global
// CHECK-COUNT-3: st.global.v4.b32
// CHECK-NOT: bar.sync
func.func private @norm(%x: tensor<4096x768xbf16>, %o: tensor<4096x768xbf16>) -> tensor<4096x768xbf16>
    attributes {exec.cols = 768 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 4096 : i64} {
  %0 = arith.extf %x : tensor<4096x768xbf16> to tensor<4096x768xf32>
  %1 = weft.reduce sum %0 dims [1] : tensor<4096x768xf32> -> tensor<4096xf32>
  %2 = weft.broadcast %1 dims [0] : tensor<4096xf32> -> tensor<4096x768xf32>
  %3 = arith.subf %0, %2 : tensor<4096x768xf32>
  %4 = arith.mulf %3, %3 : tensor<4096x768xf32>
  %5 = weft.reduce sum %4 dims [1] : tensor<4096x768xf32> -> tensor<4096xf32>
  %6 = weft.broadcast %5 dims [0] : tensor<4096xf32> -> tensor<4096x768xf32>
  %7 = arith.mulf %3, %6 : tensor<4096x768xf32>
  %8 = arith.truncf %7 : tensor<4096x768xf32> to tensor<4096x768xbf16>
  return %8 : tensor<4096x768xbf16>
}

// A long row is a block's; warps meet in shared memory.
// CHECK-LABEL: .entry wide(
// CHECK: ld.global{{.*}}.v4.{{[bu]}}32
// CHECK: shfl.sync.bfly.b32
// CHECK: bar.sync
func.func private @wide(%x: tensor<512x4096xbf16>, %o: tensor<512xf32>) -> tensor<512xf32>
    attributes {exec.cols = 4096 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 512 : i64} {
  %0 = arith.extf %x : tensor<512x4096xbf16> to tensor<512x4096xf32>
  %1 = weft.reduce sum %0 dims [1] : tensor<512x4096xf32> -> tensor<512xf32>
  return %1 : tensor<512xf32>
}

// Rows of an odd length start anywhere: they are cut where memory is aligned.
// CHECK-LABEL: .entry odd(
// CHECK: ld.global{{.*}}.v4.{{[bu]}}32
func.func private @odd(%x: tensor<512x50257xbf16>, %o: tensor<512xf32>) -> tensor<512xf32>
    attributes {exec.cols = 50257 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 512 : i64} {
  %0 = arith.extf %x : tensor<512x50257xbf16> to tensor<512x50257xf32>
  %1 = weft.reduce max %0 dims [1] : tensor<512x50257xf32> -> tensor<512xf32>
  return %1 : tensor<512xf32>
}

// Columns: blocks of rows, then the blocks in order.
// CHECK-LABEL: .entry columns_rows(
// CHECK-COUNT-4: ld.global{{.*}}.v4.{{[bu]}}32
// CHECK-LABEL: .entry columns_add(
func.func private @columns(%x: tensor<65536x768xbf16>, %o: tensor<768xbf16>) -> tensor<768xbf16>
    attributes {exec.cols = 768 : i64, exec.kind = "column", exec.outputs = array<i64: 1>, exec.rows = 65536 : i64} {
  %0 = weft.reduce sum %x dims [0] : tensor<65536x768xbf16> -> tensor<768xbf16>
  return %0 : tensor<768xbf16>
}

// A scatter is sorted; nothing is added atomically.
// CHECK-LABEL: .entry table_count0(
// CHECK: match.any.sync.b32
// CHECK-LABEL: .entry table_scan0(
// CHECK-LABEL: .entry table_sort1(
// CHECK-LABEL: .entry table_pieces(
// CHECK-LABEL: .entry table_sum(
// CHECK: ld.global{{.*}}.v4.{{[bu]}}32
// CHECK: st.global.v4.b32
// CHECK-NOT: atom
func.func private @table(%u: tensor<65536x768xbf16>, %i: tensor<65536xi64>, %o: tensor<50257x768xbf16>) -> tensor<50257x768xbf16>
    attributes {exec.cols = 768 : i64, exec.kind = "scatter", exec.outputs = array<i64: 2>, exec.rows = 65536 : i64} {
  %0 = weft.scatter_add %u[%i] axis 0 : tensor<65536x768xbf16>, tensor<65536xi64> -> tensor<50257x768xbf16>
  return %0 : tensor<50257x768xbf16>
}
