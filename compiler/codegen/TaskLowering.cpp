//===- TaskLowering.cpp - Tasks as functions that call the runtime -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/TaskLowering.h"
#include "compiler/manifest/LibraryCalls.h"
#include "dialects/dist/Dist.h"
#include "dialects/exec/LibraryCalls.h"
#include "dialects/weft/Weft.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft;

TaskLowering::TaskLowering(ModuleOp module)
    : module(module), builder(module.getContext()), loc(UnknownLoc::get(module.getContext())),
      ptr(LLVM::LLVMPointerType::get(module.getContext())), i32(builder.getI32Type()), i64(builder.getI64Type()) {
  builder.setInsertionPointToEnd(module.getBody());
}

TaskLowering::~TaskLowering() = default;

std::string TaskLowering::lowerTask(exec::TaskOp task) {
  OpBuilder::InsertionGuard guard(builder);
  StringRef symbol = task.getSymName();
  symbol.consume_front("task_");
  std::string name = "weft_task_" + symbol.str();
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(builder.getContext()), {ptr, ptr});
  auto function = LLVM::LLVMFuncOp::create(builder, loc, name, type, LLVM::Linkage::Internal);
  // Straight-line code that runs once a step and can be very long: there is nothing to optimise, and LLVM's passes take
  // quadratic time over thousands of calls and the stores before them.
  function.setNoInline(true);
  function.setOptimizeNone(true);
  Block *body = function.addEntryBlock(builder);
  builder.setInsertionPointToStart(body);
  context = body->getArgument(0);
  arena = body->getArgument(1);
  int64_t most = 1;
  task.walk([&](exec::LaunchOp launch) { most = std::max<int64_t>(most, launch.getBuffers().size()); });
  arguments = LLVM::AllocaOp::create(builder, loc, ptr, ptr, constant(i64, most));
  addresses.clear();
  for (Operation &op : task.getBody().front())
    lowerOp(&op);
  LLVM::ReturnOp::create(builder, loc, ValueRange());
  return name;
}

void TaskLowering::defineSymbols(ArrayRef<std::string> tasks, StringRef manifest) {
  std::string text = manifest.str();
  text.push_back('\0');
  auto chars = LLVM::LLVMArrayType::get(builder.getI8Type(), text.size());
  auto global = LLVM::GlobalOp::create(builder, loc, chars, /*isConstant=*/true, LLVM::Linkage::External,
                                       "weft_manifest", builder.getStringAttr(text));
  global.setSection(".weft.manifest");
  LLVM::GlobalOp::create(builder, loc, i64, /*isConstant=*/true, LLVM::Linkage::External, "weft_manifest_size",
                         builder.getI64IntegerAttr(manifest.size()));
  auto arrayType = LLVM::LLVMArrayType::get(ptr, tasks.size());
  auto table = LLVM::GlobalOp::create(builder, loc, arrayType, /*isConstant=*/true, LLVM::Linkage::External,
                                      "weft_tasks", Attribute());
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&table.getInitializerRegion());
  Value array = LLVM::UndefOp::create(builder, loc, arrayType);
  for (auto [i, name] : llvm::enumerate(tasks)) {
    Value address = LLVM::AddressOfOp::create(builder, loc, ptr, name);
    array = LLVM::InsertValueOp::create(builder, loc, array, address, ArrayRef<int64_t>{int64_t(i)});
  }
  LLVM::ReturnOp::create(builder, loc, array);
}

void TaskLowering::lowerOp(Operation *op) {
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](exec::BufferOp buffer) {
        Value base = arena;
        if (auto symbol = buffer.getConstantAttr())
          base = LLVM::AddressOfOp::create(builder, loc, ptr, symbol.getValue());
        Value offset = constant(i64, buffer.getOffset());
        addresses[buffer.getResult()] =
            LLVM::GEPOp::create(builder, loc, ptr, builder.getI8Type(), base, ArrayRef<LLVM::GEPArg>{offset});
      })
      .Case([&](exec::LaunchOp launch) {
        for (auto [i, buffer] : llvm::enumerate(launch.getBuffers())) {
          Value slot = LLVM::GEPOp::create(builder, loc, ptr, ptr, arguments, ArrayRef<LLVM::GEPArg>{int32_t(i)});
          LLVM::StoreOp::create(builder, loc, address(buffer), slot);
        }
        lowerLaunch(launch);
      })
      .Case([&](exec::LibraryCallInterface library) {
        SmallVector<Value> operands{context, constant(i32, op->getAttrOfType<IntegerAttr>(libraryCallAttr).getInt())};
        for (Value buffer : library.getCallBuffers())
          operands.push_back(address(buffer));
        call(library.getRuntimeFunction(), operands);
      })
      .Case([&](exec::CopyOp copy) {
        auto type = cast<MemRefType>(copy.getFrom().getType());
        int64_t bytes = type.getNumElements() * elementBytes(type.getElementType());
        call("weft_copy", {context, address(copy.getTo()), address(copy.getFrom()), constant(i64, bytes)});
      });
}

Value TaskLowering::constant(Type type, int64_t value) {
  return LLVM::ConstantOp::create(builder, loc, type, builder.getIntegerAttr(type, value));
}

Value TaskLowering::address(Value buffer) {
  return buffer ? addresses.lookup(buffer) : Value(LLVM::ZeroOp::create(builder, loc, ptr));
}

void TaskLowering::call(StringRef name, ValueRange operands) {
  auto callee = module.lookupSymbol<LLVM::LLVMFuncOp>(name);
  if (!callee) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(module.getBody());
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(builder.getContext()),
                                            SmallVector<Type>(operands.getTypes()));
    callee = LLVM::LLVMFuncOp::create(builder, loc, name, type);
  }
  LLVM::CallOp::create(builder, loc, callee, operands);
}

void TaskLowering::defineData(StringRef name, StringRef bytes, unsigned alignment) {
  auto chars = LLVM::LLVMArrayType::get(builder.getI8Type(), bytes.size());
  LLVM::GlobalOp::create(builder, loc, chars, /*isConstant=*/true, LLVM::Linkage::External, name,
                         builder.getStringAttr(bytes), alignment);
}

void TaskLowering::run(StringRef manifest) {
  SmallVector<std::string> tasks;
  for (exec::TaskOp task : llvm::to_vector(module.getOps<exec::TaskOp>())) {
    tasks.push_back(lowerTask(task));
    task.erase();
  }
  for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
    if (isa<exec::InputOp, exec::ConstantOp, ParamOp, StateOp, dist::MeshOp>(op))
      op.erase();
  defineSymbols(tasks, manifest);
}
