//===- ReadOnnx.cpp - From the bytes of an ONNX file to plain values -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The only file that knows protobuf. Messages that may hold weights (model,
// graph, node, attribute, tensor) are walked on the wire, because generated
// classes would copy the weights and forget where in the file they lie; the
// small messages in them go through the generated classes. Field numbers come
// from the generated code everywhere.
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/OnnxGraph.h"
#include "onnx.pb.h"
#include <cstring>
#include <functional>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <limits>

using google::protobuf::internal::WireFormatLite;

namespace weft::onnx {

std::string elementTypeName(ElementType type) {
  static const char *const names[] = {"UNDEFINED", "FLOAT",  "UINT8",     "INT8",       "UINT16",  "INT16",
                                      "INT32",     "INT64",  "STRING",    "BOOL",       "FLOAT16", "DOUBLE",
                                      "UINT32",    "UINT64", "COMPLEX64", "COMPLEX128", "BFLOAT16"};
  auto number = static_cast<int32_t>(type);
  if (number >= 0 && number < static_cast<int32_t>(std::size(names)))
    return names[number];
  return "type " + std::to_string(number);
}

int64_t elementTypeBytes(ElementType type) {
  switch (type) {
  case ElementType::Int8:
  case ElementType::UInt8:
  case ElementType::Bool:
    return 1;
  case ElementType::Int16:
  case ElementType::UInt16:
  case ElementType::Float16:
  case ElementType::BFloat16:
    return 2;
  case ElementType::Float:
  case ElementType::Int32:
  case ElementType::UInt32:
    return 4;
  case ElementType::Int64:
  case ElementType::UInt64:
  case ElementType::Double:
    return 8;
  default:
    return 0;
  }
}

namespace {

/// A stretch of the file, with its place in it.
struct Bytes {
  const char *data;
  int64_t offset; // in the file
  int64_t size;

  std::string str() const { return std::string(data, size); }
};

/// One field of a message on the wire.
struct Field {
  int number;
  WireFormatLite::WireType wire;
  uint64_t value; // varint and fixed fields
  Bytes payload;  // length-delimited fields

  bool isBytes() const { return wire == WireFormatLite::WIRETYPE_LENGTH_DELIMITED; }
  bool isVarint() const { return wire == WireFormatLite::WIRETYPE_VARINT; }
  bool isFixed32() const { return wire == WireFormatLite::WIRETYPE_FIXED32; }
};

class Reader {
public:
  explicit Reader(std::string &error) : error(error) {}

  bool model(Bytes bytes, Model &model);

private:
  using Visitor = std::function<bool(const Field &)>;

  /// Calls `visit` for each field; false as soon as it says so or the bytes are malformed.
  bool forEachField(Bytes message, const char *what, const Visitor &visit);
  bool fail(int64_t offset, const std::string &reason) {
    if (error.empty())
      error = reason + " at byte " + std::to_string(offset);
    return false;
  }
  /// The field must be of the given form.
  bool expect(bool holds, const Field &field, const char *what) {
    if (holds)
      return true;
    return fail(field.payload.offset,
                std::string("field ") + std::to_string(field.number) + " of a " + what + " has the wrong wire type");
  }
  template <typename Message> bool parse(const Field &field, const char *what, Message &message) {
    if (!expect(field.isBytes(), field, what))
      return false;
    if (message.ParseFromArray(field.payload.data, static_cast<int>(field.payload.size)))
      return true;
    return fail(field.payload.offset, std::string("malformed ") + what);
  }
  bool string(const Field &field, const char *what, std::string &result) {
    if (!expect(field.isBytes(), field, what))
      return false;
    result = field.payload.str();
    return true;
  }
  bool metadata(const Field &field, Metadata &result) {
    ::onnx::StringStringEntryProto entry;
    if (!parse(field, "metadata entry", entry))
      return false;
    result[entry.key()] = entry.value();
    return true;
  }
  /// A repeated varint field, packed or not; calls `add` with every number.
  bool varints(const Field &field, const char *what, const std::function<void(uint64_t)> &add);

  bool opsetImport(const Field &field, std::map<std::string, int64_t> &opsets);
  bool graph(Bytes bytes, Model &model);
  /// A graph that is an attribute of a node.
  bool body(Bytes bytes, Graph &graph);
  bool function(Bytes bytes, Function &function);
  bool node(Bytes bytes, Node &node);
  bool attribute(Bytes bytes, Attribute &attribute);
  bool tensor(Bytes bytes, Tensor &tensor);
  bool valueInfo(const Field &field, ValueInfo &info);

  std::string &error;
  int depth = 0; ///< of bodies in each other
};

/// Bodies in each other that a file may have: each is a few frames on the stack.
constexpr int kMaxDepth = 32;

} // namespace

bool Reader::forEachField(Bytes message, const char *what, const Visitor &visit) {
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t *>(message.data),
                                            static_cast<int>(message.size));
  while (in.CurrentPosition() < message.size) {
    int64_t at = message.offset + in.CurrentPosition();
    uint32_t tag = in.ReadTag();
    Field field{WireFormatLite::GetTagFieldNumber(tag), WireFormatLite::GetTagWireType(tag), 0, {nullptr, at, 0}};
    if (tag == 0 || field.number == 0)
      return fail(at, std::string("malformed ") + what);
    bool ok = true;
    uint32_t word = 0;
    switch (field.wire) {
    case WireFormatLite::WIRETYPE_VARINT:
      ok = in.ReadVarint64(&field.value);
      break;
    case WireFormatLite::WIRETYPE_FIXED64: {
      uint64_t number = 0;
      ok = in.ReadLittleEndian64(&number);
      field.value = number;
      break;
    }
    case WireFormatLite::WIRETYPE_FIXED32:
      ok = in.ReadLittleEndian32(&word);
      field.value = word;
      break;
    case WireFormatLite::WIRETYPE_LENGTH_DELIMITED: {
      ok = in.ReadVarint32(&word);
      int64_t start = in.CurrentPosition();
      if (ok && static_cast<int64_t>(word) > message.size - start)
        return fail(at, std::string("the file is truncated or corrupt: a ") + what + " ends too early");
      field.payload = {message.data + start, message.offset + start, static_cast<int64_t>(word)};
      ok = ok && in.Skip(static_cast<int>(word));
      break;
    }
    default: // groups and unknown wire types do not occur in ONNX
      ok = false;
    }
    if (!ok)
      return fail(at, std::string("malformed ") + what);
    if (!visit(field))
      return false;
  }
  return true;
}

bool Reader::varints(const Field &field, const char *what, const std::function<void(uint64_t)> &add) {
  if (field.isVarint()) {
    add(field.value);
    return true;
  }
  if (!expect(field.isBytes(), field, what))
    return false;
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t *>(field.payload.data),
                                            static_cast<int>(field.payload.size));
  while (in.CurrentPosition() < field.payload.size) {
    uint64_t number;
    if (!in.ReadVarint64(&number))
      return fail(field.payload.offset, std::string("malformed numbers in a ") + what);
    add(number);
  }
  return true;
}

/// Appends the low `bytes` bytes of a number, little-endian.
static void appendBytes(std::string &data, uint64_t number, int64_t bytes) {
  for (int64_t i = 0; i < bytes; ++i)
    data.push_back(static_cast<char>(number >> (8 * i)));
}

bool Reader::tensor(Bytes bytes, Tensor &tensor) {
  using Proto = ::onnx::TensorProto;
  // int32_data may precede data_type on the wire: numbers are laid out at the end.
  std::vector<uint64_t> numbers;
  int pieces = 0;
  bool external = false;
  auto range = [&](const Field &field) {
    ++pieces;
    tensor.storage = Tensor::Storage::File;
    tensor.offset = field.payload.offset;
    tensor.bytes = field.payload.size;
    return true;
  };
  bool ok = forEachField(bytes, "tensor", [&](const Field &field) {
    switch (field.number) {
    case Proto::kDimsFieldNumber:
      return varints(field, "tensor", [&](uint64_t n) { tensor.dims.push_back(static_cast<int64_t>(n)); });
    case Proto::kDataTypeFieldNumber:
      if (!expect(field.isVarint(), field, "tensor"))
        return false;
      tensor.type = static_cast<ElementType>(static_cast<int32_t>(field.value));
      return true;
    case Proto::kNameFieldNumber:
      return string(field, "tensor", tensor.name);
    case Proto::kRawDataFieldNumber:
      return expect(field.isBytes(), field, "tensor") && range(field);
    case Proto::kFloatDataFieldNumber:
    case Proto::kDoubleDataFieldNumber:
      // Packed floats lie in the file as they lie in memory.
      if (field.isBytes())
        return range(field);
      numbers.push_back(field.value);
      return true;
    case Proto::kInt32DataFieldNumber:
    case Proto::kInt64DataFieldNumber:
    case Proto::kUint64DataFieldNumber:
      return varints(field, "tensor", [&](uint64_t n) { numbers.push_back(n); });
    case Proto::kStringDataFieldNumber:
      tensor.type = static_cast<ElementType>(Proto::STRING);
      return true;
    case Proto::kSegmentFieldNumber:
      return fail(field.payload.offset, "tensors in segments are not supported, found one");
    case Proto::kDataLocationFieldNumber:
      external = field.value == Proto::EXTERNAL;
      return true;
    case Proto::kExternalDataFieldNumber: {
      Metadata entry;
      if (!metadata(field, entry))
        return false;
      for (auto &[key, value] : entry) {
        if (key == "location")
          tensor.location = value;
        if (key != "offset" && key != "length")
          continue;
        errno = 0;
        char *end = nullptr;
        long long number = std::strtoll(value.c_str(), &end, 10);
        if (errno || value.empty() || *end || number < 0)
          return fail(field.payload.offset, "tensor '" + tensor.name + "' has a malformed external " + key);
        (key == "offset" ? tensor.offset : tensor.bytes) = number;
      }
      return true;
    }
    default:
      return true;
    }
  });
  if (!ok)
    return false;
  if (external) {
    if (pieces || !numbers.empty())
      return fail(bytes.offset, "tensor '" + tensor.name + "' has both embedded and external data");
    if (tensor.location.empty())
      return fail(bytes.offset, "tensor '" + tensor.name + "' has external data without a location");
    tensor.storage = Tensor::Storage::External;
    return true;
  }
  if (pieces > 1 || (pieces && !numbers.empty()))
    return fail(bytes.offset, "tensor '" + tensor.name + "' has its data in several pieces");
  if (!pieces) {
    tensor.storage = Tensor::Storage::Inline;
    for (uint64_t number : numbers)
      appendBytes(tensor.data, number, elementTypeBytes(tensor.type));
    tensor.bytes = tensor.data.size();
  }
  return true;
}

bool Reader::attribute(Bytes bytes, Attribute &attribute) {
  using Proto = ::onnx::AttributeProto;
  using Kind = Attribute::Kind;
  auto kindOf = [](uint64_t type) {
    switch (type) {
    case Proto::FLOAT:
      return Kind::Float;
    case Proto::INT:
      return Kind::Int;
    case Proto::STRING:
      return Kind::String;
    case Proto::TENSOR:
      return Kind::Tensor;
    case Proto::FLOATS:
      return Kind::Floats;
    case Proto::INTS:
      return Kind::Ints;
    case Proto::STRINGS:
      return Kind::Strings;
    case Proto::GRAPH:
      return Kind::Graph;
    default:
      return Kind::Other;
    }
  };
  auto addFloat = [&](uint64_t bits, std::vector<float> &list) {
    auto word = static_cast<uint32_t>(bits);
    float number;
    std::memcpy(&number, &word, sizeof(number));
    list.push_back(number);
  };
  return forEachField(bytes, "attribute", [&](const Field &field) {
    switch (field.number) {
    case Proto::kNameFieldNumber:
      return string(field, "attribute", attribute.name);
    case Proto::kRefAttrNameFieldNumber:
      return string(field, "attribute", attribute.reference);
    case Proto::kTypeFieldNumber:
      attribute.kind = kindOf(field.value);
      return expect(field.isVarint(), field, "attribute");
    case Proto::kFFieldNumber: {
      std::vector<float> list;
      addFloat(field.value, list);
      attribute.f = list.front();
      return expect(field.isFixed32(), field, "attribute");
    }
    case Proto::kIFieldNumber:
      attribute.i = static_cast<int64_t>(field.value);
      return expect(field.isVarint(), field, "attribute");
    case Proto::kSFieldNumber:
      return string(field, "attribute", attribute.s);
    case Proto::kTFieldNumber:
      return expect(field.isBytes(), field, "attribute") && tensor(field.payload, attribute.t.emplace_back());
    case Proto::kGFieldNumber:
      return expect(field.isBytes(), field, "attribute") && body(field.payload, attribute.g.emplace_back());
    case Proto::kFloatsFieldNumber:
      if (field.isFixed32()) {
        addFloat(field.value, attribute.floats);
        return true;
      }
      if (!expect(field.isBytes() && field.payload.size % 4 == 0, field, "attribute"))
        return false;
      for (int64_t i = 0; i < field.payload.size; i += 4) {
        uint32_t word;
        std::memcpy(&word, field.payload.data + i, 4);
        addFloat(word, attribute.floats);
      }
      return true;
    case Proto::kIntsFieldNumber:
      return varints(field, "attribute", [&](uint64_t n) { attribute.ints.push_back(static_cast<int64_t>(n)); });
    case Proto::kStringsFieldNumber:
      return string(field, "attribute", attribute.strings.emplace_back());
    default:
      return true;
    }
  });
}

bool Reader::node(Bytes bytes, Node &node) {
  using Proto = ::onnx::NodeProto;
  return forEachField(bytes, "node", [&](const Field &field) {
    switch (field.number) {
    case Proto::kInputFieldNumber:
      return string(field, "node", node.inputs.emplace_back());
    case Proto::kOutputFieldNumber:
      return string(field, "node", node.outputs.emplace_back());
    case Proto::kNameFieldNumber:
      return string(field, "node", node.name);
    case Proto::kOpTypeFieldNumber:
      return string(field, "node", node.opType);
    case Proto::kDomainFieldNumber:
      return string(field, "node", node.domain);
    case Proto::kOverloadFieldNumber:
      return string(field, "node", node.overload);
    case Proto::kAttributeFieldNumber:
      return expect(field.isBytes(), field, "node") && attribute(field.payload, node.attributes.emplace_back());
    case Proto::kMetadataPropsFieldNumber:
      return metadata(field, node.metadata);
    default:
      return true;
    }
  });
}

bool Reader::valueInfo(const Field &field, ValueInfo &info) {
  ::onnx::ValueInfoProto proto;
  if (!parse(field, "value description", proto))
    return false;
  info.name = proto.name();
  for (const auto &entry : proto.metadata_props())
    info.metadata[entry.key()] = entry.value();
  info.isTensor = proto.type().has_tensor_type();
  const auto &type = proto.type().tensor_type();
  info.type = static_cast<ElementType>(type.elem_type());
  info.hasShape = type.has_shape();
  for (const auto &dim : type.shape().dim()) {
    Dim &result = info.shape.emplace_back();
    if (dim.has_dim_value())
      result.value = dim.dim_value();
    if (dim.has_dim_value() && dim.dim_value() < 0)
      return fail(field.payload.offset, "value '" + info.name + "' has a negative size");
    result.param = dim.dim_param();
  }
  return true;
}

bool Reader::graph(Bytes bytes, Model &model) {
  using Proto = ::onnx::GraphProto;
  return forEachField(bytes, "graph", [&](const Field &field) {
    switch (field.number) {
    case Proto::kNodeFieldNumber:
      return expect(field.isBytes(), field, "graph") && node(field.payload, model.nodes.emplace_back());
    case Proto::kInitializerFieldNumber:
      return expect(field.isBytes(), field, "graph") && tensor(field.payload, model.initializers.emplace_back());
    case Proto::kSparseInitializerFieldNumber: {
      ::onnx::SparseTensorProto sparse;
      if (!parse(field, "sparse initializer", sparse))
        return false;
      model.sparseInitializers.push_back(sparse.values().name());
      return true;
    }
    case Proto::kInputFieldNumber:
      return valueInfo(field, model.inputs.emplace_back());
    case Proto::kOutputFieldNumber:
      return valueInfo(field, model.outputs.emplace_back());
    case Proto::kValueInfoFieldNumber:
      return valueInfo(field, model.valueInfos.emplace_back());
    case Proto::kMetadataPropsFieldNumber:
      return metadata(field, model.graphMetadata);
    default:
      return true;
    }
  });
}

bool Reader::body(Bytes bytes, Graph &graph) {
  using Proto = ::onnx::GraphProto;
  if (++depth > kMaxDepth)
    return fail(bytes.offset, "more than " + std::to_string(kMaxDepth) + " graphs in each other");
  bool ok = forEachField(bytes, "graph", [&](const Field &field) {
    ValueInfo info;
    switch (field.number) {
    case Proto::kNodeFieldNumber:
      return expect(field.isBytes(), field, "graph") && node(field.payload, graph.nodes.emplace_back());
    case Proto::kInitializerFieldNumber:
      return expect(field.isBytes(), field, "graph") && tensor(field.payload, graph.initializers.emplace_back());
    case Proto::kSparseInitializerFieldNumber:
      return fail(field.payload.offset, "sparse initializers are not supported, found one");
    case Proto::kInputFieldNumber:
    case Proto::kOutputFieldNumber:
      if (!valueInfo(field, info))
        return false;
      (field.number == Proto::kInputFieldNumber ? graph.inputs : graph.outputs).push_back(info.name);
      return true;
    default:
      return true;
    }
  });
  --depth;
  return ok;
}

bool Reader::opsetImport(const Field &field, std::map<std::string, int64_t> &opsets) {
  ::onnx::OperatorSetIdProto opset;
  if (!parse(field, "opset import", opset))
    return false;
  opsets[opset.domain() == "ai.onnx" ? "" : opset.domain()] = opset.version();
  return true;
}

bool Reader::function(Bytes bytes, Function &function) {
  using Proto = ::onnx::FunctionProto;
  return forEachField(bytes, "function", [&](const Field &field) {
    switch (field.number) {
    case Proto::kNameFieldNumber:
      return string(field, "function", function.name);
    case Proto::kDomainFieldNumber:
      return string(field, "function", function.domain);
    case Proto::kOverloadFieldNumber:
      return string(field, "function", function.overload);
    case Proto::kInputFieldNumber:
      return string(field, "function", function.inputs.emplace_back());
    case Proto::kOutputFieldNumber:
      return string(field, "function", function.outputs.emplace_back());
    case Proto::kAttributeFieldNumber:
      return string(field, "function", function.attributes.emplace_back());
    case Proto::kAttributeProtoFieldNumber:
      return expect(field.isBytes(), field, "function") && attribute(field.payload, function.defaults.emplace_back());
    case Proto::kNodeFieldNumber:
      return expect(field.isBytes(), field, "function") && node(field.payload, function.nodes.emplace_back());
    case Proto::kOpsetImportFieldNumber:
      return opsetImport(field, function.opsets);
    default:
      return true;
    }
  });
}

bool Reader::model(Bytes bytes, Model &model) {
  using Proto = ::onnx::ModelProto;
  bool hasGraph = false;
  bool ok = forEachField(bytes, "model", [&](const Field &field) {
    switch (field.number) {
    case Proto::kIrVersionFieldNumber:
      model.irVersion = static_cast<int64_t>(field.value);
      return expect(field.isVarint(), field, "model");
    case Proto::kProducerNameFieldNumber:
      return string(field, "model", model.producer);
    case Proto::kOpsetImportFieldNumber:
      return opsetImport(field, model.opsets);
    case Proto::kFunctionsFieldNumber:
      return expect(field.isBytes(), field, "model") && function(field.payload, model.functions.emplace_back());
    case Proto::kGraphFieldNumber:
      if (hasGraph)
        return fail(field.payload.offset, "a second graph");
      hasGraph = true;
      return expect(field.isBytes(), field, "model") && graph(field.payload, model);
    default:
      return true;
    }
  });
  if (!ok)
    return false;
  if (!hasGraph || model.irVersion <= 0) {
    error = !hasGraph ? "it has no graph" : "it has no IR version";
    return false;
  }
  return true;
}

bool readModel(std::string_view bytes, Model &model, std::string &error) {
  auto startsWith = [&](std::string_view magic) { return bytes.substr(0, magic.size()) == magic; };
  if (bytes.empty())
    error = "the file is empty";
  else if (startsWith("\x1f\x8b"))
    error = "it is compressed with gzip: unpack it first";
  else if (startsWith("PK\x03\x04"))
    error = "it is a zip archive";
  else if (startsWith("version https://git-lfs"))
    error = "it is a Git LFS pointer: fetch the file itself";
  else if (bytes.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max()))
    error = "it is over 2 GiB, the format's limit: keep its weights as external data";
  if (!error.empty())
    return false;
  Reader reader(error);
  return reader.model({bytes.data(), 0, static_cast<int64_t>(bytes.size())}, model);
}

} // namespace weft::onnx
