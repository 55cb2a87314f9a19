// RUN: weft-opt %s -split-input-file -verify-diagnostics

// A mesh names every axis once, and orders all of them.

// expected-error @+1 {{has the axis 'tp' twice}}
dist.mesh @mesh ["tp", "tp"] [2, 2]

// -----

// expected-error @+1 {{has no place for the axis 'dp' in its order}}
dist.mesh @mesh ["tp", "dp"] [2, 2] order ["tp"]

// -----

// A sharding uses an axis once, in the order of the mesh.

dist.mesh @mesh ["tp", "dp"] [2, 2]
func.func @f(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{whose axes are not of the mesh or not in its order}}
  %y = dist.constrain %x <[["dp", "tp"], []]> priority 0 origin "test" : tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// -----

// A reshard is of one tensor, cut evenly.

dist.mesh @mesh ["tp"] [2]
func.func @f(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{holds 'tensor<8x4xf32>' as 'tensor<4x4xf32>', which is not what #dist.sharding<[[], []]> says}}
  %y = dist.reshard %x from <[["tp"], []]> to <[[], []]> : tensor<4x4xf32> -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// -----

// What is cut cannot become a sum of parts.

dist.mesh @mesh ["tp"] [2]
func.func @f(%x: tensor<4x4xf32>) -> tensor<8x4xf32> {
  // expected-error @+1 {{makes unreduced on 'tp' what is cut on it}}
  %y = dist.reshard %x from <[["tp"], []]> to <[[], []], unreduced = ["tp"]> : tensor<4x4xf32> -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// Collectives move as much as their group has ranks.

dist.mesh @mesh ["tp", "dp"] [2, 4]
func.func @f(%x: tensor<4x4xf32>) -> tensor<8x4xf32> {
  // expected-error @+1 {{gives 'tensor<32x4xf32>', not 'tensor<8x4xf32>'}}
  %y = dist.all_gather %x dims [0] over ["tp", "dp"] : tensor<4x4xf32> -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

dist.mesh @mesh ["tp"] [3]
func.func @f(%x: tensor<4x4xf32>) -> tensor<1x4xf32> {
  // expected-error @+1 {{cannot cut dimension 0 of 'tensor<4x4xf32>' into 3 parts}}
  %y = dist.reduce_scatter sum %x dims [0] over ["tp"] : tensor<4x4xf32> -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

dist.mesh @mesh ["tp"] [2]
func.func @f(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{names the axis 'dp', which the mesh does not have}}
  %y = dist.all_reduce sum %x over ["dp"] : tensor<4x4xf32> -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}
