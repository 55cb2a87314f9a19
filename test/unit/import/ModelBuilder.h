//===- ModelBuilder.h - Small ONNX models for tests -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TEST_UNIT_IMPORT_MODELBUILDER_H
#define WEFT_TEST_UNIT_IMPORT_MODELBUILDER_H

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace onnx {
class ModelProto;
} // namespace onnx

namespace weft::test {

/// TensorProto.DataType, by the names of the dialect.
enum ElementKind : int { F32 = 1, U8 = 2, I8 = 3, I32 = 6, I64 = 7, BOOL = 9, F16 = 10, F64 = 11, BF16 = 16, F8 = 17 };

struct Attr {
  std::string name;
  std::variant<int64_t, float, std::string, std::vector<int64_t>> value;
};

/// Builds a model message by message; returns itself so that calls chain.
class ModelBuilder {
public:
  using Shape = std::vector<int64_t>;
  using Names = std::vector<std::string>;

  explicit ModelBuilder(int64_t opset = 18);
  ModelBuilder(const ModelBuilder &other);
  ~ModelBuilder();

  /// A size of -1 is the symbolic "batch", -2 is "sequence", -3 has no name.
  ModelBuilder &input(const std::string &name, const Shape &shape, ElementKind kind = F32);
  ModelBuilder &output(const std::string &name);
  ModelBuilder &node(const std::string &opType, const Names &inputs, const Names &outputs,
                     const std::vector<Attr> &attributes = {}, const std::string &scopes = "");
  /// An initializer whose bytes are raw data.
  ModelBuilder &raw(const std::string &name, ElementKind kind, const Shape &shape, const std::string &bytes);
  ModelBuilder &floats(const std::string &name, const Shape &shape, const std::vector<float> &values);
  ModelBuilder &ints(const std::string &name, const Shape &shape, const std::vector<int64_t> &values);
  /// An initializer in a data file.
  ModelBuilder &external(const std::string &name, const Shape &shape, const std::string &location, int64_t offset,
                         int64_t length);
  /// Metadata of an initializer, and of the graph.
  ModelBuilder &info(const std::string &name, const std::string &key, const std::string &value);
  ModelBuilder &graphInfo(const std::string &key, const std::string &value);

  /// For what the functions above do not cover.
  ::onnx::ModelProto &proto() { return *model; }
  std::string bytes() const;

private:
  std::unique_ptr<::onnx::ModelProto> model;
};

} // namespace weft::test

#endif // WEFT_TEST_UNIT_IMPORT_MODELBUILDER_H
