//===- CudaCodegen.cpp - From kernels to code for GPUs --------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/cuda/CudaCodegen.h"
#include "compiler/codegen/cuda/DeviceModule.h"
#include "compiler/codegen/cuda/KernelBuilder.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace weft;

/// On a kernel's functions: 16-bit floats go in or out, so f32 in between need not be exact to the last bit.
static constexpr llvm::StringLiteral narrowAttr = "weft.narrow";

namespace {

/// A choice between 16-bit floats as one between their bits: nothing has to be widened for it.
struct SelectBits : OpRewritePattern<arith::SelectOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::SelectOp op, PatternRewriter &rewriter) const override {
    if (!op.getType().isBF16() && !op.getType().isF16())
      return failure();
    auto bits = [&](Value value) {
      return arith::BitcastOp::create(rewriter, op.getLoc(), rewriter.getI16Type(), value);
    };
    Value chosen = arith::SelectOp::create(rewriter, op.getLoc(), op.getCondition(), bits(op.getTrueValue()),
                                           bits(op.getFalseValue()));
    rewriter.replaceOpWithNewOp<arith::BitcastOp>(op, op.getType(), chosen);
    return success();
  }
};

/// Within a kernel, a value that is rounded to 16 bits only to be widened again keeps its f32: more exact, and two
/// conversions less. Not where it is compared: whether two values are equal has to mean the same in every kernel.
struct KeepWide : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::ExtFOp op, PatternRewriter &rewriter) const override {
    auto narrowed = op.getIn().getDefiningOp<arith::TruncFOp>();
    if (!narrowed || !op.getType().isF32() || !narrowed.getIn().getType().isF32() ||
        llvm::any_of(op->getUsers(), [](Operation *user) { return isa<arith::CmpFOp>(user); }))
      return failure();
    rewriter.replaceOp(op, narrowed.getIn());
    return success();
  }
};

/// tanh by the GPU's own instruction: an absolute error of 5e-4 (PTX ISA, tanh.approx.f32), an eighth of a step of
/// bf16.
struct ApproximateTanh : OpRewritePattern<math::TanhOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::TanhOp op, PatternRewriter &rewriter) const override {
    if (!op.getType().isF32())
      return failure();
    rewriter.replaceOpWithNewOp<LLVM::InlineAsmOp>(
        op, op.getType(), op.getOperand(), "tanh.approx.f32 $0, $1;", "=f,f", /*has_side_effects=*/false,
        /*is_align_stack=*/false, LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr());
    return success();
  }
};

/// Exponentials and quotients of f32 by the GPU's approximations, of about 2 units in the last place.
template <typename Op> struct ApproximateFunction : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    auto flags = op.getFastmath();
    if (!op.getType().isF32() || bitEnumContainsAny(flags, arith::FastMathFlags::afn))
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.setFastmath(flags | arith::FastMathFlags::afn); });
    return success();
  }
};

/// What is cheaper where results have 16 bits; nothing in other kernels.
struct NarrowMath : PassWrapper<NarrowMath, OperationPass<gpu::GPUFuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(NarrowMath)
  StringRef getName() const override { return "NarrowMath"; }
  void runOnOperation() override {
    if (!getOperation()->hasAttr(narrowAttr))
      return;
    RewritePatternSet patterns(&getContext());
    patterns.add<KeepWide, ApproximateTanh, ApproximateFunction<math::ExpOp>, ApproximateFunction<arith::DivFOp>>(
        &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

struct BitSelects : PassWrapper<BitSelects, OperationPass<gpu::GPUFuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(BitSelects)
  StringRef getName() const override { return "BitSelects"; }
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SelectBits>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

static bool isNarrow(func::FuncOp kernel) {
  return llvm::any_of(kernel.getArgumentTypes(), [](Type type) {
    Type element = cast<RankedTensorType>(type).getElementType();
    return element.isBF16() || element.isF16();
  });
}

/// Bits of an index: 32 unless the kernel reaches further. Divisions of 64 bits are many instructions.
static unsigned indexBits(func::FuncOp kernel) {
  KernelShape shape = KernelShape::of(kernel);
  // Room for the threads beyond the end.
  constexpr int64_t most = (int64_t(1) << 31) - (int64_t(1) << 20);
  int64_t largest = std::max(shape.rows * shape.cols, kernelScratchBytes(shape));
  for (Type type : kernel.getArgumentTypes())
    largest = std::max(largest, cast<RankedTensorType>(type).getNumElements());
  return largest < most ? 32 : 64;
}

/// What the first member of a kernel of several computes: its inputs, then a buffer for each of its results.
static OwningOpRef<func::FuncOp> firstMember(func::FuncOp kernel, int64_t members) {
  Operation *end = kernel.getBody().front().getTerminator();
  int64_t inputs = kernel->getAttrOfType<IntegerAttr>(exec::inputsAttr).getInt() / members;
  int64_t results = end->getNumOperands() / members;
  OpBuilder builder(kernel.getContext());
  SmallVector<Type> arguments(kernel.getArgumentTypes().take_front(inputs));
  SmallVector<Type> types(kernel.getResultTypes().take_front(results));
  arguments.append(types);
  OwningOpRef<func::FuncOp> made =
      func::FuncOp::create(builder, kernel.getLoc(), kernel.getSymName(), builder.getFunctionType(arguments, types));
  func::FuncOp member = *made;
  for (StringRef name : {StringRef(exec::kindAttr), StringRef(exec::rowsAttr), StringRef(exec::colsAttr)})
    member->setAttr(name, kernel->getAttr(name));
  SmallVector<int64_t> outputs;
  for (int64_t i = 0; i < results; ++i)
    outputs.push_back(inputs + i);
  member->setAttr(exec::outputsAttr, builder.getDenseI64ArrayAttr(outputs));

  llvm::SetVector<Operation *> needed;
  std::function<void(Value)> need = [&](Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || needed.contains(op))
      return;
    llvm::for_each(op->getOperands(), need);
    needed.insert(op);
  };
  SmallVector<Value> returned(end->getOperands().take_front(results));
  llvm::for_each(returned, need);
  Block *body = member.addEntryBlock();
  IRMapping mapping;
  for (int64_t i = 0; i < inputs; ++i)
    mapping.map(kernel.getArgument(i), member.getArgument(i));
  builder.setInsertionPointToEnd(body);
  for (Operation *op : needed)
    builder.clone(*op, mapping);
  for (Value &value : returned)
    value = mapping.lookup(value);
  func::ReturnOp::create(builder, kernel.getLoc(), returned);
  return made;
}

/// The buffers of a launch in the order in which `firstMember` has them, member after member.
static std::vector<int64_t> packedBuffers(func::FuncOp kernel, int64_t members) {
  int64_t inputs = kernel->getAttrOfType<IntegerAttr>(exec::inputsAttr).getInt() / members;
  ArrayRef<int64_t> outputs = kernel->getAttrOfType<DenseI64ArrayAttr>(exec::outputsAttr).asArrayRef();
  auto results = static_cast<int64_t>(outputs.size()) / members;
  std::vector<int64_t> order;
  for (int64_t member = 0; member < members; ++member) {
    for (int64_t i = 0; i < inputs; ++i)
      order.push_back(member * inputs + i);
    llvm::append_range(order, outputs.slice(member * results, results));
  }
  return order;
}

/// Emits a kernel into `module`: what the manifest has to know of it.
static DeviceKernel emitKernel(func::FuncOp kernel, gpu::GPUModuleOp module, unsigned bits) {
  int64_t members = exec::membersOf(kernel);
  DeviceKernel entry;
  func::FuncOp source = kernel;
  OwningOpRef<func::FuncOp> member;
  if (members > 1) {
    member = firstMember(kernel, members);
    source = *member;
    entry.packed = packedBuffers(kernel, members);
  }
  KernelShape shape = KernelShape::of(source);
  entry.args = members > 1 ? static_cast<int64_t>(entry.packed.size()) : kernel.getNumArguments();
  entry.scratchBytes = kernelScratchBytes(shape);
  entry.stages = kernelStages(shape);
  KernelBuilder(source, module, bits, members).emit();
  for (KernelStage &stage : entry.stages) {
    if (members == 1)
      continue;
    stage.grid[1] = members;
    auto function = module.lookupSymbol<gpu::GPUFuncOp>(kernel.getSymName().str() + stage.suffix);
    function->setAttr(packedAttr, IntegerAttr::get(IntegerType::get(kernel.getContext(), 64), entry.args));
  }
  return entry;
}

/// Lowers the kernels of one module to NVVM.
static LogicalResult lower(gpu::GPUModuleOp module, unsigned bits) {
  PassManager manager(module.getContext(), gpu::GPUModuleOp::getOperationName());
  OpPassManager &functions = manager.nest<gpu::GPUFuncOp>();
  functions.addPass(createCanonicalizerPass());
  functions.addPass(createCSEPass());
  functions.addPass(std::make_unique<BitSelects>());
  // Narrow floats are only storage: arithmetic is in f32.
  functions.addPass(math::createMathExtendToSupportedTypes());
  arith::ArithEmulateUnsupportedFloatsOptions narrow;
  narrow.sourceTypeStrs = {"bf16", "f16"};
  narrow.targetTypeStr = "f32";
  functions.addPass(arith::createArithEmulateUnsupportedFloats(narrow));
  functions.addPass(std::make_unique<NarrowMath>());
  functions.addPass(createCanonicalizerPass());
  functions.addPass(createCSEPass());
  functions.addPass(createSCFToControlFlowPass());
  ConvertGpuOpsToNVVMOpsOptions options;
  options.indexBitwidth = bits;
  manager.addPass(createConvertGpuOpsToNVVMOps(options));
  manager.addPass(createReconcileUnrealizedCastsPass());
  return manager.run(module);
}

std::vector<std::string> weft::parseArchitectures(StringRef list, std::string &error) {
  // The oldest with bf16 arithmetic; those that LLVM 22 and CUDA 13 know.
  constexpr int known[] = {80, 86, 87, 89, 90, 100, 103, 120, 121};
  SmallVector<StringRef> names;
  list.split(names, ',');
  std::vector<int> numbers;
  for (StringRef name : names) {
    StringRef digits = name.trim();
    int number = 0;
    if (!digits.consume_front("sm_") || digits.getAsInteger(10, number) || !llvm::is_contained(known, number)) {
      error = "'" + name.str() + "' is no architecture that this build knows; known are";
      for (int each : known)
        error += " sm_" + std::to_string(each);
      return {};
    }
    numbers.push_back(number);
  }
  llvm::sort(numbers);
  numbers.erase(llvm::unique(numbers), numbers.end());
  std::vector<std::string> result;
  for (int number : numbers)
    result.push_back("sm_" + std::to_string(number));
  return result;
}

llvm::json::Object DeviceCode::describe() const {
  llvm::json::Array list;
  for (const Image &image : images)
    list.push_back(llvm::json::Object{
        {"arch", image.arch}, {"kind", image.kind}, {"offset", image.offset}, {"bytes", image.bytes}});
  return llvm::json::Object{{"code", std::move(list)}};
}

llvm::json::Object DeviceCode::describeKernel(StringRef name) const {
  auto found = kernels.find(name);
  if (found == kernels.end())
    return {};
  const DeviceKernel &kernel = found->second;
  llvm::json::Array list;
  for (const KernelStage &stage : kernel.stages) {
    std::string function = name.str() + stage.suffix;
    llvm::json::Object entry{{"function", function},
                             {"grid", llvm::json::Array(stage.grid)},
                             {"block", llvm::json::Array(stage.block)},
                             {"shared_bytes", stage.sharedBytes}};
    for (const auto &[arch, used] : resources)
      if (used.function == function)
        entry["registers"] = used.registers;
    list.push_back(std::move(entry));
  }
  llvm::json::Object object{{"args", kernel.args}, {"scratch_bytes", kernel.scratchBytes}, {"stages", std::move(list)}};
  if (!kernel.packed.empty())
    object["packed"] = true;
  return object;
}

LogicalResult weft::emitDeviceCode(ModuleOp scheduled, ArrayRef<std::string> architectures, const CudaToolkit &toolkit,
                                   bool assemble, DeviceCode &code) {
  MLIRContext *context = scheduled.getContext();
  // convert-gpu-to-nvvm asks the dialects how their ops become LLVM's.
  DialectRegistry conversions;
  arith::registerConvertArithToLLVMInterface(conversions);
  cf::registerConvertControlFlowToLLVMInterface(conversions);
  registerConvertMathToLLVMInterface(conversions);
  registerConvertMemRefToLLVMInterface(conversions);
  vector::registerConvertVectorToLLVMInterface(conversions);
  registerConvertNVVMToLLVMInterface(conversions);
  context->appendDialectRegistry(conversions);
  context->loadDialect<gpu::GPUDialect, NVVM::NVVMDialect, LLVM::LLVMDialect, memref::MemRefDialect, scf::SCFDialect,
                       vector::VectorDialect, arith::ArithDialect, math::MathDialect>();
  OwningOpRef<ModuleOp> device = ModuleOp::create(scheduled.getLoc());
  OpBuilder builder(context);
  builder.setInsertionPointToStart(device->getBody());
  std::map<unsigned, gpu::GPUModuleOp> modules;
  llvm::StringSet<> narrow;
  for (func::FuncOp kernel : llvm::make_early_inc_range(scheduled.getOps<func::FuncOp>())) {
    if (!kernel->hasAttr(exec::kindAttr))
      continue;
    if (kernel->hasAttr(exec::hostAttr)) {
      // A place in the manifest's list, and nothing to launch there.
      code.kernels.insert(
          {kernel.getSymNameAttr().getValue(), {static_cast<int64_t>(kernel.getNumArguments()), 0, {}, {}}});
      continue;
    }
    unsigned bits = indexBits(kernel);
    gpu::GPUModuleOp &module = modules[bits];
    if (!module)
      module = gpu::GPUModuleOp::create(builder, scheduled.getLoc(), "kernels" + std::to_string(bits));
    DeviceKernel entry = emitKernel(kernel, module, bits);
    code.kernels.insert({kernel.getSymNameAttr().getValue(), entry});
    for (const KernelStage &stage : entry.stages) {
      auto function = module.lookupSymbol<gpu::GPUFuncOp>(kernel.getSymName().str() + stage.suffix);
      if (isNarrow(kernel)) {
        function->setAttr(narrowAttr, builder.getUnitAttr());
        narrow.insert(function.getName());
      }
    }
    kernel.erase();
  }
  for (auto &[bits, module] : modules) {
    if (failed(lower(module, bits)))
      return failure();
    for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
      op.moveBefore(device->getBody(), device->getBody()->end());
    module.erase();
  }
  return translateDeviceModule(*device, narrow, architectures, toolkit, assemble, code);
}
