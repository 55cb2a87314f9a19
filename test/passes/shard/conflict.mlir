// Where two constraints would have an axis cut different factors of an op: which holds, and what is said.
// RUN: weft-opt %s --split-input-file --weft-propagate=explain=asked 2>/dev/null | FileCheck %s
// RUN: weft-opt %s --split-input-file --weft-propagate=explain=asked 2>&1 >/dev/null | grep 'asks for' | FileCheck %s --check-prefix=SAID --implicit-check-not="asks for"

// Of equal priority, what sends less. To cut rows the weight is gathered and the result goes from rows to columns:
// 524288 + 69632 bytes. To cut columns the input alone is gathered, although it is the largest of the three.
dist.mesh @mesh ["tp"] [2]
// SAID: remark: {{.*}}dot_general is cut on 'tp' as "columns" (priority 2) asks for, over "rows" (priority 2): a rank sends 557056 bytes for it, and would send 593920
// CHECK-LABEL: func.func @equals
func.func @equals(%a: tensor<272x1024xf32>, %b: tensor<1024x256xf32>) -> tensor<272x256xf32> {
  %x = math.exp %a : tensor<272x1024xf32>
  %rows = dist.constrain %x <[["tp"], []]> priority 2 origin "rows" : tensor<272x1024xf32>
  %w = math.exp %b : tensor<1024x256xf32>
  %columns = dist.constrain %w <[[], ["tp"]]> priority 2 origin "columns" : tensor<1024x256xf32>
  // CHECK: weft.dot_general {{.*}}dist.shardings = [#dist.sharding<{{\[\[\]}}, ["tp"]]>]
  %y = weft.dot_general %rows, %columns batch [] x [] contract [1] x [0] : tensor<272x1024xf32>, tensor<1024x256xf32> -> tensor<272x256xf32> loc(#asked)
  %wanted = dist.constrain %y <[[], ["tp"]]> priority 2 origin "columns" : tensor<272x256xf32>
  return %wanted : tensor<272x256xf32>
}
#asked = loc("asked")

// -----

// What somebody asked for goes before what sends less, and the price is said.
dist.mesh @mesh ["tp"] [2]
// SAID: remark: {{.*}}dot_general is cut on 'tp' as "rows" (priority 0) asks for, over "columns" (priority 2): a rank sends 524288 bytes for it, and would send 147456
// CHECK-LABEL: func.func @asked
func.func @asked(%a: tensor<64x1024xf32>, %b: tensor<1024x256xf32>) -> tensor<64x256xf32> {
  %x = math.exp %a : tensor<64x1024xf32>
  %rows = dist.constrain %x <[["tp"], []]> priority 0 origin "rows" : tensor<64x1024xf32>
  %w = math.exp %b : tensor<1024x256xf32>
  %columns = dist.constrain %w <[[], ["tp"]]> priority 2 origin "columns" : tensor<1024x256xf32>
  // CHECK: weft.dot_general {{.*}}dist.shardings = [#dist.sharding<{{\[\[}}"tp"], []]>]
  %y = weft.dot_general %rows, %columns batch [] x [] contract [1] x [0] : tensor<64x1024xf32>, tensor<1024x256xf32> -> tensor<64x256xf32> loc(#asked)
  %wanted = dist.constrain %y <[[], ["tp"]]> priority 2 origin "columns" : tensor<64x256xf32>
  return %wanted : tensor<64x256xf32>
}
#asked = loc("asked")

// -----

// One constraint alone is no conflict.
dist.mesh @mesh ["tp"] [2]
// CHECK-LABEL: func.func @alone
func.func @alone(%a: tensor<272x1024xf32>, %b: tensor<1024x256xf32>) -> tensor<272x256xf32> {
  %x = math.exp %a : tensor<272x1024xf32>
  %rows = dist.constrain %x <[["tp"], []]> priority 0 origin "rows" : tensor<272x1024xf32>
  %y = weft.dot_general %rows, %b batch [] x [] contract [1] x [0] : tensor<272x1024xf32>, tensor<1024x256xf32> -> tensor<272x256xf32> loc(#asked)
  return %y : tensor<272x256xf32>
}
#asked = loc("asked")
