// RUN: weft-opt %s --split-input-file --weft-hierarchical-gathers=ranks-per-node=4 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file %t
// RUN: weft-opt %s --split-input-file --weft-hierarchical-gathers=ranks-per-node=2 -o /dev/null 2>&1 | FileCheck %s --check-prefix=PAIRS --allow-empty
// RUN: not weft-opt %s --split-input-file --weft-hierarchical-gathers=ranks-per-node=3 -o /dev/null 2>&1 | FileCheck %s --check-prefix=ERROR

// Eight ranks of shard with two of tp between one and the next: two of them on each of four nodes of four ranks.
// REMARK: remark: 'shard' spans 4 nodes of 2 of its ranks: gathers go across nodes first, then within; over all tasks a rank gets 192 bytes from other nodes instead of 384
// CHECK: dist.mesh @mesh ["tp", "shard_across", "shard_within"] [2, 4, 2] order ["shard_across", "shard_within", "tp"]
// CHECK: weft.param @w {{.*}}dist.sharding = #dist.sharding<{{\[}}[], ["shard_across", "shard_within"]]>
// CHECK: %[[W:.*]] = weft.read @w
// CHECK: %[[ACROSS:.*]] = dist.all_gather %[[W]] dims [1] over ["shard_across"] : tensor<8x2xf32> -> tensor<8x8xf32>
// CHECK: %[[NODES:.*]] = weft.reshape %[[ACROSS]] : tensor<8x8xf32> -> tensor<8x4x2xf32>
// CHECK: %[[WITHIN:.*]] = dist.all_gather %[[NODES]] dims [2] over ["shard_within"] : tensor<8x4x2xf32> -> tensor<8x4x4xf32>
// CHECK: weft.reshape %[[WITHIN]] : tensor<8x4x4xf32> -> tensor<8x16xf32>
// CHECK: dist.reduce_scatter sum %{{.*}} dims [1] over ["shard_across", "shard_within"]

// With two ranks on a node, of one index of shard, there is nothing to gather within one.
// PAIRS-NOT: spans
// ERROR: error: 16 ranks are not whole nodes of 3
dist.mesh @mesh ["tp", "shard"] [2, 8] order ["shard", "tp"]
weft.param @w : tensor<8x2xf32> trainable = #weft.constant<1.0 : f64> {dist.sharding = #dist.sharding<[[], ["shard"]]>}
func.func @t() -> tensor<8x2xf32> {
  %w = weft.read @w : tensor<8x2xf32>
  %0 = dist.all_gather %w dims [1] over ["shard"] : tensor<8x2xf32> -> tensor<8x16xf32>
  %1 = math.exp %0 : tensor<8x16xf32>
  %2 = dist.reduce_scatter sum %1 dims [1] over ["shard"] : tensor<8x16xf32> -> tensor<8x2xf32>
  return %2 : tensor<8x2xf32>
}
