//===- ReadPt2.cpp - Archives of torch.export -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// NAME/models/model.json holds the graph and its signature, in the schema of
// torch/_export/serde/schema.py; NAME/data/weights and NAME/data/constants hold
// the tensors, each the bytes of its storage, with a table each that says which
// is which.
//
//===----------------------------------------------------------------------===//

#include "compiler/import/torch/ReadPt2.h"
#include "compiler/import/torch/AtenGraph.h"
#include "compiler/import/torch/ZipFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/JSON.h"

using namespace weft;
using namespace weft::torch;
using llvm::StringRef;
namespace json = llvm::json;

/// The operators are those of this version.
static constexpr int64_t kOpset = 23;
/// Of the schema of model.json; a minor version adds what may be left out.
static constexpr int64_t kSchemaMajor = 8;
/// Graphs in graphs are about ten deep each.
static constexpr int64_t kMostNesting = 500;
static constexpr const char *kRangesKey = "pkg.torch.export.ExportedProgram.range_constraints";
static constexpr const char *kKindKey = "pkg.torch.export.graph_signature.InputSpec.kind";

bool weft::torch::isArchive(StringRef bytes) { return bytes.starts_with("PK\x03\x04"); }

namespace {

class Archive {
public:
  Archive(StringRef bytes, onnx::Model &model, std::string &error) : bytes(bytes), model(model), error(error) {}

  bool read();

private:
  bool fail(const std::string &reason) {
    if (error.empty())
      error = reason;
    return false;
  }
  bool readJson(const std::string &name, json::Value &value);
  bool readTensors(const char *folder, const char *table);
  bool readTensor(StringRef name, const json::Object &entry, const std::string &folder);
  bool readSignature(const json::Object &signature, const json::Object &graph);
  bool readInput(const std::string &name, const json::Object &graph);
  bool readOutputs(const json::Object &signature);
  std::string nameOfSymbol(const std::string &symbol, const onnx::ValueInfo &input);
  void readRanges(const json::Object &program);
  void addWeight(const std::string &value, const std::string &name, const char *kind);

  StringRef bytes;
  onnx::Model &model;
  std::string &error;
  std::map<std::string, ZipEntry> files;
  std::string root; ///< the folder in the archive that all is in
  std::map<std::string, onnx::Tensor> tensors;
  std::map<std::string, std::string> names;
  std::map<std::string, std::string> symbols; ///< what symbolic sizes are called
  std::vector<std::string> order;             ///< symbols in the order of the inputs
};

} // namespace

/// How deep lists and objects of a JSON text lie in each other: a parser takes a frame of the stack for each.
static int64_t nesting(StringRef text) {
  int64_t depth = 0, most = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted && c == '\\')
      ++i;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && (c == '[' || c == '{'))
      most = std::max(most, ++depth);
    else if (!quoted && (c == ']' || c == '}'))
      --depth;
  }
  return most;
}

bool Archive::readJson(const std::string &name, json::Value &value) {
  auto file = files.find(name);
  if (file == files.end())
    return fail("'" + name + "' is missing in it");
  StringRef text = bytes.substr(file->second.offset, file->second.bytes);
  if (nesting(text) > kMostNesting)
    return fail("'" + name + "' in it is nested too deeply");
  llvm::Expected<json::Value> parsed = json::parse(text);
  if (!parsed) {
    llvm::consumeError(parsed.takeError());
    return fail("'" + name + "' in it is no JSON");
  }
  value = std::move(*parsed);
  return true;
}

bool Archive::readTensor(StringRef name, const json::Object &entry, const std::string &folder) {
  std::string what = "the tensor '" + name.str() + "'";
  const json::Object *meta = entry.getObject("tensor_meta");
  std::optional<StringRef> path = entry.getString("path_name");
  const json::Array *sizes = meta ? meta->getArray("sizes") : nullptr,
                    *strides = meta ? meta->getArray("strides") : nullptr;
  if (!path || !sizes || !strides || sizes->size() != strides->size())
    return fail(what + " is not described");
  auto file = files.find(root + folder + "/" + path->str());
  if (entry.getBoolean("use_pickle").value_or(false) || file == files.end())
    return fail(what + " is pickled or missing");
  onnx::Tensor tensor;
  tensor.name = name.str();
  tensor.type = elementTypeOf(meta->getInteger("dtype").value_or(0));
  int64_t width = onnx::elementTypeBytes(tensor.type), count = 1;
  if (width == 0)
    return fail(what + " has an element type that is not supported");
  for (size_t i = sizes->size(); i-- > 0;) {
    std::optional<Size> size = readSize((*sizes)[i]), stride = readSize((*strides)[i]);
    if (!size || !stride || size->value < 0 || size->value > (int64_t(1) << 40))
      return fail(what + " has no fixed shape");
    if (size->value > 1 && stride->value != count)
      return fail(what + " is not dense: call .contiguous() on it before the export");
    tensor.dims.insert(tensor.dims.begin(), size->value);
    if (size->value > 0 && count > (int64_t(1) << 40) / size->value)
      return fail(what + " is too large");
    count *= size->value;
  }
  const json::Object *offset = meta->getObject("storage_offset");
  int64_t begin = (offset ? offset->getInteger("as_int").value_or(0) : 0);
  if (begin < 0 || begin > file->second.bytes / width || count > file->second.bytes / width - begin)
    return fail(what + " is larger than its file");
  tensor.storage = onnx::Tensor::Storage::File;
  tensor.offset = file->second.offset + begin * width;
  tensor.bytes = count * width;
  tensors[name.str()] = std::move(tensor);
  return true;
}

bool Archive::readTensors(const char *folder, const char *table) {
  json::Value value(nullptr);
  if (!readJson(root + folder + std::string("/") + table, value))
    return false;
  const json::Object *object = value.getAsObject(), *entries = object ? object->getObject("config") : nullptr;
  if (!entries)
    return fail(std::string("'") + table + "' in it is damaged");
  for (const auto &[name, entry] : *entries)
    if (!entry.getAsObject() || !readTensor(name, *entry.getAsObject(), folder))
      return fail(std::string("'") + table + "' in it is damaged");
  return true;
}

void Archive::addWeight(const std::string &value, const std::string &name, const char *kind) {
  names[value] = name;
  auto tensor = tensors.find(name);
  if (tensor == tensors.end()) {
    fail("the tensor '" + name + "' is missing in it");
    return;
  }
  model.initializers.push_back(tensor->second);
  onnx::ValueInfo info;
  info.name = name, info.isTensor = info.hasShape = true, info.type = tensor->second.type;
  for (int64_t size : tensor->second.dims)
    info.shape.push_back({size, ""});
  info.metadata[kKindKey] = kind;
  model.valueInfos.push_back(std::move(info));
}

bool Archive::readInput(const std::string &name, const json::Object &graph) {
  const json::Object *values = graph.getObject("tensor_values"), *meta = values ? values->getObject(name) : nullptr;
  const json::Array *sizes = meta ? meta->getArray("sizes") : nullptr;
  if (!sizes)
    return fail("its input '" + name + "' is no tensor");
  onnx::ValueInfo info;
  info.name = name, info.isTensor = info.hasShape = true;
  info.type = elementTypeOf(meta->getInteger("dtype").value_or(0));
  for (const json::Value &value : *sizes) {
    std::optional<Size> size = readSize(value);
    if (!size)
      return fail("the shape of its input '" + name + "' is damaged");
    info.shape.push_back({size->value, nameOfSymbol(size->symbol, info)});
  }
  names[name] = name;
  model.inputs.push_back(std::move(info));
  return true;
}

/// What people call a symbolic size: archives have numbers for them, whatever names were given for the export. The
/// first dimension of an input is the batch, the second one of integers the sequence.
std::string Archive::nameOfSymbol(const std::string &symbol, const onnx::ValueInfo &input) {
  if (symbol.empty())
    return "";
  auto [known, isNew] = symbols.try_emplace(symbol, symbol);
  if (isNew) {
    const char *usual = input.shape.empty() ? "batch" : "sequence";
    bool isUsual = input.shape.empty() || (input.shape.size() == 1 && input.type == onnx::ElementType::Int64);
    bool isFree = llvm::none_of(symbols, [&](const auto &other) { return other.second == usual; });
    if (isUsual && isFree)
      known->second = usual;
    order.push_back(symbol);
  }
  return known->second;
}

/// Bounds of symbolic sizes, as the ONNX exporter writes them.
void Archive::readRanges(const json::Object &program) {
  const json::Object *ranges = program.getObject("range_constraints");
  std::string text;
  for (const std::string &symbol : order) {
    const json::Object *range = ranges ? ranges->getObject(symbol) : nullptr;
    if (!range)
      return;
    std::optional<int64_t> low = range->getInteger("min_val"), high = range->getInteger("max_val");
    text += (text.empty() ? "{" : ", ") + symbol + ": VR[" + std::to_string(low.value_or(0)) + ", " +
            (high ? std::to_string(*high) : "int_oo") + "]";
  }
  if (!text.empty())
    model.graphMetadata[kRangesKey] = text + "}";
}

bool Archive::readSignature(const json::Object &signature, const json::Object &graph) {
  const json::Array *specs = signature.getArray("input_specs");
  if (!specs)
    return fail("it has no signature");
  struct Kind {
    const char *key, *target, *name;
  };
  static constexpr Kind kKinds[] = {{"parameter", "parameter_name", "PARAMETER"},
                                    {"buffer", "buffer_name", "BUFFER"},
                                    {"tensor_constant", "tensor_constant_name", "CONSTANT_TENSOR"}};
  for (const json::Value &value : *specs) {
    const json::Object *spec = value.getAsObject();
    if (!spec)
      return fail("its signature is damaged");
    if (const json::Object *user = spec->getObject("user_input")) {
      const json::Object *arg = user->getObject("arg"), *tensor = arg ? arg->getObject("as_tensor") : nullptr;
      // Numbers and None are constants of the graph.
      if (tensor && !readInput(tensor->getString("name").value_or("").str(), graph))
        return false;
      continue;
    }
    bool known = false;
    for (const Kind &kind : kKinds)
      if (const json::Object *weight = spec->getObject(kind.key)) {
        const json::Object *arg = weight->getObject("arg");
        addWeight(arg ? arg->getString("name").value_or("").str() : "",
                  weight->getString(kind.target).value_or("").str(), kind.name);
        known = true;
      }
    if (!known)
      return fail("its signature has inputs of a kind that is not supported");
  }
  return error.empty();
}

bool Archive::readOutputs(const json::Object &signature) {
  const json::Array *specs = signature.getArray("output_specs");
  for (const json::Value &value : specs ? *specs : json::Array()) {
    const json::Object *spec = value.getAsObject(), *user = spec ? spec->getObject("user_output") : nullptr,
                       *arg = user ? user->getObject("arg") : nullptr,
                       *tensor = arg ? arg->getObject("as_tensor") : nullptr;
    if (!tensor) // a buffer that is changed, a loss of torch's own
      continue;
    onnx::ValueInfo info;
    info.name = names[tensor->getString("name").value_or("").str()], info.isTensor = true;
    if (info.name.empty())
      return fail("nothing computes one of its outputs");
    model.outputs.push_back(std::move(info));
  }
  return !model.outputs.empty() || fail("it has no outputs");
}

bool Archive::read() {
  if (!readZipFile(bytes, files, error))
    return false;
  static constexpr StringRef kGraph = "models/model.json";
  for (const auto &[name, entry] : files)
    if (StringRef(name).ends_with(kGraph))
      root = name.substr(0, name.size() - kGraph.size());
  json::Value value(nullptr);
  if (!files.count(root + kGraph.str()))
    return fail("it holds no 'models/model.json', as torch.export.save of PyTorch 2.11 writes it: export the model "
                "with that version or a later one");
  if (!readJson(root + kGraph.str(), value) || !readTensors("data/weights", "model_weights_config.json") ||
      !readTensors("data/constants", "model_constants_config.json"))
    return false;
  const json::Object *program = value.getAsObject(),
                     *version = program ? program->getObject("schema_version") : nullptr,
                     *module = program ? program->getObject("graph_module") : nullptr,
                     *graph = module ? module->getObject("graph") : nullptr,
                     *signature = module ? module->getObject("signature") : nullptr;
  if (!graph || !signature)
    return fail("'models/model.json' in it is damaged");
  int64_t major = version ? version->getInteger("major").value_or(0) : 0;
  if (major != kSchemaMajor)
    return fail("its schema is version " + std::to_string(major) + ", and Weft reads version " +
                std::to_string(kSchemaMajor) + ": export the model again");
  model.irVersion = 11;
  model.producer = "torch.export " + program->getString("torch_version").value_or("").str();
  model.opsets[""] = kOpset;
  if (!readSignature(*signature, *graph))
    return false;
  readRanges(*program);
  return translateGraph(*graph, names, model, error) && readOutputs(*signature);
}

bool weft::torch::readPt2(StringRef bytes, onnx::Model &model, std::string &error) {
  return Archive(bytes, model, error).read();
}
