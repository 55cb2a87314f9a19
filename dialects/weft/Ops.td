//===- Ops.td - The weft dialect ---------------------------*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Tensor programs on one logical device. Elementwise arithmetic is upstream's
// arith and math on tensors of equal shape; this dialect has what they lack.
// All shapes are static: sizes are specialised while a model is imported.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_OPS_TD
#define WEFT_OPS_TD

include "dialects/weft/Base.td"

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

def ParamOp : WeftOp<"param", [Symbol]> {
  let summary = "A parameter, under the name people know it by";
  let description = [{
    `source` is a `#weft.file`, `#weft.normal` or `#weft.constant`. `aliases`
    are further names of a tied parameter. `decay` says whether weight decay
    applies; it means nothing unless `trainable`.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<WeftTensor>:$type, AnyAttr:$source,
                   OptionalAttr<StrArrayAttr>:$aliases, UnitAttr:$trainable, UnitAttr:$decay);
  let assemblyFormat = [{
    $sym_name `:` $type (`trainable` $trainable^)? (`decay` $decay^)? (`aliases` $aliases^)? `=` $source attr-dict
  }];
}

def StateOp : WeftOp<"state", [Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Anything else that outlives a task: moments, counters, accumulators, metrics";
  let description = [{
    Every element starts as `init`. `param` names the parameter a state belongs
    to. Only `checkpointed` states are part of a checkpoint.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<WeftTensor>:$type, StateKind:$kind, F64Attr:$init,
                   OptionalAttr<FlatSymbolRefAttr>:$param, UnitAttr:$checkpointed);
  let assemblyFormat = [{
    $kind $sym_name `:` $type `=` $init (`of` $param^)? (`checkpointed` $checkpointed^)? attr-dict
  }];
}

def ReadOp : WeftOp<"read", [MemoryEffects<[MemRead]>, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The present value of a parameter or state";
  let arguments = (ins FlatSymbolRefAttr:$symbol);
  let results = (outs WeftTensor:$result);
  let assemblyFormat = "$symbol `:` type($result) attr-dict";
}

def WriteOp : WeftOp<"write", [MemoryEffects<[MemWrite]>, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Gives a parameter or state a new value";
  let arguments = (ins FlatSymbolRefAttr:$symbol, WeftTensor:$value);
  let assemblyFormat = "$symbol `,` $value `:` type($value) attr-dict";
}

//===----------------------------------------------------------------------===//
// Products and reductions
//===----------------------------------------------------------------------===//

def DotGeneralOp : DifferentiableOp<"dot_general", [KeepsSplats]> {
  let summary = "Batched product: contracts dimension pairs, result = batch, lhs free, rhs free";
  let description = [{
    Result dimensions are the batch dimensions (in the order listed), then the
    remaining dimensions of lhs in order, then those of rhs. Products of
    narrow floats accumulate in f32.
  }];
  let arguments = (ins WeftTensor:$lhs, WeftTensor:$rhs, DenseI64ArrayAttr:$lhsBatch, DenseI64ArrayAttr:$rhsBatch,
                   DenseI64ArrayAttr:$lhsContract, DenseI64ArrayAttr:$rhsContract);
  let results = (outs WeftTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs `batch` $lhsBatch `x` $rhsBatch `contract` $lhsContract `x` $rhsContract attr-dict
    `:` type($lhs) `,` type($rhs) `->` type($result)
  }];
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    /// Dimensions of lhs (rhs) that are neither batch nor contracted, in order.
    ::llvm::SmallVector<int64_t> getLhsFree();
    ::llvm::SmallVector<int64_t> getRhsFree();
  }];
}

def ReduceOp : DifferentiableOp<"reduce", [KeepsSplats]> {
  let summary = "Combines all elements along `dims`, which are dropped";
  let description = [{ Sums of floats narrower than f32 accumulate in f32. `dims` is sorted and without repeats. }];
  let arguments = (ins ReduceKind:$kind, WeftTensor:$input, DenseI64ArrayAttr:$dims);
  let results = (outs WeftTensor:$result);
  let assemblyFormat = "$kind $input `dims` $dims attr-dict `:` type($input) `->` type($result)";
  let hasCanonicalizer = 1;
}

def CumsumOp : DifferentiableOp<"cumsum"> {
  let summary = "Running sum along one dimension; `reverse` from the end, `exclusive` without the element itself";
  let arguments = (ins WeftTensor:$input, I64Attr:$dim, UnitAttr:$reverse, UnitAttr:$exclusive);
  let results = (outs WeftTensor:$result);
  let assemblyFormat = "$input `dim` $dim (`reverse` $reverse^)? (`exclusive` $exclusive^)? attr-dict `:` type($input) `->` type($result)";
}

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

def BroadcastOp : DifferentiableOp<"broadcast", [KeepsSplats]> {
  let summary = "Operand dimension i becomes result dimension dims[i]; the other result dimensions repeat it";
  let description = [{ `dims` is strictly increasing and sizes are equal: a size of 1 is not stretched, reshape it away. }];
  let arguments = (ins WeftTensor:$input, DenseI64ArrayAttr:$dims);
  let results = (outs WeftTensor:$result);
  let assemblyFormat = "$input `dims` $dims attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def TransposeOp : DifferentiableOp<"transpose", [KeepsSplats]> {
  let summary = "Result dimension i is operand dimension perm[i]";
  let arguments = (ins WeftTensor:$input, DenseI64ArrayAttr:$perm);
  let results = (outs WeftTensor:$result);
  let assemblyFormat = "$input `perm` $perm attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def ReshapeOp : DifferentiableOp<"reshape", [KeepsSplats]> {
  let summary = "The same elements in row-major order under another shape";
  let arguments = (ins WeftTensor:$input);
  let results = (outs WeftTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def SliceOp : DifferentiableOp<"slice", [KeepsSplats]> {
  let summary = "Elements offsets + i*strides; sizes come from the result type, strides are positive";
  let arguments = (ins WeftTensor:$input, DenseI64ArrayAttr:$offsets, DenseI64ArrayAttr:$strides);
  let results = (outs WeftTensor:$result);
  let assemblyFormat = "$input `offsets` $offsets `strides` $strides attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def PadOp : DifferentiableOp<"pad"> {
  let summary = "Zeros around (low, high) and between (interior) the elements of each dimension";
  let description = [{ The transpose of slice: size = low + (n - 1) * (interior + 1) + 1 + high for n > 0. None is negative. }];
  let arguments = (ins WeftTensor:$input, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high, DenseI64ArrayAttr:$interior);
  let results = (outs WeftTensor:$result);
  let assemblyFormat = "$input `low` $low `high` $high `interior` $interior attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
}

def ConcatOp : DifferentiableOp<"concat"> {
  let summary = "Operands one after another along `dim`";
  let arguments = (ins Variadic<WeftTensor>:$inputs, I64Attr:$dim);
  let results = (outs WeftTensor:$result);
  let assemblyFormat = "$inputs `dim` $dim attr-dict `:` type($inputs) `->` type($result)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def IotaOp : TensorOp<"iota"> {
  let summary = "The index along `dim`, as a number";
  let arguments = (ins I64Attr:$dim);
  let results = (outs WeftTensor:$result);
  let assemblyFormat = "`dim` $dim attr-dict `:` type($result)";
}

//===----------------------------------------------------------------------===//
// Indexed access
//===----------------------------------------------------------------------===//

def GatherOp : DifferentiableOp<"gather", [KeepsSplats]> {
  let summary = "Takes slices of `input` along `axis` (an embedding, with axis 0)";
  let description = [{
    Result shape: input[:axis] + indices + input[axis+1:]. Indices lie in
    [0, size of the axis): importers normalise negative ones, the runtime checks data.
  }];
  let arguments = (ins WeftTensor:$input, IntTensor:$indices, I64Attr:$axis);
  let results = (outs WeftTensor:$result);
  let assemblyFormat = "$input `[` $indices `]` `axis` $axis attr-dict `:` type($input) `,` type($indices) `->` type($result)";
  let hasCanonicalizer = 1;
}

def ScatterAddOp : DifferentiableOp<"scatter_add"> {
  let summary = "Zeros, plus each slice of `updates` added at its index along `axis`: the transpose of gather";
  let description = [{ Updates shape: result[:axis] + indices + result[axis+1:]. Added in index order: deterministic. }];
  let arguments = (ins WeftTensor:$updates, IntTensor:$indices, I64Attr:$axis);
  let results = (outs WeftTensor:$result);
  let assemblyFormat = "$updates `[` $indices `]` `axis` $axis attr-dict `:` type($updates) `,` type($indices) `->` type($result)";
}

//===----------------------------------------------------------------------===//
// Composite ops: what raising recovers, and libraries and fused kernels implement
//===----------------------------------------------------------------------===//

def AttentionOp : DifferentiableOp<"attention"> {
  let summary = "softmax(scale * q k^T + mask) v, grouped queries allowed";
  let description = [{
    Layout [batch, position, head, element]: q [B,T,H,D], k [B,S,G,D], v
    [B,S,G,E], out [B,T,H,E], with H a multiple of G: query head h uses key/value
    head h/(H/G). `lse` [B,H,T] in f32 is the log of the sum of exponentials of
    the scaled, masked scores. `causal`: key s is seen by query t when
    s <= t + S - T. A mask is [B or 1, H or 1, T, S]: i1 (true: seen) or float
    (added). A row that sees nothing is 0.
  }];
  let arguments = (ins FloatTensor:$q, FloatTensor:$k, FloatTensor:$v, Optional<WeftTensor>:$mask,
                   F64Attr:$scale, UnitAttr:$causal);
  let results = (outs FloatTensor:$out, FloatTensor:$lse);
  let assemblyFormat = [{
    $q `,` $k `,` $v (`mask` $mask^)? `scale` $scale (`causal` $causal^)? attr-dict `:` functional-type(operands, results)
  }];
}

def AttentionGradOp : TensorOp<"attention_grad"> {
  let summary = "Gradients of q, k and v from the gradient of attention's `out`";
  let arguments = (ins FloatTensor:$dout, FloatTensor:$q, FloatTensor:$k, FloatTensor:$v, FloatTensor:$out,
                   FloatTensor:$lse, Optional<WeftTensor>:$mask, F64Attr:$scale, UnitAttr:$causal);
  let results = (outs FloatTensor:$dq, FloatTensor:$dk, FloatTensor:$dv);
  let assemblyFormat = [{
    $dout `,` $q `,` $k `,` $v `,` $out `,` $lse (`mask` $mask^)? `scale` $scale (`causal` $causal^)? attr-dict
    `:` functional-type(operands, results)
  }];
}

def LayerNormOp : DifferentiableOp<"layer_norm", [AttrSizedOperandSegments]> {
  let summary = "(x - mean) / sqrt(variance + eps) * gamma + beta over the last dimension; statistics in f32";
  let description = [{ gamma and beta have the last dimension's size; either may be absent. }];
  let arguments = (ins FloatTensor:$input, Optional<FloatTensor>:$gamma, Optional<FloatTensor>:$beta, F64Attr:$eps);
  let results = (outs FloatTensor:$result);
  let assemblyFormat = [{
    $input (`gamma` $gamma^)? (`beta` $beta^)? `eps` $eps attr-dict `:` functional-type(operands, results)
  }];
}

def RmsNormOp : DifferentiableOp<"rms_norm"> {
  let summary = "x / sqrt(mean(x*x) + eps) * gamma over the last dimension; statistics in f32";
  let arguments = (ins FloatTensor:$input, Optional<FloatTensor>:$gamma, F64Attr:$eps);
  let results = (outs FloatTensor:$result);
  let assemblyFormat = "$input (`gamma` $gamma^)? `eps` $eps attr-dict `:` functional-type(operands, results)";
}

def SoftmaxOp : DifferentiableOp<"softmax"> {
  let summary = "exp(x - max) / sum(exp(x - max)) over the last dimension, in f32";
  let arguments = (ins FloatTensor:$input);
  let results = (outs FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
}

def CrossEntropyOp : DifferentiableOp<"cross_entropy"> {
  let summary = "Per-position -log softmax(logits)[label], f32; 0 where the label is ignored";
  let description = [{
    logits [..., V], labels [...], result [...] in f32. A label equal to `ignoreIndex`
    (default -100) costs nothing and has no gradient; others lie in [0, V).
  }];
  let arguments = (ins FloatTensor:$logits, IntTensor:$labels, DefaultValuedAttr<I64Attr, "-100">:$ignoreIndex);
  let results = (outs FloatTensor:$result);
  let assemblyFormat = "$logits `,` $labels attr-dict `:` type($logits) `,` type($labels) `->` type($result)";
}

def GeluOp : DifferentiableOp<"gelu", [KeepsSplats]> {
  let summary = "x * Phi(x), by erf, or by tanh if `tanh` is set";
  let arguments = (ins FloatTensor:$input, UnitAttr:$tanh);
  let results = (outs FloatTensor:$result);
  let assemblyFormat = "$input (`tanh` $tanh^)? attr-dict `:` type($input) `->` type($result)";
}

def SiluOp : DifferentiableOp<"silu", [KeepsSplats]> {
  let summary = "x * sigmoid(x)";
  let arguments = (ins FloatTensor:$input);
  let results = (outs FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
}

def RotaryOp : DifferentiableOp<"rotary"> {
  let summary = "Rotary position embedding of the first R elements of every head";
  let description = [{
    input [B,T,H,D]; cos and sin [T,R] or [B,T,R], R even and at most D. With
    y = input[..., :R] and rot(y) = concat(-y[R/2:], y[:R/2]), the result is
    y*cos + rot(y)*sin, followed by input[..., R:]. `transposed` gives the
    transpose of that linear map (its gradient): y*cos + rot^T(y*sin) with
    rot^T(z) = concat(z[R/2:], -z[:R/2]).
  }];
  let arguments = (ins FloatTensor:$input, FloatTensor:$cos, FloatTensor:$sin, UnitAttr:$transposed);
  let results = (outs FloatTensor:$result);
  let assemblyFormat = [{
    $input `cos` $cos `sin` $sin (`transposed` $transposed^)? attr-dict `:` functional-type(operands, results)
  }];
}

def RandomOp : TensorOp<"random"> {
  let summary = "Uniform numbers in [0, 1), a function of seed, stream and global element index";
  let description = [{
    Philox 4x32-10 with key = (`stream` attribute, seed operand) and counter = the
    element's row-major index: independent of any mesh, schedule or recomputation.
    The low words of stream and seed are the key, the high words are counter words
    2 and 3. A number is the leading bits of the first output word, as many as the
    type's significand has (24 for f32), as a fraction.
    With `offsets`, one scalar for each dimension, the result is the part of a tensor of
    shape `whole` that begins there: indices are those of the whole.
  }];
  let arguments = (ins IntTensor:$seed, Variadic<IntTensor>:$offsets, I64Attr:$stream,
                   OptionalAttr<DenseI64ArrayAttr>:$whole);
  let results = (outs FloatTensor:$result);
  let assemblyFormat = [{
    $seed `stream` $stream (`at` $offsets^ `of` $whole)? attr-dict `:` type($seed) (`,` type($offsets)^)? `->` type($result)
  }];
  let builders = [OpBuilder<(ins "::mlir::Type":$type, "::mlir::Value":$seed, "int64_t":$stream), [{
    build($_builder, $_state, type, seed, ::mlir::ValueRange(), stream, ::mlir::DenseI64ArrayAttr());
  }]>];
}

//===----------------------------------------------------------------------===//
// The update
//===----------------------------------------------------------------------===//

def LearningRateOp : TensorOp<"learning_rate"> {
  let summary = "The learning rate of a step, by the schedule in `hyper` (docs/executable.md)";
  let arguments = (ins IntTensor:$step, FloatTensor:$hyper);
  let results = (outs FloatTensor:$result);
  let assemblyFormat = "$step `,` $hyper attr-dict `:` functional-type(operands, results)";
}

def AdamOp : TensorOp<"adam"> {
  let summary = "One step of Adam (AdamW if `decoupled`) on one parameter";
  let description = [{
    With g = grad*scale (plus weight_decay*param unless decoupled), m' = b1*m +
    (1-b1)*g, v' = b2*v + (1-b2)*g*g, t = step+1: param' = param*(1 - lr*weight_decay
    if decoupled) - lr*(m'/(1-b1^t)) / (sqrt(v'/(1-b2^t)) + eps). Weight decay applies
    only if `decay`. scale, lr: f64 scalars; step: i64 scalar; hyper: f64[16], docs/executable.md.
  }];
  let arguments = (ins FloatTensor:$param, FloatTensor:$grad, FloatTensor:$m, FloatTensor:$v, FloatTensor:$scale,
                   FloatTensor:$lr, IntTensor:$step, FloatTensor:$hyper, UnitAttr:$decay, UnitAttr:$decoupled);
  let results = (outs FloatTensor:$newParam, FloatTensor:$newM, FloatTensor:$newV);
  let assemblyFormat = [{
    $param `,` $grad `,` $m `,` $v `scale` $scale `lr` $lr `step` $step `hyper` $hyper (`decay` $decay^)?
    (`decoupled` $decoupled^)? attr-dict `:` functional-type(operands, results)
  }];
}

def SgdOp : TensorOp<"sgd"> {
  let summary = "One step of SGD with momentum: m' = mu*m + g, param' = param - lr*m'";
  let description = [{ g = grad*scale + weight_decay*param (the latter if `decay`); mu is hyper[5]. }];
  let arguments = (ins FloatTensor:$param, FloatTensor:$grad, FloatTensor:$m, FloatTensor:$scale, FloatTensor:$lr,
                   FloatTensor:$hyper, UnitAttr:$decay);
  let results = (outs FloatTensor:$newParam, FloatTensor:$newM);
  let assemblyFormat = [{
    $param `,` $grad `,` $m `scale` $scale `lr` $lr `hyper` $hyper (`decay` $decay^)? attr-dict
    `:` functional-type(operands, results)
  }];
}

#endif // WEFT_OPS_TD
