//===- Launch.cpp - weft launch -------------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Launch.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/Inspect.h"
#include "compiler/driver/Instances.h"
#include "compiler/driver/Options.h"
#include "compiler/plan/Format.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace weft;

namespace {

/// What the executable's manifest says that matters here.
struct ExecutableFacts {
  int64_t ranks = 1, arenaBytes = 0;
  bool cuda = false;
  std::vector<int> cubins, ptx; ///< architectures
};

/// A job that is known to fit.
struct Job {
  const LaunchOptions &options;
  const Instance *instance; ///< null: any machine
  int64_t gpusPerNode;
  std::string name, path;
};

} // namespace

static std::optional<ExecutableFacts> readFacts(const std::string &executable) {
  std::optional<std::string> text = readManifest(executable);
  if (!text)
    return std::nullopt;
  Expected<json::Value> value = json::parse(*text);
  const json::Object *root = value ? value->getAsObject() : nullptr;
  if (!root) {
    consumeError(value.takeError());
    reportError("the manifest of '" + executable + "' cannot be read");
    return std::nullopt;
  }
  ExecutableFacts facts;
  facts.cuda = root->getString("target").value_or("") == "cuda";
  facts.arenaBytes = root->getInteger("arena_bytes").value_or(0);
  if (const json::Object *mesh = root->getObject("mesh"))
    if (const json::Array *axes = mesh->getArray("axes"))
      for (const json::Value &axis : *axes)
        if (const json::Object *one = axis.getAsObject())
          facts.ranks *= one->getInteger("size").value_or(1);
  const json::Object *device = root->getObject("device");
  if (const json::Array *code = device ? device->getArray("code") : nullptr)
    for (const json::Value &value : *code)
      if (const json::Object *one = value.getAsObject()) {
        int arch = 0;
        StringRef name = one->getString("arch").value_or("");
        if (name.consume_front("sm_") && !name.getAsInteger(10, arch))
          (one->getString("kind").value_or("") == "ptx" ? facts.ptx : facts.cubins).push_back(arch);
      }
  return facts;
}

/// Machine code runs on GPUs of its generation from its own number on, PTX on all that are not older.
static bool runsOn(const ExecutableFacts &facts, int arch) {
  return any_of(facts.cubins, [&](int code) { return code / 10 == arch / 10 && code <= arch; }) ||
         any_of(facts.ptx, [&](int code) { return code <= arch; });
}

/// Names of jobs are labels: small letters, digits and dashes.
static std::string labelOf(StringRef text) {
  std::string label;
  for (char c : text.lower())
    label += isAlnum(c) ? c : '-';
  StringRef trimmed = StringRef(label).trim('-').take_front(50).rtrim('-');
  return trimmed.empty() || isDigit(trimmed.front()) ? "weft-" + trimmed.str() : trimmed.str();
}

static bool isLabel(StringRef text) { return text == labelOf(text); }

/// Whether the executable fits the machines; reports why not.
static bool fits(const ExecutableFacts &facts, const LaunchOptions &options, const Instance *instance,
                 int64_t gpusPerNode) {
  if (!facts.cuda) {
    reportError("'" + options.executable + "' was compiled for processors, and this prints jobs for GPUs",
                "compile it with --target=cuda");
    return false;
  }
  if (facts.ranks != options.nodes * gpusPerNode) {
    reportError("'" + options.executable + "' is for " + Twine(facts.ranks) + (facts.ranks == 1 ? " rank" : " ranks") +
                    ", and " + Twine(options.nodes) + (options.nodes == 1 ? " node" : " nodes") + " with " +
                    Twine(gpusPerNode) + (gpusPerNode == 1 ? " GPU" : " GPUs") + " each have " +
                    Twine(options.nodes * gpusPerNode),
                "one rank runs on each GPU: compile for another --mesh, or give other --nodes");
    return false;
  }
  if (!instance)
    return true;
  if (!runsOn(facts, instance->arch)) {
    reportError("'" + options.executable + "' has no code for the " + instance->gpu + " of " + instance->name +
                    ", which is an sm_" + Twine(instance->arch),
                "compile it with --arch sm_" + Twine(instance->arch));
    return false;
  }
  if (facts.arenaBytes > instance->gibPerGpu << 30) {
    reportError("each rank needs " + formatBytes(static_cast<double>(facts.arenaBytes)) + ", and a GPU of " +
                    instance->name + " has " + Twine(instance->gibPerGpu) + " GiB",
                "compile with --memory, a smaller batch or a larger mesh");
    return false;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Kubernetes
//===----------------------------------------------------------------------===//

/// A scalar that YAML takes as text, whatever is in it: JSON's strings are YAML's.
static std::string quoted(StringRef text) {
  std::string result;
  raw_string_ostream os(result);
  os << json::Value(text);
  return result;
}

static void printList(raw_ostream &os, ArrayRef<std::string> values) {
  os << "[";
  interleaveComma(values, os, [&](const std::string &value) { os << quoted(value); });
  os << "]";
}

/// The libraries' settings that a machine asks for.
static std::vector<std::pair<std::string, std::string>> environmentOf(const Job &job) {
  std::vector<std::pair<std::string, std::string>> result;
  bool efa = job.instance && job.instance->efa > 0 && job.options.nodes > 1;
  if (efa)
    result.push_back({"FI_PROVIDER", "efa"});
  if (efa && job.instance->gpuDirect)
    result.push_back({"FI_EFA_USE_DEVICE_RDMA", "1"});
  return result;
}

static void printResources(const Job &job, raw_ostream &os, StringRef indent) {
  os << indent << "nvidia.com/gpu: " << job.gpusPerNode << "\n";
  if (job.instance && job.instance->efa > 0 && job.options.nodes > 1)
    os << indent << "vpc.amazonaws.com/efa: " << job.instance->efa << "\n" << indent << "hugepages-2Mi: 5120Mi\n";
  os << indent << "memory: " << 16 * job.gpusPerNode << "Gi\n";
}

/// One role of the job; `replicas` pods of a node each.
static void printReplicas(const Job &job, StringRef role, int64_t replicas, raw_ostream &os) {
  std::vector<std::string> arguments = job.options.arguments;
  // A pod is a node; with several GPUs it starts a rank for each.
  if (job.gpusPerNode > 1)
    arguments.insert(arguments.begin(), {"--nproc", std::to_string(job.gpusPerNode)});
  os << "    " << role << ":\n"
     << "      replicas: " << replicas << "\n"
     << "      restartPolicy: Never\n"
     << "      template:\n"
     << "        spec:\n";
  if (job.instance)
    os << "          nodeSelector:\n"
       << "            node.kubernetes.io/instance-type: " << quoted(job.options.instance) << "\n";
  os << "          containers:\n"
     << "            - name: pytorch\n"
     << "              image: " << quoted(job.options.image) << "\n"
     << "              command: ";
  printList(os, job.path);
  os << "\n              args: ";
  printList(os, arguments);
  os << "\n";
  if (auto environment = environmentOf(job); !environment.empty()) {
    os << "              env:\n";
    for (const auto &[name, value] : environment)
      os << "                - name: " << name << "\n                  value: " << quoted(value) << "\n";
  }
  os << "              ports:\n"
     << "                - name: pytorchjob-port\n"
     << "                  containerPort: 23456\n"
     << "              resources:\n"
     << "                requests:\n";
  printResources(job, os, "                  ");
  os << "                limits:\n";
  printResources(job, os, "                  ");
  os << "              volumeMounts:\n"
     << "                - name: shm\n"
     << "                  mountPath: /dev/shm\n";
  for (auto [i, volume] : enumerate(job.options.volumes))
    os << "                - name: volume-" << i << "\n"
       << "                  mountPath: " << quoted(volume.second) << "\n";
  // NCCL's processes of one machine talk through it.
  os << "          volumes:\n"
     << "            - name: shm\n"
     << "              emptyDir:\n"
     << "                medium: Memory\n"
     << "                sizeLimit: " << 2 * job.gpusPerNode << "Gi\n";
  for (auto [i, volume] : enumerate(job.options.volumes))
    os << "            - name: volume-" << i << "\n"
       << "              persistentVolumeClaim:\n"
       << "                claimName: " << quoted(volume.first) << "\n";
}

static void printKubernetes(const Job &job, raw_ostream &os) {
  os << "# " << job.options.nodes * job.gpusPerNode << " ranks, one for each GPU; kubectl apply -f FILE\n"
     << "apiVersion: kubeflow.org/v1\n"
     << "kind: PyTorchJob\n"
     << "metadata:\n"
     << "  name: " << quoted(job.name) << "\n"
     << "spec:\n"
     << "  runPolicy:\n"
     << "    backoffLimit: 0\n"
     << "    cleanPodPolicy: Running\n"
     << "  pytorchReplicaSpecs:\n";
  printReplicas(job, "Master", 1, os);
  if (job.options.nodes > 1)
    printReplicas(job, "Worker", job.options.nodes - 1, os);
}

//===----------------------------------------------------------------------===//
// Slurm
//===----------------------------------------------------------------------===//

/// A word of a shell's command.
static std::string shellWord(StringRef text) {
  bool plain = !text.empty() && all_of(text, [](char c) { return isAlnum(c) || StringRef("_-+=./:,@%").contains(c); });
  if (plain)
    return text.str();
  std::string word = "'";
  for (char c : text)
    word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

static void printSlurm(const Job &job, raw_ostream &os) {
  os << "#!/bin/bash\n"
     << "# " << job.options.nodes * job.gpusPerNode << " ranks, one for each GPU; sbatch FILE\n"
     << "#SBATCH --job-name=" << job.name << "\n"
     << "#SBATCH --nodes=" << job.options.nodes << "\n"
     << "#SBATCH --ntasks-per-node=" << job.gpusPerNode << "\n"
     << "#SBATCH --gpus-per-node=" << job.gpusPerNode << "\n"
     << "#SBATCH --exclusive\n"
     << "set -euo pipefail\n"
     << "MASTER_ADDR=$(scontrol show hostnames \"$SLURM_JOB_NODELIST\" | head -n 1)\n"
     << "export MASTER_ADDR\n";
  for (const auto &[name, value] : environmentOf(job))
    os << "export " << name << "=" << shellWord(value) << "\n";
  os << "srun --kill-on-bad-exit=1";
  // Of the plug-in pyxis.
  if (!job.options.image.empty())
    os << " --container-image=" << shellWord(job.options.image);
  os << " " << shellWord(job.path);
  for (const std::string &argument : job.options.arguments)
    os << " " << shellWord(argument);
  os << "\n";
}

int weft::launch(const LaunchOptions &options) {
  const Instance *instance = options.instance.empty() ? nullptr : findInstance(options.instance);
  if (!options.instance.empty() && !instance) {
    std::string known;
    for (const Instance &one : kInstances)
      known += (known.empty() ? "" : ", ") + one.name.str();
    reportError("--instance: '" + options.instance + "' is not known",
                "known are " + known + "; or give --gpus-per-node");
    return kExitRequest;
  }
  int64_t gpusPerNode = options.gpusPerNode ? options.gpusPerNode : instance ? instance->gpus : 0;
  if (gpusPerNode == 0 || (instance && gpusPerNode > instance->gpus)) {
    reportError(gpusPerNode == 0 ? std::string("how many GPUs a node has is not known")
                                 : instance->name.str() + " has " + std::to_string(instance->gpus) + " GPUs",
                "give --instance or --gpus-per-node");
    return kExitRequest;
  }
  std::optional<ExecutableFacts> facts = readFacts(options.executable);
  if (!facts || !fits(*facts, options, instance, gpusPerNode))
    return kExitRequest;
  if (!options.name.empty() && !isLabel(options.name)) {
    reportError("--name: '" + options.name + "' is not a name that Kubernetes takes",
                "at most 50 small letters, digits and dashes, beginning with a letter: '" + labelOf(options.name) +
                    "'");
    return kExitRequest;
  }
  std::string file = sys::path::filename(options.executable).str();
  Job job{options, instance, gpusPerNode, options.name.empty() ? labelOf(file) : options.name, options.path};
  if (job.path.empty())
    job.path = options.image.empty() ? options.executable : "/opt/weft/" + file;
  if (options.kubernetes) {
    LaunchOptions withImage = options;
    // What tools/container makes is called so.
    if (withImage.image.empty()) {
      withImage.image = job.name + ":latest";
      job.path = options.path.empty() ? "/opt/weft/" + file : options.path;
    }
    printKubernetes(Job{withImage, job.instance, job.gpusPerNode, job.name, job.path}, outs());
  } else {
    printSlurm(job, outs());
  }
  outs().flush();
  return kExitDone;
}
