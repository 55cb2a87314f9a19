// RUN: weft-opt %s --split-input-file --weft-schedule --verify-diagnostics

// A task writes a state once.
weft.state probe @a : tensor<4xf32> = 0.0
func.func @t(%x: tensor<4xf32> {weft.name = "x", weft.role = "field"}) {
  weft.write @a, %x : tensor<4xf32>
  // expected-error @below {{is the second write of @a in one task}}
  weft.write @a, %x : tensor<4xf32>
  return
}

// -----

// Reads come before the write: both places could not hold otherwise.
weft.state probe @a : tensor<4xf32> = 0.0
func.func @t(%x: tensor<4xf32> {weft.name = "x", weft.role = "field"}) {
  weft.write @a, %x : tensor<4xf32>
  // expected-error @below {{follows a write of @a in the same task}}
  %0 = weft.read @a : tensor<4xf32>
  return
}

// -----

// An input is known by its name and role.
// expected-error @below {{argument 0 has no weft.name or no weft.role}}
func.func @t(%x: tensor<4xf32> {weft.role = "field"}) {
  return
}
