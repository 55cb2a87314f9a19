//===- TargetChoice.cpp - What a compilation compiles for -----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/TargetChoice.h"
#include "compiler/codegen/cuda/CudaCodegen.h"
#include "compiler/codegen/cuda/CudaTarget.h"
#include "compiler/codegen/host/HostTarget.h"
#include "compiler/driver/Diagnostics.h"
#include "llvm/Support/Process.h"
#include <dlfcn.h>

using namespace mlir;
using namespace weft;

bool weft::hasGpu() {
  // The driver's own library says; nothing of a toolkit is needed for it.
  void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!driver)
    return false;
  auto *init = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
  auto *count = reinterpret_cast<int (*)(int *)>(dlsym(driver, "cuDeviceGetCount"));
  int devices = 0;
  return init && count && init(0) == 0 && count(&devices) == 0 && devices > 0;
}

std::string TargetChoice::nameFor(const CompileOptions &options) {
  if (!options.target.empty())
    return options.target;
  std::string chosen = llvm::sys::Process::GetEnv("WEFT_TARGET").value_or("");
  return !chosen.empty() ? chosen : hasGpu() ? "cuda" : "host";
}

std::optional<TargetChoice> TargetChoice::find(const CompileOptions &options) {
  TargetChoice choice;
  choice.name = nameFor(options);
  if (choice.name != "host" && choice.name != "cuda") {
    reportError("WEFT_TARGET is '" + choice.name + "'; the targets are host and cuda");
    return std::nullopt;
  }
  std::string why;
  FailureOr<HostCpu> cpu = HostCpu::get(options.cpu, why);
  if (failed(cpu)) {
    reportError("--cpu: " + why);
    return std::nullopt;
  }
  choice.cpu = *cpu;
  if (!choice.isCuda()) {
    for (auto [given, option] : {std::pair(!options.arch.empty(), "--arch"), std::pair(options.fast, "--fast"),
                                 std::pair(options.collectives == "copy", "--collectives copy")})
      if (given) {
        reportError(llvm::Twine(option) + " has no meaning for target host", "--target=cuda compiles for GPUs");
        return std::nullopt;
      }
    choice.target = std::make_unique<HostTarget>(choice.cpu.features);
    choice.libraries = {{"libweft_host.a"},
                        {"-lgomp", "-ldnnl", "-lpthread", "-lm"},
                        {"libweft_comm.a"},
                        {"-Wl,-u,weft_gloo_transport", "-lgloo"}};
    return choice;
  }
  choice.target = std::make_unique<CudaTarget>(CudaChoices{!options.fast, options.collectives, options.ranksPerNode});
  choice.architectures = parseArchitectures(options.arch.empty() ? "sm_90" : options.arch, why);
  if (choice.architectures.empty()) {
    reportError("--arch: " + why);
    return std::nullopt;
  }
  choice.toolkit = CudaToolkit::find(why);
  if (!choice.toolkit) {
    // What comes before code needs none.
    if (options.emit != Emit::Kernels && options.emit != Emit::Exe)
      return choice;
    reportError("--target=cuda: " + why,
                "install the CUDA toolkit (developer.nvidia.com/cuda-downloads, or Debian's nvidia-cuda-toolkit) and "
                "name its folder in the environment variable CUDA_HOME");
    return std::nullopt;
  }
  std::string folder = choice.toolkit->root() + "/lib64";
  choice.libraries = {{"libweft_cuda.a", "libweft_host.a"},
                      {"-L" + folder, "-Wl,-rpath," + folder, "-lcublasLt", "-lcudnn", "-lcudart", "-lgomp",
                       "-lpthread", "-lm", "-ldl"},
                      {"libweft_comm.a", "libweft_nccl.a"},
                      {"-Wl,-u,weft_gloo_transport", "-Wl,-u,weft_nccl_collectives", "-lgloo", "-lnccl"}};
  return choice;
}
