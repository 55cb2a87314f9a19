// One error for each thing that can be wrong with a convolution or a batch norm.
// RUN: weft-opt %s --split-input-file --verify-diagnostics

func.func @rank(%x: tensor<2x3xf32>, %w: tensor<4x3xf32>) {
  // expected-error @+1 {{input has rank 2, expected 3 to 5: batch, channels and 1 to 3 spatial dimensions}}
  %y = weft.convolution %x, %w strides [] low [] high [] dilations [] : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @strides(%x: tensor<2x3x8xf32>, %w: tensor<4x3x3xf32>) {
  // expected-error @+1 {{'strides' has 0, the least is 1}}
  %y = weft.convolution %x, %w strides [0] low [0] high [0] dilations [1] : (tensor<2x3x8xf32>, tensor<4x3x3xf32>) -> tensor<2x4x6xf32>
  return
}

// -----

func.func @channels(%x: tensor<2x3x8xf32>, %w: tensor<4x2x3xf32>) {
  // expected-error @+1 {{filter has 2 channels, which do not divide the input's 3}}
  %y = weft.convolution %x, %w strides [1] low [0] high [0] dilations [1] : (tensor<2x3x8xf32>, tensor<4x2x3xf32>) -> tensor<2x4x6xf32>
  return
}

// -----

func.func @groups(%x: tensor<2x6x8xf32>, %w: tensor<4x2x3xf32>) {
  // expected-error @+1 {{3 groups do not divide the output's 4 channels}}
  %y = weft.convolution %x, %w strides [1] low [0] high [0] dilations [1] : (tensor<2x6x8xf32>, tensor<4x2x3xf32>) -> tensor<2x4x6xf32>
  return
}

// -----

func.func @size(%x: tensor<2x3x8xf32>, %w: tensor<4x3x3xf32>) {
  // expected-error @+1 {{spatial dimension 0 of output has size 6, expected 8}}
  %y = weft.convolution %x, %w strides [1] low [1] high [1] dilations [1] : (tensor<2x3x8xf32>, tensor<4x3x3xf32>) -> tensor<2x4x6xf32>
  return
}

// -----

func.func @gradSize(%dy: tensor<2x4x3xf32>, %w: tensor<4x3x3xf32>) {
  // expected-error @+1 {{spatial dimension 0 of output has size 3, expected 4}}
  %dx = weft.convolution_input_grad %dy, %w strides [2] low [0] high [0] dilations [1] : (tensor<2x4x3xf32>, tensor<4x3x3xf32>) -> tensor<2x3x9xf32>
  return
}

// -----

func.func @vector(%x: tensor<4x3x5xf32>, %v: tensor<3xf32>, %w: tensor<4xf32>) {
  // expected-error @+1 {{variance}}
  %y:3 = weft.batch_norm %x scale %v bias %v mean %v variance %w eps 1.0e-5 momentum 0.9 : (tensor<4x3x5xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xf32>) -> (tensor<4x3x5xf32>, tensor<3xf32>, tensor<4xf32>)
  return
}
