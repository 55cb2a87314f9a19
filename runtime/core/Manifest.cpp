//===- Manifest.cpp - The manifest as data --------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/Manifest.h"

#include "core/ManifestNode.h"
#include "core/Text.h"
#include "weft/copy_collective.h"
#include "weft/device_collective.h"

#include <algorithm>
#include <set>

using namespace weft;
using namespace weft::rt;
using nlohmann::json;

static int64_t product(const std::vector<int64_t> &shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

/// Reads a list of axes, none of which is in `used` yet.
static std::vector<int> parseAxes(const Node &node, const Mesh &mesh, std::set<int> &used) {
  std::vector<int> axes;
  for (const Node &item : node.items()) {
    axes.push_back(mesh.find(item.text()));
    if (axes.back() < 0)
      item.fail("the mesh has no axis '" + item.text() + "'");
    if (!used.insert(axes.back()).second)
      item.fail("axis '" + item.text() + "' is used twice");
  }
  return axes;
}

/// Reads how a tensor is cut; sets `localShape`.
static void parseSharding(const Node &node, const Mesh &mesh, TensorInfo &tensor) {
  std::set<int> used;
  tensor.localShape = tensor.shape;
  if (node.has("sharding")) {
    for (const Node &dim : node.at("sharding").items())
      tensor.sharding.dims.push_back(parseAxes(dim, mesh, used));
    if (tensor.sharding.dims.size() != tensor.shape.size())
      node.at("sharding").fail("not one list for each dimension");
    for (size_t i = 0; i < tensor.shape.size(); ++i)
      tensor.localShape[i] = tensor.sharding.heldOf(i, tensor.shape[i], mesh);
  }
  if (node.has("local_shape") && node.at("local_shape").integers() != tensor.localShape)
    node.at("local_shape").fail("the sharding of '" + tensor.name + "' does not give it");
  if (node.has("saved_shape"))
    tensor.savedShape = node.at("saved_shape").integers();
  int64_t saved = 1;
  for (int64_t size : tensor.fileShape())
    saved *= size;
  if (saved != tensor.globalElements())
    node.at("saved_shape").fail("not the elements of '" + tensor.name + "'");
  if (node.has("unreduced"))
    tensor.sharding.unreduced = parseAxes(node.at("unreduced"), mesh, used);
}

/// Reads what all tensors share and checks that it lies in the persistent region.
static void parseTensor(const Node &node, const Manifest &manifest, TensorInfo &tensor) {
  tensor.name = node.at("name").text();
  tensor.dtype = node.at("dtype").dtype();
  tensor.shape = node.at("shape").integers();
  tensor.offset = node.at("offset").integer();
  tensor.bytes = node.at("bytes").integer();
  parseSharding(node, manifest.mesh, tensor);
  if (tensor.bytes != product(tensor.localShape) * elementBytes(tensor.dtype))
    node.fail("'" + tensor.name + "' has " + std::to_string(tensor.bytes) + " bytes, which its shape does not give");
  // Offsets count from the arena's begin, host memory's behind its end.
  bool onHost = tensor.offset >= manifest.arenaBytes && manifest.hostBytes > 0;
  int64_t end = onHost ? manifest.arenaBytes + manifest.hostPersistentBytes : manifest.persistentBytes;
  if (tensor.offset > end || tensor.bytes > end - tensor.offset)
    node.fail("'" + tensor.name + "' does not lie in the persistent region");
  if (tensor.offset % elementBytes(tensor.dtype) != 0)
    node.fail("'" + tensor.name + "' is not aligned");
}

/// In the order of the enumeration.
static constexpr const char *roles[] = {"tokens", "labels", "ones", "zeros", "positions", "field"};

const char *weft::rt::roleName(InputRole role) { return roles[static_cast<int>(role)]; }

std::string InputInfo::describeIds() const {
  if (!limit)
    return "";
  return "ids below " + std::to_string(*limit) +
         (ignore ? ", or " + std::to_string(*ignore) + ", which does not count" : "");
}

static InputInfo parseInput(const Node &node, const Manifest &manifest) {
  InputInfo input;
  parseTensor(node, manifest, input);
  for (size_t i = 0; i < input.sharding.dims.size(); ++i)
    if (input.localShape[i] == 0 || input.shape[i] % input.localShape[i] != 0)
      node.at("sharding").fail("it does not divide dimension " + std::to_string(i) + " of input '" + input.name + "'");
  std::string role = node.at("role").text();
  auto found = std::find(std::begin(roles), std::end(roles), role);
  if (found == std::end(roles))
    node.at("role").fail("unknown role '" + role + "'");
  input.role = static_cast<InputRole>(found - std::begin(roles));
  if (input.role == InputRole::Tokens && isFloat(input.dtype))
    node.fail("token ids are not integers");
  if (node.has("field"))
    input.field = node.at("field").text();
  if (node.has("limit"))
    input.limit = node.at("limit").integer(1);
  if (node.has("ignore"))
    input.ignore = node.at("ignore").integer(INT64_MIN);
  return input;
}

static ParamSource parseSource(const Node &node, const ParamInfo &param) {
  ParamSource source;
  if (node.has("init")) {
    std::string init = node.at("init").text();
    if (!isFloat(param.dtype) && init == "normal")
      node.fail("random numbers for an integer parameter");
    if (init == "normal") {
      source.kind = ParamSource::Normal;
      source.value = node.at("std").number();
    } else if (init == "constant") {
      source.kind = ParamSource::Constant;
      source.value = node.at("value").number();
    } else {
      node.at("init").fail("unknown initialiser '" + init + "'");
    }
    return source;
  }
  source.kind = ParamSource::File;
  source.file = node.at("file").text();
  source.offset = node.at("offset").integer();
  source.bytes = node.at("bytes").integer();
  source.fileBytes = node.at("file_bytes").integer();
  source.dtype = node.at("dtype").dtype();
  source.shape = node.at("shape").integers();
  if (source.bytes != product(source.shape) * elementBytes(source.dtype))
    node.fail("its size does not agree with its shape");
  if (isFloat(source.dtype) != isFloat(param.dtype))
    node.fail(std::string("cannot convert ") + dtypeName(source.dtype) + " to " + dtypeName(param.dtype));
  std::vector<int64_t> shape = source.shape;
  if (node.has("perm")) {
    source.perm = node.at("perm").integers();
    std::vector<int64_t> sorted = source.perm;
    std::sort(sorted.begin(), sorted.end());
    for (size_t i = 0; i < sorted.size(); ++i)
      if (sorted[i] != static_cast<int64_t>(i) || sorted.size() != shape.size())
        node.at("perm").fail("not a permutation of the file's dimensions");
    for (size_t i = 0; i < shape.size(); ++i)
      shape[i] = source.shape[source.perm[i]];
  }
  // Without a transpose only the number of elements matters: a scalar may be stored as [1].
  if (source.perm.empty() ? product(shape) != product(param.shape) : shape != param.shape)
    node.fail("its shape does not give the parameter's");
  return source;
}

static ParamInfo parseParam(const Node &node, const Manifest &manifest) {
  ParamInfo param;
  parseTensor(node, manifest, param);
  if (node.has("aliases"))
    param.aliases = node.at("aliases").texts();
  if (node.has("trainable"))
    param.trainable = node.at("trainable").boolean();
  if (node.has("decay"))
    param.decay = node.at("decay").boolean();
  if (node.has("loc"))
    param.loc = node.at("loc").text();
  param.source = parseSource(node.at("source"), param);
  return param;
}

static StateInfo parseState(const Node &node, const Manifest &manifest) {
  StateInfo state;
  parseTensor(node, manifest, state);
  state.kind = node.at("kind").text();
  if (node.has("init"))
    state.init = node.at("init").number();
  if (node.has("param"))
    state.param = node.at("param").text();
  if (node.has("checkpoint"))
    state.checkpoint = node.at("checkpoint").boolean();
  return state;
}

/// The element type of a library call, one of the first `count`.
static MatmulType parseProductType(const Node &node, const char *what, size_t count) {
  static constexpr DType types[] = {DType::F32, DType::BF16, DType::F16};
  DType dtype = node.at("dtype").dtype();
  size_t found = std::find(types, types + count, dtype) - types;
  if (found == count)
    node.at("dtype").fail(std::string(what) + (count == 1   ? " take f32"
                                               : count == 2 ? " take f32 or bf16"
                                                            : " take f32, bf16 or f16"));
  return static_cast<MatmulType>(found);
}

/// In the order of the enumeration.
static constexpr const char *kEpilogueNames[] = {"none", "gelu_aux", "dgelu"};

static MatmulDesc parseMatmul(const Node &node, const Manifest &manifest) {
  MatmulDesc desc;
  if (node.has("batch"))
    desc.batch = node.at("batch").integers(1);
  if (desc.batch.size() > 2)
    node.at("batch").fail("more than two batch dimensions");
  desc.m = node.at("m").integer(1);
  desc.n = node.at("n").integer(1);
  desc.k = node.at("k").integer(1);
  desc.dtype = parseProductType(node, "products", manifest.onDevice() ? 3 : 2);
  size_t rank = desc.batch.size() + 2;
  desc.aStrides = node.at("a_strides").strides(rank);
  desc.bStrides = node.at("b_strides").strides(rank);
  desc.cStrides = node.at("c_strides").strides(rank);
  desc.bias = node.has("bias") && node.at("bias").boolean();
  desc.accumulate = node.has("accumulate") && node.at("accumulate").boolean();
  desc.tf32 = node.has("tf32") && node.at("tf32").boolean();
  if (node.has("epilogue"))
    desc.epilogue = static_cast<MatmulEpilogue>(parseWord(node.at("epilogue"), kEpilogueNames));
  if (desc.epilogue != MatmulEpilogue::None && !manifest.onDevice())
    node.at("epilogue").fail("products on the host have none");
  if (desc.epilogue != MatmulEpilogue::None && desc.accumulate)
    node.at("epilogue").fail("excludes accumulate");
  if (desc.epilogue == MatmulEpilogue::DGelu && desc.bias)
    node.at("epilogue").fail("a gradient has no bias");
  return desc;
}

static TopKDesc parseTopK(const Node &node) {
  TopKDesc desc;
  desc.outer = node.at("outer").integer(0);
  desc.size = node.at("size").integer(0);
  desc.inner = node.at("inner").integer(0);
  desc.k = node.at("k").integer(0);
  desc.dtype = node.at("dtype").dtype();
  desc.smallest = node.at("smallest").boolean();
  if (desc.k > desc.size)
    node.at("k").fail("more than there are elements");
  return desc;
}

static ConvolutionDesc parseConvolution(const Node &node, const Manifest &manifest) {
  ConvolutionDesc desc;
  std::string kind = node.at("kind").text();
  if (kind == "forward")
    desc.kind = ConvolutionDesc::Forward;
  else if (kind == "input_grad")
    desc.kind = ConvolutionDesc::InputGrad;
  else if (kind == "weight_grad")
    desc.kind = ConvolutionDesc::WeightGrad;
  else
    node.at("kind").fail("unknown kind of convolution");
  desc.dtype = parseProductType(node, "convolutions", manifest.onDevice() ? 3 : 1);
  desc.input = node.at("input").integers(1);
  desc.filter = node.at("filter").integers(1);
  desc.output = node.at("output").integers(1);
  desc.strides = node.at("strides").integers(1);
  desc.low = node.at("low").integers();
  desc.high = node.at("high").integers();
  desc.dilations = node.at("dilations").integers(1);
  return desc;
}

static AttentionDesc parseAttention(const Node &node, const Manifest &manifest) {
  AttentionDesc desc = {};
  desc.batch = node.at("batch").integer(1);
  desc.heads = node.at("heads").integer(1);
  desc.kvHeads = node.at("kv_heads").integer(1);
  desc.queries = node.at("queries").integer(1);
  desc.keys = node.at("keys").integer(1);
  desc.head = node.at("head").integer(1);
  desc.valueHead = node.at("value_head").integer(1);
  desc.scale = static_cast<float>(node.at("scale").number());
  desc.causal = node.at("causal").boolean();
  if (desc.heads % desc.kvHeads != 0)
    node.at("heads").fail("not a multiple of kv_heads");
  desc.dtype =
      static_cast<AttentionDesc::ElementType>(parseProductType(node, "attentions", manifest.onDevice() ? 3 : 1));
  desc.deterministic = node.has("deterministic") ? node.at("deterministic").boolean() : manifest.deterministic;
  desc.scratch = node.has("scratch") ? node.at("scratch").integer() : 0;
  struct {
    const char *key;
    int64_t *strides;
  } layouts[] = {{"q_strides", desc.q},     {"k_strides", desc.k},       {"v_strides", desc.v},
                 {"out_strides", desc.out}, {"dout_strides", desc.dout}, {"dq_strides", desc.dq},
                 {"dk_strides", desc.dk},   {"dv_strides", desc.dv}};
  for (auto &layout : layouts) {
    std::vector<int64_t> strides = node.at(layout.key).strides(4);
    std::copy(strides.begin(), strides.end(), layout.strides);
  }
  std::string mask = node.at("mask").text();
  bool narrow = desc.dtype != AttentionDesc::F32 && mask == node.at("dtype").text();
  if (mask != "none" && mask != "f32" && mask != "i1" && !narrow)
    node.at("mask").fail("unknown kind '" + mask + "'");
  desc.mask = mask == "none"  ? AttentionDesc::NoMask
              : narrow        ? AttentionDesc::AdditiveNarrow
              : mask == "f32" ? AttentionDesc::Additive
                              : AttentionDesc::Boolean;
  if (desc.mask != AttentionDesc::NoMask) {
    std::vector<int64_t> strides = node.at("mask_strides").strides(4);
    std::copy(strides.begin(), strides.end(), desc.maskStrides);
  }
  return desc;
}

static Mesh parseMesh(const Node &node) {
  Mesh mesh;
  for (const Node &axis : node.at("axes").items()) {
    mesh.axes.push_back({axis.at("name").text(), axis.at("size").integer(1)});
    if (mesh.find(mesh.axes.back().name) + 1 != static_cast<int>(mesh.axes.size()))
      axis.fail("a second axis of that name");
  }
  if (mesh.size() > (int64_t(1) << 20))
    node.fail("more than 2^20 ranks");
  return mesh;
}

static constexpr const char *kCollectiveNames[] = {"all_reduce", "all_gather", "reduce_scatter", "all_to_all"};

static CollectiveInfo parseCollective(const Node &node, const Mesh &mesh, bool onDevice) {
  static constexpr const char *reductions[] = {"sum", "max", "min", "prod"};
  CollectiveInfo info;
  info.kind = static_cast<CollectiveKind>(parseWord(node.at("kind"), kCollectiveNames));
  bool reduces = info.kind == CollectiveKind::AllReduce || info.kind == CollectiveKind::ReduceScatter;
  if (reduces)
    info.reduce = static_cast<ReduceOperation>(parseWord(node.at("reduce"), reductions));
  std::set<int> used;
  info.axes = parseAxes(node.at("axes"), mesh, used);
  int64_t ranks = 1;
  for (int axis : info.axes)
    ranks *= mesh.axes[axis].size;
  info.dtype = node.at("dtype").dtype();
  if (reduces && (info.dtype == DType::I8 || info.dtype == DType::U8 || info.dtype == DType::I1))
    node.at("dtype").fail("bytes are not reduced");
  info.elementBytes = elementBytes(info.dtype);
  for (const Node &item : node.at("members").items()) {
    CollectiveMember member;
    for (auto &[key, size] : {std::pair<const char *, int64_t *>{"outer", &member.outer},
                              {"split", &member.split},
                              {"middle", &member.middle},
                              {"inner", &member.inner}})
      if (item.has(key))
        *size = item.at(key).integer(1);
    if (item.has("split") && member.split != ranks && !(info.kind == CollectiveKind::AllReduce && member.split == 1))
      item.at("split").fail("not the number of ranks of a group, " + std::to_string(ranks));
    // From here on the parts of an all-reduce are the runtime's choice.
    member.split = 1;
    info.members.push_back(member);
  }
  if (info.members.empty())
    node.at("members").fail("nothing to move");
  if (node.has("what"))
    info.what = node.at("what").text();
  if (node.has("loc"))
    info.loc = node.at("loc").text();
  info.scratch = node.has("scratch") ? node.at("scratch").integer() : 0;
  static constexpr const char *carriers[] = {"library", "copy"};
  if (node.has("carrier"))
    info.carrier = static_cast<Carrier>(parseWord(node.at("carrier"), carriers));
  if (info.carrier == Carrier::Copy && (!onDevice || !canCopy(info, ranks)))
    node.at("carrier").fail("copy engines do not carry this collective");
  int64_t needed = onDevice ? deviceCollectiveScratchBytes(info, ranks) : collectiveScratchBytes(info, ranks);
  // The library has to do with it where ranks do not reach each other's memory.
  if (info.carrier == Carrier::Copy)
    needed = std::max(needed, copyScratchBytes(info, ranks));
  if (info.scratch < needed)
    node.fail("needs " + std::to_string(needed) + " bytes of scratch memory and has " + std::to_string(info.scratch));
  return info;
}

/// What the step loop relies on: the tasks, and the states it reads and writes by name.
static void checkContract(const Manifest &manifest, const Node &root) {
  bool whole = manifest.microbatches == 1;
  for (const char *task : {"step", "first", "next", "update"})
    if (manifest.findTask(task) < 0 && whole == (std::string(task) == "step"))
      root.at("tasks").fail(std::string("task '") + task + "' is missing");
  struct {
    const char *name;
    DType dtype;
    int64_t elements;
  } required[] = {{"hyper", DType::F64, 16},     {"step", DType::I64, 1},      {"loss_sum", DType::F64, 1},
                  {"loss_count", DType::F64, 1}, {"grad_norm", DType::F64, 1}, {"lr", DType::F64, 1}};
  for (const auto &entry : required) {
    const StateInfo *state = manifest.findState(entry.name);
    if (!state || state->dtype != entry.dtype || state->elements() != entry.elements)
      root.at("states").fail(std::string("state '") + entry.name + "' is missing or of another type");
  }
  if (manifest.findTask("eval") >= 0)
    for (const char *name : {"eval_loss_sum", "eval_loss_count"}) {
      const StateInfo *state = manifest.findState(name);
      if (!state || state->dtype != DType::F64 || state->elements() != 1)
        root.at("states").fail(std::string("state '") + name + "' is missing or of another type");
    }
  for (const StateInfo &state : manifest.states)
    if (state.kind == "mesh" &&
        (state.dtype != DType::I64 || state.elements() != static_cast<int64_t>(manifest.mesh.axes.size())))
      root.at("states").fail("state '" + state.name + "' does not hold one number for each axis of the mesh");
  std::set<std::string> names;
  for (const ParamInfo &param : manifest.params)
    if (!names.insert(param.name).second)
      root.at("params").fail("two parameters are named '" + param.name + "'");
}

/// The master weights `state` as a parameter: they come from where the parameter comes from, without its rounding.
static ParamInfo masterOf(const Manifest &manifest, const StateInfo &state, const Node &node) {
  for (const ParamInfo &param : manifest.params)
    if (param.name == state.param && param.shape == state.shape) {
      ParamInfo master = param;
      static_cast<TensorInfo &>(master) = state;
      master.name = param.name;
      return master;
    }
  node.fail("a master of no parameter of its shape");
}

Manifest Manifest::parse(const char *text, int64_t bytes, const std::string &target) {
  json document = json::parse(text, text + bytes, nullptr, /*allow_exceptions=*/false);
  Node root(document, "");
  if (!document.is_object())
    throw InternalError("manifest: not a JSON object");
  if (root.at("version").integer() != 1)
    root.at("version").fail("this runtime reads version 1");

  Manifest manifest;
  manifest.model = root.at("model").text();
  manifest.target = root.at("target").text();
  if (manifest.target != target)
    root.at("target").fail("this runtime is for target '" + target + "'");
  if (root.has("cpu"))
    manifest.cpu = root.at("cpu").text();
  if (root.has("optimizer"))
    manifest.optimizer = root.at("optimizer").text();
  if (root.has("clipping"))
    manifest.clipping = root.at("clipping").boolean();
  if (root.has("cpu_features"))
    manifest.cpuFeatures = root.at("cpu_features").texts();
  manifest.arenaBytes = root.at("arena_bytes").integer();
  manifest.persistentBytes = root.at("persistent_bytes").integer();
  if (manifest.persistentBytes > manifest.arenaBytes)
    root.at("persistent_bytes").fail("larger than arena_bytes");
  if (root.has("host_bytes")) {
    manifest.hostBytes = root.at("host_bytes").integer();
    manifest.hostPersistentBytes = root.at("host_persistent_bytes").integer();
    if (manifest.hostPersistentBytes > manifest.hostBytes)
      root.at("host_persistent_bytes").fail("larger than host_bytes");
  }
  manifest.batch = root.at("batch").integer(1);
  manifest.microbatches = root.at("microbatches").integer(1);
  if (manifest.batch % manifest.microbatches != 0)
    root.at("microbatches").fail("does not divide the batch");
  if (root.has("tokens_per_sample"))
    manifest.tokensPerSample = root.at("tokens_per_sample").integer();
  if (root.has("flops_per_step"))
    manifest.flopsPerStep = root.at("flops_per_step").number();
  if (root.has("deterministic"))
    manifest.deterministic = root.at("deterministic").boolean();
  if (root.has("seed"))
    manifest.seed = static_cast<uint64_t>(root.at("seed").integer(INT64_MIN));
  if (root.has("mesh"))
    manifest.mesh = parseMesh(root.at("mesh"));
  if (root.has("placement"))
    manifest.placement = root.at("placement").text();
  for (const Node &node : root.at("inputs").items()) {
    InputInfo input = parseInput(node, manifest);
    input.packedOffset = manifest.packedInputBytes();
    manifest.inputs.push_back(std::move(input));
  }
  for (const Node &node : root.at("params").items())
    manifest.params.push_back(parseParam(node, manifest));
  for (const Node &node : root.at("states").items()) {
    manifest.states.push_back(parseState(node, manifest));
    if (const StateInfo &state = manifest.states.back(); state.kind == "master")
      manifest.masters.push_back(masterOf(manifest, state, node));
    if (!node.has("source"))
      continue;
    manifest.statistics.push_back(parseParam(node, manifest));
    manifest.statistics.back().trainable = manifest.statistics.back().decay = false;
  }
  manifest.tasks = root.at("tasks").texts();
  for (const Node &node : root.at("matmuls").items()) {
    manifest.matmuls.push_back(parseMatmul(node, manifest));
    manifest.matmulScratch.push_back(node.has("scratch") ? node.at("scratch").integer() : 0);
  }
  for (const Node &node : root.at("attentions").items())
    manifest.attentions.push_back(parseAttention(node, manifest));
  if (root.has("sorts"))
    for (const Node &node : root.at("sorts").items())
      manifest.sorts.push_back(parseTopK(node));
  if (root.has("convolutions"))
    for (const Node &node : root.at("convolutions").items()) {
      manifest.convolutions.push_back(parseConvolution(node, manifest));
      manifest.convolutionScratch.push_back(node.has("scratch") ? node.at("scratch").integer() : 0);
    }
  if (root.has("collectives"))
    for (const Node &node : root.at("collectives").items())
      manifest.collectives.push_back(parseCollective(node, manifest.mesh, manifest.onDevice()));
  if (root.has("streams")) {
    manifest.streamNames = root.at("streams").texts();
    manifest.streams = static_cast<int64_t>(manifest.streamNames.size());
    manifest.events = root.at("events").integer();
    if (manifest.streams < 1)
      root.at("streams").fail("names no stream");
  }
  if (root.has("memory"))
    for (const auto &[key, value] : root.at("memory").value.items())
      manifest.memory[key] = Node(value, "memory." + key).integer();
  if (root.has("kernels"))
    manifest.kernelCount = static_cast<int64_t>(root.at("kernels").items().size());
  if (manifest.onDevice())
    manifest.deviceCode = parseDeviceProgram(root, manifest.persistentBytes);
  if (root.has("schedule"))
    for (const Node &node : root.at("schedule").items())
      manifest.schedule.push_back(
          {node.at("task").text(), node.at("op").text(), node.has("what") ? node.at("what").text() : "",
           node.has("flops") ? node.at("flops").number() : 0, node.has("bytes") ? node.at("bytes").number() : 0,
           node.has("loc") ? node.at("loc").text() : "", node.has("region") ? node.at("region").text() : "",
           node.has("call") ? node.at("call").integer() : -1, node.has("stream") ? node.at("stream").integer() : 0});
  checkContract(manifest, root);
  return manifest;
}

std::string CollectiveInfo::describe(const Mesh &mesh) const {
  std::string text = kCollectiveNames[static_cast<int>(kind)];
  if (!what.empty())
    text += " of '" + what + "'";
  if (!loc.empty() && loc != what)
    text += " (" + loc + ")";
  for (size_t i = 0; i < axes.size(); ++i)
    text += (i ? ", " : " over ") + mesh.axes[axes[i]].name;
  return text;
}

std::vector<const ParamInfo *> Manifest::stored() const {
  std::vector<const ParamInfo *> all;
  for (const auto *list : {&params, &statistics})
    for (const ParamInfo &one : *list)
      all.push_back(&one);
  return all;
}

int64_t Manifest::packedInputBytes() const {
  constexpr int64_t alignment = 256;
  if (inputs.empty())
    return 0;
  return (inputs.back().packedOffset + inputs.back().bytes + alignment - 1) / alignment * alignment;
}

const StateInfo *Manifest::findState(const std::string &name) const {
  for (const StateInfo &state : states)
    if (state.name == name)
      return &state;
  return nullptr;
}

int Manifest::findTask(const std::string &name) const {
  auto found = std::find(tasks.begin(), tasks.end(), name);
  return found == tasks.end() ? -1 : static_cast<int>(found - tasks.begin());
}

std::string weft::rt::describeAttention(const AttentionDesc &desc) {
  return format("%lld x %lld heads (%lld key/value) of %lld, %lld queries, %lld keys%s",
                static_cast<long long>(desc.batch), static_cast<long long>(desc.heads),
                static_cast<long long>(desc.kvHeads), static_cast<long long>(desc.head),
                static_cast<long long>(desc.queries), static_cast<long long>(desc.keys), desc.causal ? ", causal" : "");
}
