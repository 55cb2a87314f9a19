//===- HostTasks.cpp - Tasks that call kernels on the host ----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/host/HostTasks.h"
#include "compiler/codegen/TaskLowering.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace weft;

static std::string entryName(StringRef kernel) { return (kernel + ".entry").str(); }

namespace {

class HostTasks final : public TaskLowering {
public:
  HostTasks(ModuleOp module, const llvm::StringMap<ParallelExtent> &extents) : TaskLowering(module), extents(extents) {}

  void lowerConstants() {
    for (auto constant : llvm::make_early_inc_range(module.getOps<exec::ConstantOp>())) {
      auto value = cast<DenseElementsAttr>(constant.getValue());
      Type element = value.getElementType();
      if (element.isInteger(1)) {
        // A boolean takes a byte in memory.
        SmallVector<int8_t> bytes;
        for (bool bit : value.getValues<bool>())
          bytes.push_back(bit);
        auto type = RankedTensorType::get({static_cast<int64_t>(bytes.size())}, builder.getI8Type());
        value = DenseElementsAttr::get(type, ArrayRef<int8_t>(bytes));
        element = builder.getI8Type();
      }
      int64_t count = value.getNumElements();
      value = value.reshape(RankedTensorType::get({count}, element));
      LLVM::GlobalOp::create(builder, loc, LLVM::LLVMArrayType::get(element, count), /*isConstant=*/true,
                             LLVM::Linkage::Internal, constant.getSymName(), value, /*alignment=*/64);
      constant.erase();
    }
  }

  /// A function that loads the addresses of a kernel's buffers and calls it.
  void addEntry(LLVM::LLVMFuncOp kernel) {
    OpBuilder::InsertionGuard guard(builder);
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(builder.getContext()), {ptr, i64, i64});
    auto entry = LLVM::LLVMFuncOp::create(builder, loc, entryName(kernel.getName()), type, LLVM::Linkage::Internal);
    kernel.setLinkage(LLVM::Linkage::Internal);
    Block *body = entry.addEntryBlock(builder);
    builder.setInsertionPointToStart(body);
    SmallVector<Value> arguments;
    int64_t buffers = kernel.getNumArguments() - 2;
    for (int64_t i = 0; i < buffers; ++i) {
      Value slot =
          LLVM::GEPOp::create(builder, loc, ptr, ptr, body->getArgument(0), ArrayRef<LLVM::GEPArg>{int32_t(i)});
      arguments.push_back(LLVM::LoadOp::create(builder, loc, ptr, slot));
    }
    arguments.push_back(body->getArgument(1));
    arguments.push_back(body->getArgument(2));
    LLVM::CallOp::create(builder, loc, kernel, arguments);
    LLVM::ReturnOp::create(builder, loc, ValueRange());
  }

private:
  void lowerLaunch(exec::LaunchOp launch) override {
    Value entry = LLVM::AddressOfOp::create(builder, loc, ptr, entryName(launch.getKernel()));
    ParallelExtent run = extents.lookup(launch.getKernel());
    call("weft_launch", {context, entry, arguments, constant(i32, launch.getBuffers().size()),
                         constant(i64, run.extent), constant(i64, run.grain)});
  }

  const llvm::StringMap<ParallelExtent> &extents;
};

} // namespace

void weft::lowerHostTasks(ModuleOp module, StringRef manifest, const llvm::StringMap<ParallelExtent> &extents) {
  HostTasks lowering(module, extents);
  lowering.lowerConstants();
  for (LLVM::LLVMFuncOp kernel : llvm::to_vector(module.getOps<LLVM::LLVMFuncOp>()))
    if (extents.count(kernel.getSymName()))
      lowering.addEntry(kernel);
  lowering.run(manifest);
}
