//===- AtenOperators.cpp - One translation for each operator -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A node of an exported graph becomes one or a few nodes of the standard
// operators, opset 23. The types of results are written in the file, so
// promotion of types needs few rules here: operands are cast to what the result
// says.
//
//===----------------------------------------------------------------------===//

#include "compiler/import/torch/AtenTranslator.h"
#include "llvm/ADT/StringMap.h"

using namespace weft;
using namespace weft::torch;
using llvm::StringRef;
using onnx::Attribute;
using onnx::ElementType;

static std::string same(Translator &t) { return t.tensor("self"); }

static std::string nothing(Translator &) { return ""; }

#define WEFT_UNARY(opType) [](Translator &t) { return t.emit(opType, {t.tensor("self")}); }
#define WEFT_BINARY(opType) [](Translator &t) { return t.binary(opType, t.result().type); }
#define WEFT_COMPARE(opType) [](Translator &t) { return t.compare(opType); }
#define WEFT_INTEGERS(opType)                                                                                          \
  [](Translator &t) { return t.emit(opType, {t.scalarOf(t.integerArgument("a")), t.scalarOf(t.integerArgument("b"))}); }

static std::string addOrSubtract(Translator &t, const char *opType) {
  ElementType type = t.result().type;
  std::string other = t.operand("other", type);
  if (std::optional<double> alpha = t.number("alpha"); alpha && *alpha != 1)
    other = t.emit("Mul", {other, t.scalar(*alpha, type)});
  return t.emit(opType, {t.operand("self", type), other});
}

static std::string castToResult(Translator &t) {
  return t.cast(t.tensor("self"), t.info("self").type, t.result().type);
}

static std::string reshape(Translator &t) {
  return t.emit("Reshape", {t.tensor("self"), t.shapeOf(t.integers(t.has("size") ? "size" : "shape"))},
                {attribute("allowzero", int64_t(1))});
}

static std::string expand(Translator &t) {
  std::vector<Integer> sizes = t.integers("size");
  for (Integer &size : sizes)
    if (size.name.empty() && size.value == -1) // keeps what is there
      size.value = 1;
  return t.emit("Expand", {t.tensor("self"), t.shapeOf(sizes)});
}

static std::string swapDims(Translator &t, int64_t first, int64_t second) {
  int64_t rank = t.info("self").rank();
  std::vector<int64_t> order(rank);
  for (int64_t i = 0; i < rank; ++i)
    order[i] = i;
  first = t.axisOf(first, rank), second = t.axisOf(second, rank);
  if (rank >= 2 && first >= 0 && second >= 0 && first < rank && second < rank)
    std::swap(order[first], order[second]);
  return t.emit("Transpose", {t.tensor("self")}, {attribute("perm", order)});
}

static std::string permute(Translator &t) {
  std::vector<int64_t> order = t.constants("dims");
  for (int64_t &dim : order)
    dim = t.axisOf(dim, t.info("self").rank());
  return t.emit("Transpose", {t.tensor("self")}, {attribute("perm", order)});
}

static std::string sliceTensor(Translator &t) {
  int64_t axis = t.axisOf(t.integer("dim"), t.info("self").rank());
  return t.slice(t.tensor("self"), axis, t.listOf(t.integerArgument("start")),
                 t.listOf(t.integerArgument("end", std::numeric_limits<int64_t>::max())), t.integer("step", 1));
}

static std::string select(Translator &t) {
  return t.emit("Gather", {t.tensor("self"), t.scalarOf(t.integerArgument("index"))},
                {attribute("axis", t.axisOf(t.integer("dim"), t.info("self").rank()))});
}

static std::string arange(Translator &t) {
  ElementType type = t.result().type;
  auto bound = [&](const char *name, double otherwise) {
    return t.has(name) ? t.operand(name, type) : t.scalar(otherwise, type);
  };
  return t.emit("Range", {bound("start", 0), bound("end", 0), bound("step", 1)});
}

/// Differences of neighbours.
static std::string diff(Translator &t) {
  if (t.integer("n", 1) != 1)
    t.refuse("'n' is not 1");
  int64_t axis = t.axisOf(t.integer("dim", -1), t.info("self").rank());
  std::vector<std::string> parts;
  for (const char *name : {"prepend", "self", "append"})
    if (t.has(name))
      parts.push_back(t.tensor(name));
  std::string all = parts.size() == 1 ? parts[0] : t.emit("Concat", parts, {attribute("axis", axis)});
  std::string later = t.slice(all, axis, t.constant({1}), t.constant({std::numeric_limits<int64_t>::max()}));
  return t.emit("Sub", {later, t.slice(all, axis, t.constant({0}), t.constant({-1}))});
}

static std::string cumulativeSum(Translator &t) {
  std::string value = castToResult(t);
  return t.emit("CumSum", {value, t.scalar(static_cast<double>(t.axisOf(t.integer("dim"), t.info("self").rank())),
                                           ElementType::Int64)});
}

/// x[i, j, ...] for the first dimensions, indices broadcast against each other.
static std::string index(Translator &t) {
  std::vector<std::string> list = t.tensorNames("indices"), values;
  while (!list.empty() && list.back().empty())
    list.pop_back();
  for (const std::string &name : list) {
    if (name.empty() || t.infoOf(name).type == ElementType::Bool) {
      t.refuse("only integers for the first dimensions are supported");
      return "";
    }
    values.push_back(t.cast(t.valueOf(name), t.infoOf(name).type, ElementType::Int64));
  }
  if (values.size() == 1)
    return t.emit("Gather", {t.tensor("self"), values[0]}, {attribute("axis", int64_t(0))});
  std::string sum = values.empty() ? "" : values[0];
  for (size_t i = 1; i < values.size(); ++i)
    sum = t.emit("Add", {sum, values[i]});
  std::string shape = t.emit("Shape", {sum}), last = t.constant({-1});
  for (std::string &value : values)
    value = t.emit("Unsqueeze", {t.emit("Expand", {value, shape}), last});
  return t.emit("GatherND", {t.tensor("self"), t.emit("Concat", values, {attribute("axis", int64_t(-1))})});
}

static std::string dropout(Translator &t) {
  if (!t.boolean("train"))
    return t.tensor("input");
  return t.emit("Dropout", {t.tensor("input"), t.scalar(t.number("p").value_or(0.5), ElementType::Float),
                            t.scalar(1, ElementType::Bool)});
}

static std::string layerNorm(Translator &t) {
  auto dims = static_cast<int64_t>(t.integers("normalized_shape").size());
  std::string scale = t.tensor("weight"), bias = t.tensor("bias");
  if (scale.empty()) {
    std::vector<Integer> sizes = t.integers("normalized_shape");
    scale = t.emit("Expand", {t.scalar(1, t.info("input").type), t.shapeOf(sizes)});
  }
  std::vector<std::string> operands = {t.tensor("input"), scale};
  if (!bias.empty())
    operands.push_back(bias);
  return t.emit("LayerNormalization", operands,
                {attribute("axis", -dims), attribute("epsilon", static_cast<float>(t.number("eps").value_or(1e-5)))});
}

static std::string rmsNorm(Translator &t) {
  auto dims = static_cast<int64_t>(t.integers("normalized_shape").size());
  std::string scale = t.tensor("weight");
  if (scale.empty())
    scale = t.emit("Expand", {t.scalar(1, t.info("input").type), t.shapeOf(t.integers("normalized_shape"))});
  float epsilon = static_cast<float>(t.number("eps").value_or(std::numeric_limits<float>::epsilon()));
  return t.emit("RMSNormalization", {t.tensor("input"), scale},
                {attribute("axis", -dims), attribute("epsilon", epsilon)});
}

/// beta * self + alpha * mat1 mat2
static std::string addmm(Translator &t) {
  std::string product = t.emit("MatMul", {t.tensor("mat1"), t.tensor("mat2")}), offset = t.tensor("self");
  auto scaled = [&](const std::string &value, const char *factor) {
    double number = t.number(factor).value_or(1);
    return number == 1 ? value : t.emit("Mul", {value, t.scalar(number, t.result().type)});
  };
  return t.emit("Add", {scaled(product, "alpha"), scaled(offset, "beta")});
}

static std::string linear(Translator &t) {
  std::string weight = t.emit("Transpose", {t.tensor("weight")}, {attribute("perm", std::vector<int64_t>{1, 0})});
  std::string product = t.emit("MatMul", {t.tensor("input"), weight});
  return t.has("bias") ? t.emit("Add", {product, t.tensor("bias")}) : product;
}

static std::string matmul(Translator &t) {
  return t.emit("MatMul", {t.tensor("self"), t.tensor(t.has("mat2") ? "mat2" : "other")});
}

static std::string attention(Translator &t) {
  if (t.number("dropout_p").value_or(0) != 0)
    t.refuse("dropout inside attention is not supported");
  std::vector<std::string> operands = {t.tensor("query"), t.tensor("key"), t.tensor("value")};
  if (t.has("attn_mask"))
    operands.push_back(t.tensor("attn_mask"));
  std::vector<Attribute> attributes = {attribute("is_causal", int64_t(t.boolean("is_causal")))};
  if (std::optional<double> scale = t.number("scale"))
    attributes.push_back(attribute("scale", static_cast<float>(*scale)));
  return t.emit("Attention", operands, attributes);
}

static std::string split(Translator &t) {
  Integer size = t.integerArgument("split_size");
  return t.parts(std::vector<Integer>(t.resultCount(), size));
}

/// As many parts as asked for, of equal size but for the last.
static std::string chunk(Translator &t) {
  const TensorInfo &info = t.info("self");
  int64_t axis = t.axisOf(t.integer("dim"), info.rank()), chunks = t.integer("chunks", 1);
  if (axis < 0 || axis >= info.rank() || info.sizes[axis].value < 0 || chunks < 1) {
    t.refuse("chunks of a size that is not known are not supported");
    return "";
  }
  int64_t all = info.sizes[axis].value, each = (all + chunks - 1) / chunks;
  std::vector<Integer> sizes;
  for (size_t i = 0; i < t.resultCount(); ++i)
    sizes.push_back({std::min(each, all - static_cast<int64_t>(i) * each), ""});
  return t.parts(sizes);
}

static std::string convolution(Translator &t) {
  std::vector<std::string> operands = {t.tensor("input"), t.tensor("weight")};
  if (t.has("bias"))
    operands.push_back(t.tensor("bias"));
  int64_t spatial = std::max<int64_t>(t.info("weight").rank() - 2, 0);
  auto list = [&](const char *name, int64_t otherwise) {
    std::vector<int64_t> values = t.has(name) ? t.constants(name) : std::vector<int64_t>();
    if (values.size() < 2) // one for all
      values.assign(spatial, values.empty() ? otherwise : values.front());
    return values;
  };
  std::vector<int64_t> padding = list("padding", 0), both = padding;
  both.insert(both.end(), padding.begin(), padding.end());
  return t.emit("Conv", operands,
                {attribute("strides", list("stride", 1)), attribute("pads", both),
                 attribute("dilations", list("dilation", 1)), attribute("group", t.integer("groups", 1))});
}

static std::string reduce(Translator &t, const char *opType) {
  std::vector<int64_t> dims = t.has("dim") ? t.constants("dim") : std::vector<int64_t>();
  std::vector<std::string> operands = {t.cast(t.tensor("self"), t.info("self").type, t.result().type)};
  if (!dims.empty())
    operands.push_back(t.constant(dims));
  return t.emit(opType, operands, {attribute("keepdims", int64_t(t.boolean("keepdim")))});
}

static std::string softmax(Translator &t, const char *opType) {
  return t.emit(opType, {castToResult(t)}, {attribute("axis", t.integer("dim"))});
}

static std::string concat(Translator &t, bool isStack) {
  std::vector<std::string> values;
  int64_t axis = t.axisOf(t.integer("dim"), t.result().rank());
  for (const std::string &name : t.tensorNames("tensors")) {
    std::string value = t.cast(t.valueOf(name), t.infoOf(name).type, t.result().type);
    values.push_back(isStack ? t.emit("Unsqueeze", {value, t.constant({axis})}) : value);
  }
  return t.emit("Concat", values, {attribute("axis", axis)});
}

static std::string where(Translator &t) {
  ElementType type = t.result().type;
  return t.emit("Where", {t.tensor("condition"), t.operand("self", type), t.operand("other", type)});
}

static std::string maskedFill(Translator &t) {
  ElementType type = t.result().type;
  return t.emit("Where", {t.tensor("mask"), t.operand("value", type), t.operand("self", type)});
}

static std::string size(Translator &t) {
  std::string shape = t.emit("Shape", {t.tensor("self")});
  int64_t axis = t.axisOf(t.integer("dim"), t.info("self").rank());
  return t.emit("Gather", {shape, t.scalar(static_cast<double>(axis), ElementType::Int64)});
}

static std::string gelu(Translator &t) {
  bool isTanh = t.text("approximate", "none") == "tanh";
  return t.emit("Gelu", {t.tensor("self")}, {attribute("approximate", isTanh ? "tanh" : "none")});
}

static std::string triangle(Translator &t, bool isUpper) {
  return t.emit("Trilu", {t.tensor("self"), t.scalarOf(t.integerArgument("diagonal"))},
                {attribute("upper", int64_t(isUpper))});
}

static const llvm::StringMap<Operator> &operators() {
  static const llvm::StringMap<Operator> table = {
      {"aten.add.Tensor", [](Translator &t) { return addOrSubtract(t, "Add"); }},
      {"aten.sub.Tensor", [](Translator &t) { return addOrSubtract(t, "Sub"); }},
      {"aten.mul.Tensor", WEFT_BINARY("Mul")},
      {"aten.div.Tensor", WEFT_BINARY("Div")},
      {"aten.pow.Tensor_Scalar",
       [](Translator &t) {
         return t.emit("Pow", {castToResult(t), t.operand("exponent", t.result().type)});
       }},
      {"aten.pow.Tensor_Tensor",
       [](Translator &t) {
         return t.emit("Pow", {castToResult(t), t.operand("exponent", t.result().type)});
       }},
      {"aten.rsub.Scalar",
       [](Translator &t) {
         return t.emit("Sub", {t.operand("other", t.result().type), castToResult(t)});
       }},
      {"aten.maximum.default", WEFT_BINARY("Max")},
      {"aten.minimum.default", WEFT_BINARY("Min")},
      {"aten.eq.Tensor", WEFT_COMPARE("Equal")},
      {"aten.eq.Scalar", WEFT_COMPARE("Equal")},
      {"aten.ne.Tensor", [](Translator &t) { return t.emit("Not", {t.compare("Equal")}); }},
      {"aten.ne.Scalar", [](Translator &t) { return t.emit("Not", {t.compare("Equal")}); }},
      {"aten.lt.Tensor", WEFT_COMPARE("Less")},
      {"aten.lt.Scalar", WEFT_COMPARE("Less")},
      {"aten.le.Tensor", WEFT_COMPARE("LessOrEqual")},
      {"aten.le.Scalar", WEFT_COMPARE("LessOrEqual")},
      {"aten.gt.Tensor", WEFT_COMPARE("Greater")},
      {"aten.gt.Scalar", WEFT_COMPARE("Greater")},
      {"aten.ge.Tensor", WEFT_COMPARE("GreaterOrEqual")},
      {"aten.ge.Scalar", WEFT_COMPARE("GreaterOrEqual")},
      {"aten.__and__.Tensor", WEFT_BINARY("And")},
      {"aten.bitwise_and.Tensor", WEFT_BINARY("And")},
      {"aten.logical_and.default", WEFT_BINARY("And")},
      {"aten.__or__.Tensor", WEFT_BINARY("Or")},
      {"aten.bitwise_or.Tensor", WEFT_BINARY("Or")},
      {"aten.logical_or.default", WEFT_BINARY("Or")},
      {"aten.logical_not.default", WEFT_UNARY("Not")},
      {"aten.bitwise_not.default", WEFT_UNARY("Not")},
      {"aten.neg.default", WEFT_UNARY("Neg")},
      {"aten.abs.default", WEFT_UNARY("Abs")},
      {"aten.exp.default", WEFT_UNARY("Exp")},
      {"aten.log.default", WEFT_UNARY("Log")},
      {"aten.sqrt.default", WEFT_UNARY("Sqrt")},
      {"aten.rsqrt.default", [](Translator &t) { return t.emit("Reciprocal", {t.emit("Sqrt", {t.tensor("self")})}); }},
      {"aten.reciprocal.default", WEFT_UNARY("Reciprocal")},
      {"aten.cos.default", WEFT_UNARY("Cos")},
      {"aten.sin.default", WEFT_UNARY("Sin")},
      {"aten.tanh.default", WEFT_UNARY("Tanh")},
      {"aten.sigmoid.default", WEFT_UNARY("Sigmoid")},
      {"aten.erf.default", WEFT_UNARY("Erf")},
      {"aten.relu.default", WEFT_UNARY("Relu")},
      {"aten.gelu.default", gelu},
      {"aten.silu.default",
       [](Translator &t) {
         return t.emit("Mul", {t.tensor("self"), t.emit("Sigmoid", {t.tensor("self")})});
       }},
      {"aten.alias.default", same},
      {"aten.contiguous.default", same},
      {"aten.clone.default", same},
      {"aten.detach.default", same},
      {"aten.detach_.default", same},
      {"aten.lift_fresh_copy.default", same},
      {"aten._assert_tensor_metadata.default", nothing},
      {"aten.to.dtype", castToResult},
      {"aten.to.dtype_layout", castToResult},
      {"aten.to.device", castToResult},
      {"aten._to_copy.default", castToResult},
      {"aten.type_as.default", castToResult},
      {"aten.view.default", reshape},
      {"aten.reshape.default", reshape},
      {"aten._unsafe_view.default", reshape},
      {"aten.flatten.using_ints",
       [](Translator &t) {
         std::vector<Integer> sizes = t.sizesOf("self"), kept;
         int64_t rank = t.info("self").rank(), first = t.axisOf(t.integer("start_dim"), rank),
                 last = t.axisOf(t.integer("end_dim", -1), rank);
         for (int64_t i = 0; i < rank; ++i)
           if (i <= first || i > last)
             kept.push_back(i == first ? Integer{-1, ""} : sizes[i]);
         return t.emit("Reshape", {t.tensor("self"), t.shapeOf(kept)});
       }},
      {"aten.unsqueeze.default",
       [](Translator &t) {
         return t.emit("Unsqueeze", {t.tensor("self"), t.constant({t.axisOf(t.integer("dim"), t.result().rank())})});
       }},
      {"aten.squeeze.dim",
       [](Translator &t) {
         return t.emit("Squeeze", {t.tensor("self"), t.constant({t.integer("dim")})});
       }},
      {"aten.expand.default", expand},
      {"aten.transpose.int", [](Translator &t) { return swapDims(t, t.integer("dim0"), t.integer("dim1")); }},
      {"aten.t.default", [](Translator &t) { return swapDims(t, 0, 1); }},
      {"aten.permute.default", permute},
      {"aten.slice.Tensor", sliceTensor},
      {"aten.select.int", select},
      {"aten.cat.default", [](Translator &t) { return concat(t, false); }},
      {"aten.stack.default", [](Translator &t) { return concat(t, true); }},
      {"aten.split.Tensor", split},
      {"aten.chunk.default", chunk},
      {"aten.gather.default",
       [](Translator &t) {
         return t.emit("GatherElements", {t.tensor("self"), t.tensor("index")},
                       {attribute("axis", t.axisOf(t.integer("dim"), t.info("self").rank()))});
       }},
      {"aten.conv1d.default", convolution},
      {"aten.conv2d.default", convolution},
      {"aten.conv3d.default", convolution},
      {"aten.split_with_sizes.default", [](Translator &t) { return t.parts(t.integers("split_sizes")); }},
      {"aten.index.Tensor", index},
      {"aten.embedding.default",
       [](Translator &t) {
         return t.emit("Gather", {t.tensor("weight"), t.tensor("indices")}, {attribute("axis", int64_t(0))});
       }},
      {"aten.arange.default", arange},
      {"aten.arange.start", arange},
      {"aten.arange.start_step", arange},
      {"aten.diff.default", diff},
      {"aten.cumsum.default", cumulativeSum},
      {"aten.new_ones.default", [](Translator &t) { return t.filled(t.integers("size"), 1); }},
      {"aten.new_zeros.default", [](Translator &t) { return t.filled(t.integers("size"), 0); }},
      {"aten.ones.default", [](Translator &t) { return t.filled(t.integers("size"), 1); }},
      {"aten.zeros.default", [](Translator &t) { return t.filled(t.integers("size"), 0); }},
      {"aten.full.default",
       [](Translator &t) { return t.filled(t.integers("size"), t.number("fill_value").value_or(0)); }},
      {"aten.ones_like.default", [](Translator &t) { return t.filled(t.sizesOf("self"), 1); }},
      {"aten.zeros_like.default", [](Translator &t) { return t.filled(t.sizesOf("self"), 0); }},
      {"aten.full_like.default",
       [](Translator &t) { return t.filled(t.sizesOf("self"), t.number("fill_value").value_or(0)); }},
      {"aten.scalar_tensor.default",
       [](Translator &t) { return t.scalar(t.number("s").value_or(0), t.result().type); }},
      {"aten.where.self", where},
      {"aten.where.ScalarOther", where},
      {"aten.masked_fill.Scalar", maskedFill},
      {"aten.masked_fill.Tensor", maskedFill},
      {"aten.triu.default", [](Translator &t) { return triangle(t, true); }},
      {"aten.tril.default", [](Translator &t) { return triangle(t, false); }},
      {"aten.dropout.default", dropout},
      {"aten.layer_norm.default", layerNorm},
      {"aten.rms_norm.default", rmsNorm},
      {"aten.addmm.default", addmm},
      {"aten.linear.default", linear},
      {"aten.matmul.default", matmul},
      {"aten.mm.default", matmul},
      {"aten.bmm.default", matmul},
      {"aten.scaled_dot_product_attention.default", attention},
      {"aten.mean.dim", [](Translator &t) { return reduce(t, "ReduceMean"); }},
      {"aten.sum.dim_IntList", [](Translator &t) { return reduce(t, "ReduceSum"); }},
      {"aten.amax.default", [](Translator &t) { return reduce(t, "ReduceMax"); }},
      {"aten.softmax.int", [](Translator &t) { return softmax(t, "Softmax"); }},
      {"aten._softmax.default", [](Translator &t) { return softmax(t, "Softmax"); }},
      {"aten.log_softmax.int", [](Translator &t) { return softmax(t, "LogSoftmax"); }},
      {"aten.sym_size.int", size},
      {"_operator.add", WEFT_INTEGERS("Add")},
      {"_operator.sub", WEFT_INTEGERS("Sub")},
      {"_operator.mul", WEFT_INTEGERS("Mul")},
      {"higher_order.wrap_with_set_grad_enabled", [](Translator &t) { return t.inlineGraph(); }},
  };
  return table;
}

Operator weft::torch::findOperator(StringRef name) { return operators().lookup(name); }
