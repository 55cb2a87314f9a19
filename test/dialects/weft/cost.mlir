// What ops cost, with the numbers worked out by hand.
// RUN: weft-opt %s -weft-print-interfaces -o /dev/null 2>&1 | FileCheck %s

func.func @products(%l: tensor<2x4x3xf32>, %w: tensor<2x3x5xf32>, %h: tensor<64x8xbf16>) {
  // 2 * (2*4*5) * 3 operations; 96 + 120 bytes in, 160 out.
  // CHECK: remark: {{.*}}; cost 240 flops, 216 bytes read, 160 bytes written
  %0 = weft.dot_general %l, %w batch [0] x [0] contract [2] x [1] : tensor<2x4x3xf32>, tensor<2x3x5xf32> -> tensor<2x4x5xf32>
  // One operation per element of the input, of two bytes each.
  // CHECK: remark: {{.*}}; cost 512 flops, 1024 bytes read, 16 bytes written
  %1 = weft.reduce sum %h dims [0] : tensor<64x8xbf16> -> tensor<8xbf16>
  return
}

func.func @shape(%x: tensor<4x6xf32>, %t: tensor<1000x8xf32>, %i: tensor<5xi64>, %u: tensor<5x8xf32>) {
  // A reshape is another view of the same memory.
  // CHECK: remark: {{.*}}; cost 0 flops, 0 bytes read, 0 bytes written
  %0 = weft.reshape %x : tensor<4x6xf32> -> tensor<24xf32>
  // A transpose moves everything, a slice what it takes.
  // CHECK: remark: {{.*}}; cost 0 flops, 96 bytes read, 96 bytes written
  %1 = weft.transpose %x perm [1, 0] : tensor<4x6xf32> -> tensor<6x4xf32>
  // CHECK: remark: {{.*}}; cost 0 flops, 16 bytes read, 16 bytes written
  %2 = weft.slice %x offsets [0, 2] strides [1, 1] : tensor<4x6xf32> -> tensor<4x1xf32>
  // Of a table, five rows of 32 bytes are read, and five indices.
  // CHECK: remark: {{.*}}; cost 0 flops, 200 bytes read, 160 bytes written
  %3 = weft.gather %t[%i] axis 0 : tensor<1000x8xf32>, tensor<5xi64> -> tensor<5x8xf32>
  // The transpose writes the whole table.
  // CHECK: remark: {{.*}}; cost 40 flops, 200 bytes read, 32000 bytes written
  %4 = weft.scatter_add %u[%i] axis 0 : tensor<5x8xf32>, tensor<5xi64> -> tensor<1000x8xf32>
  return
}

func.func @attention(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>, %few: tensor<2x1x2x8xf32>, %fewv: tensor<2x1x2x6xf32>) {
  // 8 heads in all, 15 pairs in each, 2*8 + 2*6 + 15 operations on a pair.
  // CHECK: remark: {{.*}}; cost 5160 flops, 1888 bytes read, 672 bytes written
  %0:2 = weft.attention %q, %k, %v scale 0.125 : (tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) -> (tensor<2x3x4x6xf32>, tensor<2x4x3xf32>)
  // Queries see 3, 4 and 5 of five keys: 12 pairs.
  // CHECK: remark: {{.*}}; cost 4128 flops, 1888 bytes read, 672 bytes written
  %1:2 = weft.attention %q, %k, %v scale 0.125 causal : (tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) -> (tensor<2x3x4x6xf32>, tensor<2x4x3xf32>)
  // Only the last query sees the only key: 1 pair.
  // CHECK: remark: {{.*}}; cost 344 flops, 992 bytes read, 672 bytes written
  %2:2 = weft.attention %q, %few, %fewv scale 0.125 causal : (tensor<2x3x4x8xf32>, tensor<2x1x2x8xf32>, tensor<2x1x2x6xf32>) -> (tensor<2x3x4x6xf32>, tensor<2x4x3xf32>)
  // 6*8 + 4*6 + 15 operations on a pair, and 2 on each of the 144 elements of dout.
  // CHECK: remark: {{.*}}; cost 10728 flops, 3136 bytes read, 1888 bytes written
  %3:3 = weft.attention_grad %o, %q, %k, %v, %o, %lse scale 0.125 : (tensor<2x3x4x6xf32>, tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> (tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>)
  return
}

func.func @rows(%x: tensor<2x3x8xf32>, %g: tensor<8xf32>, %labels: tensor<2x3xi64>, %r: tensor<2x3x4x8xf32>, %c: tensor<3x4xf32>) {
  // 48 elements: 5 operations on each, and one for gamma and for beta.
  // CHECK: remark: {{.*}}; cost 336 flops, 256 bytes read, 192 bytes written
  %0 = weft.layer_norm %x gamma %g beta %g eps 1.0e-5 : (tensor<2x3x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32>
  // 3 and one for gamma.
  // CHECK: remark: {{.*}}; cost 192 flops, 224 bytes read, 192 bytes written
  %1 = weft.rms_norm %x gamma %g eps 1.0e-5 : (tensor<2x3x8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32>
  // An exponential counts ten: 14 operations on each element, and 13.
  // CHECK: remark: {{.*}}; cost 672 flops, 192 bytes read, 192 bytes written
  %2 = weft.softmax %x : tensor<2x3x8xf32> -> tensor<2x3x8xf32>
  // CHECK: remark: {{.*}}; cost 624 flops, 240 bytes read, 24 bytes written
  %3 = weft.cross_entropy %x, %labels : tensor<2x3x8xf32>, tensor<2x3xi64> -> tensor<2x3xf32>
  // 3 operations on each of the 24 * 4 elements that are rotated.
  // CHECK: remark: {{.*}}; cost 288 flops, 864 bytes read, 768 bytes written
  %4 = weft.rotary %r cos %c sin %c : (tensor<2x3x4x8xf32>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<2x3x4x8xf32>
  return
}

func.func @elementwise(%x: tensor<4x2xf32>, %h: tensor<4x2xbf16>, %i: tensor<4x2xi64>) {
  // Constants cost nothing.
  // CHECK: remark: {{.*}}; cost 0 flops, 0 bytes read, 0 bytes written
  %0 = arith.constant dense<1.0> : tensor<4xf32>
  // One operation per element, of any type; two; ten.
  // CHECK: remark: {{.*}}; cost 8 flops, 64 bytes read, 32 bytes written
  %1 = arith.mulf %x, %x : tensor<4x2xf32>
  // CHECK: remark: {{.*}}; cost 8 flops, 128 bytes read, 64 bytes written
  %2 = arith.addi %i, %i : tensor<4x2xi64>
  // CHECK: remark: {{.*}}; cost 16 flops, 96 bytes read, 32 bytes written
  %3 = math.fma %x, %x, %x : tensor<4x2xf32>
  // CHECK: remark: {{.*}}; cost 80 flops, 32 bytes read, 32 bytes written
  %4 = math.exp %x : tensor<4x2xf32>
  // CHECK: remark: {{.*}}; cost 8 flops, 16 bytes read, 32 bytes written
  %5 = arith.extf %h : tensor<4x2xbf16> to tensor<4x2xf32>
  return
}
