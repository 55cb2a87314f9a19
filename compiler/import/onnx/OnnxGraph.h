//===- OnnxGraph.h - An ONNX model as plain C++ values -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the importer knows of an ONNX file. Weights stay where they are: a large
// tensor is a range of bytes of the model file or of an external data file.
// Nothing here, nor in any operator family, depends on protobuf.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_IMPORT_ONNX_ONNXGRAPH_H
#define WEFT_COMPILER_IMPORT_ONNX_ONNXGRAPH_H

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::onnx {

/// TensorProto.DataType, the types Weft has a use for; others keep their number.
enum class ElementType : int32_t {
  Undefined = 0,
  Float = 1,
  UInt8 = 2,
  Int8 = 3,
  UInt16 = 4,
  Int16 = 5,
  Int32 = 6,
  Int64 = 7,
  Bool = 9,
  Float16 = 10,
  Double = 11,
  UInt32 = 12,
  UInt64 = 13,
  BFloat16 = 16,
};

/// The format's name of an element type ("FLOAT16"); "type 77" for unknown ones.
std::string elementTypeName(ElementType type);
/// Bytes of one element in `raw_data` and in data files; 0 if Weft has no use for the type.
int64_t elementTypeBytes(ElementType type);

/// Whether elements are unsigned integers. Programs have signless ones: it is the operators that differ.
inline bool isUnsigned(ElementType type) {
  return type == ElementType::UInt8 || type == ElementType::UInt16 || type == ElementType::UInt32 ||
         type == ElementType::UInt64;
}

/// A tensor of constants: where its row-major little-endian elements lie.
struct Tensor {
  enum class Storage {
    File,     ///< bytes [offset, offset + bytes) of the model file
    Inline,   ///< `data`: typed fields that are not stored as they would lie in memory
    External, ///< the same range of the file `location`, relative to the model's folder
  };

  std::string name;
  ElementType type = ElementType::Undefined;
  std::vector<int64_t> dims;
  Storage storage = Storage::Inline;
  int64_t offset = 0;
  int64_t bytes = -1; ///< -1: external data without a length
  std::string data;
  std::string location;
  bool isConstantNode = false; ///< it was a Constant node, not an initializer
};

struct Graph;

struct Attribute {
  enum class Kind { Undefined, Float, Int, String, Tensor, Floats, Ints, Strings, Graph, Other };

  std::string name;
  Kind kind = Kind::Undefined;
  /// In a function's body: the attribute of the call that gives the value.
  std::string reference;
  float f = 0;
  int64_t i = 0;
  std::string s;
  std::vector<Tensor> t; ///< one for Kind::Tensor
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string> strings;
  std::vector<Graph> g; ///< one for Kind::Graph
};

/// Keys and values in file order of appearance do not matter: sorted by key.
using Metadata = std::map<std::string, std::string>;

struct Guard {
  std::string condition; ///< a value's name
  bool when = true;
};

struct Node {
  std::string name, opType, domain, overload;
  std::vector<std::string> inputs, outputs; ///< "" stands for an operand or result left out
  std::vector<Attribute> attributes;
  Metadata metadata;
  int64_t opset = 0; ///< of the standard operators, where it came from a function; 0: the model's
  /// Of a branch: computed only if each condition, a boolean scalar, is as it says; outer branches first.
  std::vector<Guard> guards;
};

/// The body of a branch. It reads values of the graphs around it by name.
struct Graph {
  std::vector<Node> nodes;
  std::vector<Tensor> initializers;
  std::vector<std::string> inputs, outputs;
};

struct Dim {
  int64_t value = -1; ///< -1: symbolic or unknown
  std::string param;  ///< the symbolic size's name, if it has one
};

/// A graph input or output, or what `value_info` says of any value.
struct ValueInfo {
  std::string name;
  bool isTensor = false; ///< sequences, maps and optionals are not
  ElementType type = ElementType::Undefined;
  bool hasShape = false;
  std::vector<Dim> shape;
  Metadata metadata;
};

/// An operator that the model defines itself.
struct Function {
  std::string name, domain, overload;
  std::vector<std::string> inputs, outputs;
  std::vector<std::string> attributes; ///< that have no default
  std::vector<Attribute> defaults;
  std::vector<Node> nodes;
  std::map<std::string, int64_t> opsets;
};

struct Model {
  int64_t irVersion = 0;
  std::string producer;
  std::map<std::string, int64_t> opsets; ///< by domain; "" is the standard one
  std::vector<Node> nodes;
  std::vector<Function> functions;
  std::vector<Tensor> initializers;
  std::vector<std::string> sparseInitializers;
  std::vector<ValueInfo> inputs, outputs, valueInfos;
  Metadata graphMetadata;
};

/// Reads a model from the bytes of a file. Returns false with a one-line reason
/// if they are not an ONNX model. `bytes` is not kept.
bool readModel(std::string_view bytes, Model &model, std::string &error);

} // namespace weft::onnx

#endif // WEFT_COMPILER_IMPORT_ONNX_ONNXGRAPH_H
