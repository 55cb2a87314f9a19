// Gathers of what an axis does not divide: two axes take its place only if they lay the parts where it did.
// RUN: weft-opt %s --weft-hierarchical-gathers=ranks-per-node=4 2>&1 | FileCheck %s --check-prefix=FOURS
// RUN: weft-opt %s --weft-hierarchical-gathers=ranks-per-node=2 2>&1 | FileCheck %s --check-prefix=PAIRS

// Of 13 columns each of 8 ranks stores 2. Nodes of four would begin with the columns 0 and 7, and not 0 and 8.
// FOURS: remark: 'w' has padding that parts of 2 nodes would have in their midst: gathers over 'shard' stay in one, across nodes and within
// FOURS: dist.mesh @mesh ["shard"] [8]
// FOURS: dist.all_gather %{{.*}} dims [1] over ["shard"] : tensor<8x2xf32> -> tensor<8x16xf32>

// Nodes of two begin with 0, 4, 8 and 12.
// PAIRS: remark: 'shard' spans 4 nodes of 2 of its ranks
// PAIRS: dist.mesh @mesh ["shard_across", "shard_within"] [4, 2]
dist.mesh @mesh ["shard"] [8]
weft.param @w : tensor<8x2xf32> trainable = #weft.constant<1.0 : f64> {dist.sharding = #dist.sharding<[[], ["shard"]]>, weft.whole_shape = array<i64: 8, 13>}
func.func @t() -> tensor<8x16xf32> {
  %w = weft.read @w : tensor<8x2xf32>
  %0 = dist.all_gather %w dims [1] over ["shard"] : tensor<8x2xf32> -> tensor<8x16xf32>
  return %0 : tensor<8x16xf32>
}
