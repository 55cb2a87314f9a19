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

namespace {

class HostTasks final : public TaskLowering {
public:
  HostTasks(ModuleOp module, const llvm::StringMap<ParallelExtent> &extents) : TaskLowering(module, extents) {}

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

private:
  void lowerLaunch(exec::LaunchOp launch) override { launchOnHost(launch); }
};

} // namespace

void weft::lowerHostTasks(ModuleOp module, StringRef manifest, const llvm::StringMap<ParallelExtent> &extents) {
  HostTasks lowering(module, extents);
  lowering.lowerConstants();
  lowering.run(manifest);
}
