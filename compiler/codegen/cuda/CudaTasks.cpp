//===- CudaTasks.cpp - Tasks that launch kernels on a GPU -----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/cuda/CudaTasks.h"
#include "compiler/codegen/TaskLowering.h"
#include "compiler/codegen/host/ObjectFile.h"
#include "compiler/manifest/Constants.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

using namespace mlir;
using namespace weft;

namespace {

class CudaTasks final : public TaskLowering {
public:
  CudaTasks(ModuleOp module, const DeviceCode &code, const llvm::StringMap<ParallelExtent> &hostKernels)
      : TaskLowering(module, hostKernels), code(code) {
    for (const auto &[name, kernel] : code.kernels)
      numbers.try_emplace(name, numbers.size());
    defineData("weft_device_code", StringRef(code.blob.data(), code.blob.size()), 64);
    LLVM::GlobalOp::create(builder, loc, i64, /*isConstant=*/true, LLVM::Linkage::External, "weft_device_code_size",
                           builder.getI64IntegerAttr(code.blob.size()));
    // A symbol of the contract, whether or not there are any.
    std::string constants = constantBytes(placeConstants(module));
    if (constants.empty())
      constants.push_back(0);
    defineData("weft_constants", constants, 64);
  }

private:
  SmallVector<Value> launchBuffers(exec::LaunchOp launch) override {
    auto kernel = code.kernels.find(launch.getKernel());
    if (kernel == code.kernels.end() || kernel->second.packed.empty())
      return TaskLowering::launchBuffers(launch);
    SmallVector<Value> buffers;
    for (int64_t index : kernel->second.packed)
      buffers.push_back(launch.getBuffers()[index]);
    return buffers;
  }
  void lowerLaunch(exec::LaunchOp launch) override {
    if (isHostKernel(launch.getKernel()))
      return launchOnHost(launch);
    call("weft_launch_kernel", {context, constant(i32, numbers.lookup(launch.getKernel())), arguments});
  }

  const DeviceCode &code;
  llvm::StringMap<int64_t> numbers; ///< places in the manifest's list of kernels
};

} // namespace

LogicalResult weft::emitCudaObject(ModuleOp scheduled, StringRef manifest, const DeviceCode &code, const HostCpu &cpu,
                                   llvm::SmallVectorImpl<char> &object) {
  // Device code was generated of the other kernels. What the schedule says of the module itself means nothing from
  // here.
  llvm::StringMap<ParallelExtent> hostKernels;
  OwningOpRef<ModuleOp> module = lowerHostKernels(scheduled, hostKernels);
  if (!module)
    return failure();
  for (Operation &op : llvm::make_early_inc_range(*scheduled.getBody()))
    op.moveBefore(module->getBody(), module->getBody()->end());
  CudaTasks(*module, code, hostKernels).run(manifest);
  registerBuiltinDialectTranslation(*scheduled.getContext());
  registerLLVMDialectTranslation(*scheduled.getContext());
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> llvmModule = translateModuleToLLVMIR(*module, llvmContext, "weft");
  if (!llvmModule)
    return failure();
  std::string error;
  if (!emitObjectFile(*llvmModule, cpu, object, /*text=*/nullptr, error))
    return scheduled.emitError("code generation: ") << error;
  return success();
}
