// RUN: weft-opt %s -split-input-file -weft-raise -canonicalize 2>/dev/null | FileCheck %s

// Cross-entropy from log-probabilities.

// A log-softmax, of which the label's element is gathered from the flat tensor.
// CHECK-LABEL: func.func @gathered
// CHECK-DAG: %[[Y:.*]] = weft.reshape %arg1 : tensor<2x3xi64> -> tensor<6xi64>
// CHECK-DAG: %[[X:.*]] = weft.reshape %arg0 : tensor<2x3x8xf32> -> tensor<6x8xf32>
// CHECK: weft.cross_entropy %[[X]], %[[Y]]
// CHECK-NEXT: return
func.func @gathered(%x: tensor<2x3x8xf32>, %y: tensor<2x3xi64>) -> tensor<6xf32> {
  %m = weft.reduce max %x dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %mb = weft.broadcast %m dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %d = arith.subf %x, %mb : tensor<2x3x8xf32>
  %e = math.exp %d : tensor<2x3x8xf32>
  %s = weft.reduce sum %e dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %l = math.log %s : tensor<2x3xf32>
  %lb = weft.broadcast %l dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %logp = arith.subf %d, %lb : tensor<2x3x8xf32>
  %flat = weft.reshape %logp : tensor<2x3x8xf32> -> tensor<48xf32>
  %i = weft.iota dim 0 : tensor<6xi64>
  %v = arith.constant dense<8> : tensor<6xi64>
  %row = arith.muli %i, %v : tensor<6xi64>
  %y1 = weft.reshape %y : tensor<2x3xi64> -> tensor<6xi64>
  %at = arith.addi %row, %y1 : tensor<6xi64>
  %p = weft.gather %flat[%at] axis 0 : tensor<48xf32>, tensor<6xi64> -> tensor<6xf32>
  %n = arith.negf %p : tensor<6xf32>
  return %n : tensor<6xf32>
}

// -----

// The logarithm of a softmax, positions as a folded constant.
// CHECK-LABEL: func.func @log_of_softmax
// CHECK: weft.cross_entropy %{{.*}}, %arg1 : tensor<6x1x8xf32>, tensor<6x1xi64> -> tensor<6x1xf32>
func.func @log_of_softmax(%x: tensor<6x8xf32>, %y: tensor<6x1xi64>) -> tensor<6x1xf32> {
  %sm = weft.softmax %x : tensor<6x8xf32> -> tensor<6x8xf32>
  %logp = math.log %sm : tensor<6x8xf32>
  %flat = weft.reshape %logp : tensor<6x8xf32> -> tensor<48xf32>
  %row = arith.constant dense<[[0], [8], [16], [24], [32], [40]]> : tensor<6x1xi64>
  %at = arith.addi %y, %row : tensor<6x1xi64>
  %p = weft.gather %flat[%at] axis 0 : tensor<48xf32>, tensor<6x1xi64> -> tensor<6x1xf32>
  %n = arith.negf %p : tensor<6x1xf32>
  return %n : tensor<6x1xf32>
}

// -----

// A product with one-hot labels, summed over the classes.
// CHECK-LABEL: func.func @one_hot
// CHECK-NEXT: weft.cross_entropy %arg0, %arg1
// CHECK-NEXT: return
func.func @one_hot(%x: tensor<2x3x8xf32>, %y: tensor<2x3xi64>) -> tensor<2x3xf32> {
  %m = weft.reduce max %x dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %mb = weft.broadcast %m dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %d = arith.subf %x, %mb : tensor<2x3x8xf32>
  %e = math.exp %d : tensor<2x3x8xf32>
  %s = weft.reduce sum %e dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %l = math.log %s : tensor<2x3xf32>
  %lb = weft.broadcast %l dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %logp = arith.subf %d, %lb : tensor<2x3x8xf32>
  %i = weft.iota dim 2 : tensor<2x3x8xi64>
  %yb = weft.broadcast %y dims [0, 1] : tensor<2x3xi64> -> tensor<2x3x8xi64>
  %is = arith.cmpi eq, %yb, %i : tensor<2x3x8xi64>
  %hot = arith.uitofp %is : tensor<2x3x8xi1> to tensor<2x3x8xf32>
  %neg = arith.negf %logp : tensor<2x3x8xf32>
  %pick = arith.mulf %hot, %neg : tensor<2x3x8xf32>
  %loss = weft.reduce sum %pick dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  return %loss : tensor<2x3xf32>
}

// -----

// A choice instead of a product, and the minus after the mean: it cancels.
// CHECK-LABEL: func.func @selected
// CHECK: weft.cross_entropy %arg0, %arg1
func.func @selected(%x: tensor<2x3x8xf32>, %y: tensor<2x3xi64>) -> tensor<f32> {
  %m = weft.reduce max %x dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %mb = weft.broadcast %m dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %d = arith.subf %x, %mb : tensor<2x3x8xf32>
  %e = math.exp %d : tensor<2x3x8xf32>
  %s = weft.reduce sum %e dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %l = math.log %s : tensor<2x3xf32>
  %lb = weft.broadcast %l dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %logp = arith.subf %d, %lb : tensor<2x3x8xf32>
  %zero = arith.constant dense<0.0> : tensor<2x3x8xf32>
  %i = weft.iota dim 2 : tensor<2x3x8xi64>
  %yb = weft.broadcast %y dims [0, 1] : tensor<2x3xi64> -> tensor<2x3x8xi64>
  %is = arith.cmpi eq, %i, %yb : tensor<2x3x8xi64>
  %pick = arith.select %is, %logp, %zero : tensor<2x3x8xi1>, tensor<2x3x8xf32>
  %per = weft.reduce sum %pick dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %sum = weft.reduce sum %per dims [0, 1] : tensor<2x3xf32> -> tensor<f32>
  %loss = arith.negf %sum : tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Other strides pick other elements.
// CHECK-LABEL: func.func @wrong_stride
// CHECK-NOT: weft.cross_entropy
// CHECK: return
func.func @wrong_stride(%x: tensor<2x3x8xf32>, %y: tensor<2x3xi64>) -> tensor<6xf32> {
  %m = weft.reduce max %x dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %mb = weft.broadcast %m dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %d = arith.subf %x, %mb : tensor<2x3x8xf32>
  %e = math.exp %d : tensor<2x3x8xf32>
  %s = weft.reduce sum %e dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %l = math.log %s : tensor<2x3xf32>
  %lb = weft.broadcast %l dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %logp = arith.subf %d, %lb : tensor<2x3x8xf32>
  %flat = weft.reshape %logp : tensor<2x3x8xf32> -> tensor<48xf32>
  %i = weft.iota dim 0 : tensor<6xi64>
  %v = arith.constant dense<7> : tensor<6xi64>
  %row = arith.muli %i, %v : tensor<6xi64>
  %y1 = weft.reshape %y : tensor<2x3xi64> -> tensor<6xi64>
  %at = arith.addi %row, %y1 : tensor<6xi64>
  %p = weft.gather %flat[%at] axis 0 : tensor<48xf32>, tensor<6xi64> -> tensor<6xf32>
  %n = arith.negf %p : tensor<6xf32>
  return %n : tensor<6xf32>
}

// -----

// Logarithms of something else are no log-softmax.
// CHECK-LABEL: func.func @no_softmax
// CHECK-NOT: weft.cross_entropy
// CHECK: return
func.func @no_softmax(%x: tensor<2x3x8xf32>, %y: tensor<2x3xi64>) -> tensor<6xf32> {
  %logp = math.log %x : tensor<2x3x8xf32>
  %flat = weft.reshape %logp : tensor<2x3x8xf32> -> tensor<48xf32>
  %i = weft.iota dim 0 : tensor<6xi64>
  %v = arith.constant dense<8> : tensor<6xi64>
  %row = arith.muli %i, %v : tensor<6xi64>
  %y1 = weft.reshape %y : tensor<2x3xi64> -> tensor<6xi64>
  %at = arith.addi %row, %y1 : tensor<6xi64>
  %p = weft.gather %flat[%at] axis 0 : tensor<48xf32>, tensor<6xi64> -> tensor<6xf32>
  %n = arith.negf %p : tensor<6xf32>
  return %n : tensor<6xf32>
}
