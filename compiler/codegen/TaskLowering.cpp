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
#include "dialects/exec/Streams.h"
#include "dialects/weft/Weft.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft;

static std::string entryName(StringRef kernel) { return (kernel + ".entry").str(); }

TaskLowering::TaskLowering(ModuleOp module, const llvm::StringMap<ParallelExtent> &hostKernels)
    : module(module), builder(module.getContext()), loc(UnknownLoc::get(module.getContext())),
      ptr(LLVM::LLVMPointerType::get(module.getContext())), i32(builder.getI32Type()), i64(builder.getI64Type()),
      hostKernels(hostKernels) {
  // Tasks go away one by one; their streams' names stay, as attributes do.
  streams = exec::streamsOf(module);
  builder.setInsertionPointToEnd(module.getBody());
}

TaskLowering::~TaskLowering() = default;

/// How many addresses an op passes through memory.
static int64_t addressesOf(Operation *op) {
  int64_t count = 0;
  if (auto library = dyn_cast<exec::LibraryCallInterface>(op))
    for (const SmallVector<Value> &array : library.getBufferArrays())
      count += array.size();
  return count;
}

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
  task.walk([&](Operation *op) {
    auto launch = dyn_cast<exec::LaunchOp>(op);
    most = std::max(most, launch ? static_cast<int64_t>(launchBuffers(launch).size()) : addressesOf(op));
  });
  bool usesHost = llvm::any_of(task.getOps<exec::BufferOp>(), [](exec::BufferOp buffer) { return buffer.getHost(); });
  hostMemory = usesHost ? call("weft_host_memory", {context}, ptr) : Value();
  arguments = LLVM::AllocaOp::create(builder, loc, ptr, ptr, constant(i64, most));
  addresses.clear();
  stream = exec::computeStream;
  for (Operation &op : task.getBody().front()) {
    changeStream(&op);
    lowerOp(&op);
  }
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

Value TaskLowering::slot(int64_t index) {
  return LLVM::GEPOp::create(builder, loc, ptr, ptr, arguments, ArrayRef<LLVM::GEPArg>{int32_t(index)});
}

void TaskLowering::changeStream(Operation *op) {
  if (isa<exec::BufferOp>(op) || exec::streamOf(op) == stream)
    return;
  stream = exec::streamOf(op);
  call("weft_stream", {context, constant(i32, llvm::find(streams, stream) - streams.begin())});
}

void TaskLowering::lowerOp(Operation *op) {
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](exec::BufferOp buffer) {
        Value base = arena;
        if (auto symbol = buffer.getConstantAttr())
          base = LLVM::AddressOfOp::create(builder, loc, ptr, symbol.getValue());
        else if (buffer.getHost())
          base = hostMemory;
        Value offset = constant(i64, buffer.getOffset());
        addresses[buffer.getResult()] =
            LLVM::GEPOp::create(builder, loc, ptr, builder.getI8Type(), base, ArrayRef<LLVM::GEPArg>{offset});
      })
      .Case([&](exec::LaunchOp launch) {
        for (auto [i, buffer] : llvm::enumerate(launchBuffers(launch)))
          LLVM::StoreOp::create(builder, loc, address(buffer), slot(i));
        lowerLaunch(launch);
      })
      .Case([&](exec::LibraryCallInterface library) {
        SmallVector<Value> operands{context, constant(i32, op->getAttrOfType<IntegerAttr>(libraryCallAttr).getInt())};
        int64_t next = 0;
        for (const SmallVector<Value> &array : library.getBufferArrays()) {
          operands.push_back(slot(next));
          for (Value buffer : array)
            LLVM::StoreOp::create(builder, loc, address(buffer), slot(next++));
        }
        for (Value buffer : library.getCallBuffers())
          operands.push_back(address(buffer));
        call(library.getRuntimeFunction(), operands);
      })
      .Case([&](exec::RecordOp record) {
        call("weft_record", {context, constant(i32, record.getEvent())});
      })
      .Case([&](exec::WaitOp wait) {
        call("weft_wait", {context, constant(i32, wait.getEvent())});
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

Value TaskLowering::call(StringRef name, ValueRange operands, Type result) {
  auto callee = module.lookupSymbol<LLVM::LLVMFuncOp>(name);
  if (!callee) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(module.getBody());
    auto type = LLVM::LLVMFunctionType::get(result ? result : LLVM::LLVMVoidType::get(builder.getContext()),
                                            SmallVector<Type>(operands.getTypes()));
    callee = LLVM::LLVMFuncOp::create(builder, loc, name, type);
  }
  auto made = LLVM::CallOp::create(builder, loc, callee, operands);
  return result ? made.getResult() : Value();
}

void TaskLowering::defineData(StringRef name, StringRef bytes, unsigned alignment) {
  auto chars = LLVM::LLVMArrayType::get(builder.getI8Type(), bytes.size());
  LLVM::GlobalOp::create(builder, loc, chars, /*isConstant=*/true, LLVM::Linkage::External, name,
                         builder.getStringAttr(bytes), alignment);
}

void TaskLowering::addEntry(LLVM::LLVMFuncOp kernel) {
  OpBuilder::InsertionGuard guard(builder);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(builder.getContext()), {ptr, i64, i64});
  auto entry = LLVM::LLVMFuncOp::create(builder, loc, entryName(kernel.getName()), type, LLVM::Linkage::Internal);
  kernel.setLinkage(LLVM::Linkage::Internal);
  Block *body = entry.addEntryBlock(builder);
  builder.setInsertionPointToStart(body);
  SmallVector<Value> arguments;
  int64_t buffers = kernel.getNumArguments() - 2;
  for (int64_t i = 0; i < buffers; ++i) {
    Value slot = LLVM::GEPOp::create(builder, loc, ptr, ptr, body->getArgument(0), ArrayRef<LLVM::GEPArg>{int32_t(i)});
    arguments.push_back(LLVM::LoadOp::create(builder, loc, ptr, slot));
  }
  arguments.push_back(body->getArgument(1));
  arguments.push_back(body->getArgument(2));
  LLVM::CallOp::create(builder, loc, kernel, arguments);
  LLVM::ReturnOp::create(builder, loc, ValueRange());
}

void TaskLowering::launchOnHost(exec::LaunchOp launch) {
  Value entry = LLVM::AddressOfOp::create(builder, loc, ptr, entryName(launch.getKernel()));
  ParallelExtent run = hostKernels.lookup(launch.getKernel());
  call("weft_launch", {context, entry, arguments, constant(i32, launch.getBuffers().size()), constant(i64, run.extent),
                       constant(i64, run.grain)});
}

void TaskLowering::run(StringRef manifest) {
  for (LLVM::LLVMFuncOp kernel : llvm::to_vector(module.getOps<LLVM::LLVMFuncOp>()))
    if (isHostKernel(kernel.getSymName()))
      addEntry(kernel);
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
