weft.param @w : tensor<2x3xf32> trainable = #weft.constant<1.0>
func.func @forward() -> (tensor<2x3xf32> {weft.name = "a"}, tensor<2x3xf32> {weft.name = "b"}) {
  %w = weft.read @w : tensor<2x3xf32>
  return %w, %w : tensor<2x3xf32>, tensor<2x3xf32>
}
