weft.state probe @out : tensor<1048576x4xf32> = 0.0
func.func @product(%w: tensor<16x4xf32>) {
  %ones = arith.constant dense<1.0> : tensor<1048576x16xf32>
  %y = weft.dot_general %ones, %w batch [] x [] contract [1] x [0] : tensor<1048576x16xf32>, tensor<16x4xf32> -> tensor<1048576x4xf32>
  weft.write @out, %y : tensor<1048576x4xf32>
  return
}
