// The factor rule of every op, as docs/interfaces.md writes it. That the rules are true is test/unit/sharding's to say.
// RUN: weft-opt %s -weft-print-interfaces -o /dev/null 2>&1 | FileCheck %s

func.func @products(%l: tensor<4x3x64xf32>, %w: tensor<64x8xf32>, %a: tensor<2x4x3xf32>, %b: tensor<5x2x3xf32>) {
  // A product's shards along the contraction are terms of a sum; it is linear in either operand.
  // CHECK: remark: sharding (a, b, c), (c, d) -> (a, b, d) {a=4 parallel, b=3 parallel, c=64 sum, d=8 parallel} linear {0}{1};
  %0 = weft.dot_general %l, %w batch [] x [] contract [2] x [0] : tensor<4x3x64xf32>, tensor<64x8xf32> -> tensor<4x3x8xf32>
  // Batch dimensions come first in the result, wherever they are in the operands.
  // CHECK: remark: sharding (a, b, c), (d, a, c) -> (a, b, d) {a=2 parallel, b=4 parallel, c=3 sum, d=5 parallel} linear {0}{1};
  %1 = weft.dot_general %a, %b batch [0] x [1] contract [2] x [2] : tensor<2x4x3xf32>, tensor<5x2x3xf32> -> tensor<2x4x5xf32>
  // A sum passes partial sums on, a maximum does not.
  // CHECK: remark: sharding (a, b, c) -> (b) {a=4 sum, b=3 parallel, c=64 sum} linear {0};
  %2 = weft.reduce sum %l dims [0, 2] : tensor<4x3x64xf32> -> tensor<3xf32>
  // CHECK: remark: sharding (a, b, c) -> (a, b) {a=4 parallel, b=3 parallel, c=64 max};
  %3 = weft.reduce max %l dims [2] : tensor<4x3x64xf32> -> tensor<4x3xf32>
  // A running sum needs what comes before.
  // CHECK: remark: sharding (a, b, c) -> (a, b, c) {a=4 parallel, b=3 replicated, c=64 parallel} linear {0};
  %4 = weft.cumsum %l dim 1 : tensor<4x3x64xf32> -> tensor<4x3x64xf32>
  return
}

func.func @shape(%x: tensor<2x6x4xf32>, %y: tensor<2x3x4xf32>, %e: tensor<0x3xf32>) {
  // A repeated dimension is a factor that only the result has.
  // CHECK: remark: sharding (a, b, d) -> (a, b, c, d) {a=2 parallel, b=6 parallel, c=5 parallel, d=4 parallel} linear {0};
  %0 = weft.broadcast %x dims [0, 1, 3] : tensor<2x6x4xf32> -> tensor<2x6x5x4xf32>
  // CHECK: remark: sharding (b, c, a) -> (a, b, c) {a=4 parallel, b=2 parallel, c=6 parallel} linear {0};
  %1 = weft.transpose %x perm [2, 0, 1] : tensor<2x6x4xf32> -> tensor<4x2x6xf32>
  // Dimensions that are merged, and one that is split; a dimension of size 1 has no factor.
  // CHECK: remark: sharding (a, b, c) -> (a*b, 1, c) {a=2 parallel, b=6 parallel, c=4 parallel} linear {0};
  %2 = weft.reshape %x : tensor<2x6x4xf32> -> tensor<12x1x4xf32>
  // CHECK: remark: sharding (a, b*c, d) -> (a, b, c, d) {a=2 parallel, b=2 parallel, c=3 parallel, d=4 parallel} linear {0};
  %3 = weft.reshape %x : tensor<2x6x4xf32> -> tensor<2x2x3x4xf32>
  // Dimensions that cross: what they have in common at either end is parallel, what is between stays whole.
  // CHECK: remark: sharding (a, b*c, d*g) -> (a, b*e, f*g) {a=2 parallel, b=2 parallel, c=3 replicated, d=2 replicated, e=2 replicated, f=3 replicated, g=2 parallel} linear {0};
  %4 = weft.reshape %x : tensor<2x6x4xf32> -> tensor<2x4x6xf32>
  // Without elements there is nothing to shard.
  // CHECK: remark: sharding (a, b) -> (c, d) {a=0 replicated, b=3 replicated, c=3 replicated, d=0 replicated} linear {0};
  %5 = weft.reshape %e : tensor<0x3xf32> -> tensor<3x0xf32>
  // Slice, pad and concat leave dimensions that they do not change parallel.
  // CHECK: remark: sharding (a, b, d) -> (a, c, d) {a=2 parallel, b=6 replicated, c=3 replicated, d=4 parallel} linear {0};
  %6 = weft.slice %x offsets [0, 2, 0] strides [1, 1, 1] : tensor<2x6x4xf32> -> tensor<2x3x4xf32>
  // CHECK: remark: sharding (a, b, c) -> (a, b, d) {a=2 parallel, b=6 parallel, c=4 replicated, d=5 replicated} linear {0};
  %7 = weft.pad %x low [0, 0, 1] high [0, 0, 0] interior [0, 0, 0] : tensor<2x6x4xf32> -> tensor<2x6x5xf32>
  // CHECK: remark: sharding (a, b, e), (a, c, e) -> (a, d, e) {a=2 parallel, b=6 replicated, c=3 replicated, d=9 replicated, e=4 parallel} linear {0,1};
  %8 = weft.concat %x, %y dim 1 : tensor<2x6x4xf32>, tensor<2x3x4xf32> -> tensor<2x9x4xf32>
  // An index counts from the beginning of the whole.
  // CHECK: remark: sharding -> (a, b) {a=2 parallel, b=6 replicated};
  %9 = weft.iota dim 1 : tensor<2x6xi64>
  return
}

func.func @indexed(%t: tensor<100x8xf32>, %i: tensor<4x3xi64>, %u: tensor<4x3x8xf32>) {
  // A table is whole along its axis. Shards of the updates each leave a partial table.
  // CHECK: remark: sharding (a, d), (b, c) -> (b, c, d) {a=100 replicated, b=4 parallel, c=3 parallel, d=8 parallel} linear {0};
  %0 = weft.gather %t[%i] axis 0 : tensor<100x8xf32>, tensor<4x3xi64> -> tensor<4x3x8xf32>
  // CHECK: remark: sharding (b, c, d), (b, c) -> (a, d) {a=100 replicated, b=4 sum, c=3 sum, d=8 parallel} linear {0};
  %1 = weft.scatter_add %u[%i] axis 0 : tensor<4x3x8xf32>, tensor<4x3xi64> -> tensor<100x8xf32>
  return
}

func.func @attention(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>, %m: tensor<1x4x3x5xi1>) {
  // Query heads are groups (c) times heads in a group (d). The mask is the same for the whole batch.
  // CHECK: remark: sharding (a, b, c*d, f), (a, e, c, f), (a, e, c, g), (1, c*d, b, e) -> (a, b, c*d, g), (a, c*d, b) {a=2 parallel, b=3 parallel, c=2 parallel, d=2 parallel, e=5 replicated, f=8 replicated, g=6 parallel};
  %0:2 = weft.attention %q, %k, %v mask %m scale 0.125 : (tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<1x4x3x5xi1>) -> (tensor<2x3x4x6xf32>, tensor<2x4x3xf32>)
  // A causal mask compares positions of whole sequences.
  // CHECK: remark: sharding (a, b, c*d, f), (a, e, c, f), (a, e, c, g) -> (a, b, c*d, g), (a, c*d, b) {a=2 parallel, b=3 replicated, c=2 parallel, d=2 parallel, e=5 replicated, f=8 replicated, g=6 parallel};
  %1:2 = weft.attention %q, %k, %v scale 0.125 causal : (tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) -> (tensor<2x3x4x6xf32>, tensor<2x4x3xf32>)
  // Sharded queries (b) cut dq and leave dk and dv partial, sharded keys (e) the other way round.
  // CHECK: remark: sharding (a, b, c*d, g), (a, b, c*d, f), (a, e, c, f), (a, e, c, g), (a, b, c*d, g), (a, c*d, b) -> (a, b, c*d, f), (a, e, c, f), (a, e, c, g) {a=2 parallel, b=3 sum, c=2 parallel, d=2 sum, e=5 sum, f=8 replicated, g=6 sum} linear {0};
  %2:3 = weft.attention_grad %o, %q, %k, %v, %o, %lse scale 0.125 : (tensor<2x3x4x6xf32>, tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> (tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>)
  return
}

func.func @rows(%x: tensor<2x3x8xf32>, %g: tensor<8xf32>, %labels: tensor<2x3xi64>) {
  // Rows are whole. A norm is linear in gamma and beta together, and in gamma if there is no beta.
  // CHECK: remark: sharding (a, b, c), (c), (c) -> (a, b, c) {a=2 parallel, b=3 parallel, c=8 replicated} linear {1,2};
  %0 = weft.layer_norm %x gamma %g beta %g eps 1.0e-5 : (tensor<2x3x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32>
  // CHECK: remark: sharding (a, b, c), (c) -> (a, b, c) {a=2 parallel, b=3 parallel, c=8 replicated};
  %1 = weft.layer_norm %x beta %g eps 1.0e-5 : (tensor<2x3x8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32>
  // CHECK: remark: sharding (a, b, c), (c) -> (a, b, c) {a=2 parallel, b=3 parallel, c=8 replicated} linear {1};
  %2 = weft.rms_norm %x gamma %g eps 1.0e-5 : (tensor<2x3x8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32>
  // CHECK: remark: sharding (a, b, c) -> (a, b, c) {a=2 parallel, b=3 parallel, c=8 replicated};
  %3 = weft.softmax %x : tensor<2x3x8xf32> -> tensor<2x3x8xf32>
  // CHECK: remark: sharding (a, b, c), (a, b) -> (a, b) {a=2 parallel, b=3 parallel, c=8 replicated};
  %4 = weft.cross_entropy %x, %labels : tensor<2x3x8xf32>, tensor<2x3xi64> -> tensor<2x3xf32>
  // Activations take any sharding, but no partial sum.
  // CHECK: remark: sharding (a, b, c) -> (a, b, c) {a=2 parallel, b=3 parallel, c=8 parallel};
  %5 = weft.gelu %x : tensor<2x3x8xf32> -> tensor<2x3x8xf32>
  // CHECK: remark: sharding (a, b, c) -> (a, b, c) {a=2 parallel, b=3 parallel, c=8 parallel};
  %6 = weft.silu %x : tensor<2x3x8xf32> -> tensor<2x3x8xf32>
  return
}

func.func @positions(%x: tensor<2x3x4x8xf32>, %c: tensor<3x4xf32>, %w: tensor<2x3x8xf32>, %seed: tensor<i64>) {
  // Half of each head is rotated: the map is linear in the input only.
  // CHECK: remark: sharding (a, b, c, d), (b, e), (b, e) -> (a, b, c, d) {a=2 parallel, b=3 parallel, c=4 parallel, d=8 replicated, e=4 replicated} linear {0};
  %0 = weft.rotary %x cos %c sin %c : (tensor<2x3x4x8xf32>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<2x3x4x8xf32>
  // All of it, by angles of each batch element: in cos and sin too.
  // CHECK: remark: sharding (a, b, c, d), (a, b, d), (a, b, d) -> (a, b, c, d) {a=2 parallel, b=3 parallel, c=4 parallel, d=8 replicated} linear {0}{1,2};
  %1 = weft.rotary %x cos %w sin %w : (tensor<2x3x4x8xf32>, tensor<2x3x8xf32>, tensor<2x3x8xf32>) -> tensor<2x3x4x8xf32>
  // A random number is a function of its place in the whole tensor.
  // CHECK: remark: sharding () -> (a, b) {a=4 replicated, b=2 replicated};
  %2 = weft.random %seed stream 7 : tensor<i64> -> tensor<4x2xf32>
  return
}

func.func @update(%p: tensor<4x2xf32>, %s: tensor<f64>, %step: tensor<i64>, %hyper: tensor<16xf64>) {
  // Updates are elementwise in what has the parameter's shape.
  // CHECK: remark: sharding (), (a) -> () {a=16 replicated};
  %lr = weft.learning_rate %step, %hyper : (tensor<i64>, tensor<16xf64>) -> tensor<f64>
  // CHECK: remark: sharding (a, b), (a, b), (a, b), (a, b), (), (), (), (c) -> (a, b), (a, b), (a, b) {a=4 parallel, b=2 parallel, c=16 replicated};
  %0:3 = weft.adam %p, %p, %p, %p scale %s lr %lr step %step hyper %hyper decay decoupled : (tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>)
  // CHECK: remark: sharding (a, b), (a, b), (a, b), (), (), (c) -> (a, b), (a, b) {a=4 parallel, b=2 parallel, c=16 replicated} linear {0,1,2};
  %1:2 = weft.sgd %p, %p, %p scale %s lr %lr hyper %hyper : (tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>, tensor<f64>, tensor<f64>, tensor<16xf64>) -> (tensor<4x2xf32>, tensor<4x2xf32>)
  return
}

func.func @elementwise(%x: tensor<4x2xf32>, %c: tensor<4x2xi1>, %h: tensor<4x2xbf16>, %n: tensor<f32>, %b: i1) {
  // A constant is the same on every shard if all its elements are.
  // CHECK: remark: sharding -> (a) {a=4 parallel};
  %0 = arith.constant dense<1.0> : tensor<4xf32>
  // CHECK: remark: sharding -> (a) {a=2 replicated};
  %1 = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  // Sums, products, quotients, selections.
  // CHECK: remark: sharding (a, b), (a, b) -> (a, b) {a=4 parallel, b=2 parallel} linear {0,1};
  %2 = arith.addf %x, %x : tensor<4x2xf32>
  // CHECK: remark: sharding (a, b), (a, b) -> (a, b) {a=4 parallel, b=2 parallel} linear {0}{1};
  %3 = arith.mulf %x, %x : tensor<4x2xf32>
  // CHECK: remark: sharding (a, b), (a, b) -> (a, b) {a=4 parallel, b=2 parallel} linear {0};
  %4 = arith.divf %x, %x : tensor<4x2xf32>
  // CHECK: remark: sharding (a, b), (a, b), (a, b) -> (a, b) {a=4 parallel, b=2 parallel} linear {1,2};
  %5 = arith.select %c, %x, %x : tensor<4x2xi1>, tensor<4x2xf32>
  // CHECK: remark: sharding (a, b), (a, b), (a, b) -> (a, b) {a=4 parallel, b=2 parallel} linear {0,2}{1,2};
  %6 = math.fma %x, %x, %x : tensor<4x2xf32>
  // Partial sums may be widened, not narrowed.
  // CHECK: remark: sharding (a, b) -> (a, b) {a=4 parallel, b=2 parallel} linear {0};
  %7 = arith.extf %h : tensor<4x2xbf16> to tensor<4x2xf32>
  // CHECK: remark: sharding (a, b) -> (a, b) {a=4 parallel, b=2 parallel};
  %8 = arith.truncf %x : tensor<4x2xf32> to tensor<4x2xbf16>
  // CHECK: remark: sharding (a, b) -> (a, b) {a=4 parallel, b=2 parallel};
  %9 = math.exp %x : tensor<4x2xf32>
  // A scalar has no dimensions.
  // CHECK: remark: sharding () -> () linear {0};
  %10 = arith.negf %n : tensor<f32>
  return
}
