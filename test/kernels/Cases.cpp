//===- Cases.cpp - The code generation tests as kernels for a GPU ---------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// weft-kernel-cases: links the tests of test/unit/codegen, with another
// Program::check. It compiles a test's programs for a GPU and writes code,
// launches, inputs and what the interpreter expects to a file; weft-kernel-run
// (Run.cpp) runs them where there is a GPU. With --schedule it writes the
// kernels of a scheduled module to be timed instead.
//
//===----------------------------------------------------------------------===//

#include "CaseFile.h"
#include "Harness.h"
#include "compiler/codegen/cuda/CudaCodegen.h"
#include "compiler/codegen/cuda/CudaTarget.h"
#include "compiler/manifest/Constants.h"
#include "compiler/pipeline/Dialects.h"
#include "compiler/pipeline/Pipelines.h"
#include "dialects/exec/Exec.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace weft;
using namespace weft::test;

static std::string outputFolder;
static std::vector<std::string> architectures = {"sm_90"};
static bool printPtx = false;

namespace {

/// No library at all: products and attention become kernels too.
class KernelsOnly final : public CudaTarget {
public:
  bool takes(exec::LibraryOpInterface) const override { return false; }
};

} // namespace

static std::string dtypeOf(Type element) {
  std::string text;
  llvm::raw_string_ostream(text) << element;
  return text;
}

static void addLaunch(CaseFile &file, StringRef kernel, const DeviceKernel &code,
                      const std::vector<int64_t> &arguments) {
  for (const KernelStage &stage : code.stages) {
    CaseFile::Launch launch;
    launch.function = kernel.str() + stage.suffix;
    for (int i = 0; i < 3; ++i) {
      launch.grid[i] = stage.grid[i];
      launch.block[i] = stage.block[i];
    }
    launch.sharedBytes = stage.sharedBytes;
    launch.arguments = arguments;
    // The first of them is where the array is.
    if (!code.packed.empty()) {
      launch.arguments.clear();
      for (int64_t index : code.packed)
        launch.arguments.push_back(arguments[index]);
    }
    file.steps.push_back(std::move(launch));
  }
}

static bool addCode(ModuleOp module, CaseFile &file, DeviceCode &code) {
  std::string error;
  std::optional<CudaToolkit> toolkit = CudaToolkit::find(error);
  if (!toolkit) {
    llvm::errs() << error << "\n";
    return false;
  }
  if (failed(emitDeviceCode(module, architectures, *toolkit, /*assemble=*/true, code)))
    return false;
  for (const DeviceCode::Image &image : code.images)
    file.code.push_back({image.arch, image.kind, std::string(code.blob.data() + image.offset, image.bytes)});
  for (const auto &[arch, used] : code.resources)
    if (used.stackBytes > 0 || used.spillBytes > 0)
      llvm::errs() << file.name << ": " << used.function << " on " << arch << " has " << used.stackBytes
                   << " bytes of stack and " << used.spillBytes << " of spills\n";
  return true;
}

void Program::check(int) {
  std::map<std::string, Literal> after = evaluate();
  if (::testing::Test::HasFailure())
    return;
  KernelsOnly target;
  PassManager manager(&context);
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  buildSchedulePipeline(manager, &target);
  ASSERT_TRUE(succeeded(manager.run(*module)));
  ASSERT_TRUE(succeeded(mlir::verify(*module)));

  CaseFile file;
  const ::testing::TestInfo *test = ::testing::UnitTest::GetInstance()->current_test_info();
  file.name = std::string(test->test_suite_name()) + "." + test->name();
  for (char &c : file.name)
    if (c == '/')
      c = '-';
  file.arenaBytes = (*module)->getAttrOfType<IntegerAttr>(exec::arenaBytesAttr).getInt();
  auto bytesOf = [](const Literal &literal) {
    std::string bytes(tensorBytes(literal.getType()), '\0');
    storeLiteral(literal, bytes.data());
    return bytes;
  };
  for (auto input : module->getOps<exec::InputOp>())
    file.inputs.push_back({static_cast<int64_t>(input.getOffset()),
                           bytesOf(arguments[std::stoi(input.getSymName().drop_front(2).str())])});
  for (auto state : module->getOps<StateOp>()) {
    const State &known = states[state.getSymName().str()];
    int64_t offset = state->getAttrOfType<IntegerAttr>(exec::offsetAttr).getInt();
    file.inputs.push_back({offset, bytesOf(known.before)});
    auto written = after.find(state.getSymName().str());
    const Literal &expected = written == after.end() ? known.before : written->second;
    Type element = expected.getType().getElementType();
    double tolerance = known.tolerance > 0 ? known.tolerance : usualTolerance(element);
    // A GPU's functions differ from the host's in the last bits.
    if (element.isF32())
      tolerance = std::max(tolerance, 2e-5);
    file.expected.push_back(
        {known.name, dtypeOf(element), expected.getNumElements(), offset, tolerance, bytesOf(expected)});
  }
  std::vector<ConstantPlace> constants = placeConstants(*module);
  std::string data = constantBytes(constants);
  for (const ConstantPlace &place : constants)
    file.inputs.push_back({place.offset, data.substr(place.data, place.bytes)});

  struct Step {
    StringRef kernel;
    std::vector<int64_t> places;
    int64_t bytes = 0;
  };
  std::vector<Step> steps;
  for (auto scheduled : module->getOps<exec::TaskOp>())
    for (Operation &op : scheduled.getBody().front()) {
      if (isa<exec::BufferOp>(op))
        continue;
      Step step;
      for (Value buffer : op.getOperands())
        step.places.push_back(buffer.getDefiningOp<exec::BufferOp>().getOffset());
      if (auto launch = dyn_cast<exec::LaunchOp>(op)) {
        step.kernel = launch.getKernelAttr().getAttr().getValue();
      } else {
        auto copy = dyn_cast<exec::CopyOp>(op);
        ASSERT_TRUE(copy) << "this program calls a library: " << op.getName().getStringRef().str();
        auto type = cast<MemRefType>(copy.getFrom().getType());
        step.bytes = type.getNumElements() * elementBytes(type.getElementType());
      }
      steps.push_back(step);
    }
  DeviceCode code;
  ASSERT_TRUE(addCode(*module, file, code));
  for (const Step &step : steps) {
    if (!step.kernel.empty()) {
      addLaunch(file, step.kernel, code.kernels[step.kernel], step.places);
      continue;
    }
    CaseFile::Launch copy;
    copy.arguments = {step.places[1], step.places[0], step.bytes};
    file.steps.push_back(std::move(copy));
  }
  ASSERT_TRUE(file.write(outputFolder + "/" + file.name + ".case"));
}

/// Every kernel of a scheduled module, to be timed by itself.
static bool writeSchedule(const std::string &path) {
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(path, &context);
  if (!module)
    return false;
  CaseFile file;
  llvm::StringRef name = llvm::StringRef(path).rsplit('/').second;
  file.name = (name.empty() ? llvm::StringRef(path) : name).str();
  std::vector<std::pair<StringRef, std::vector<int64_t>>> launches;
  for (auto kernel : module->getOps<func::FuncOp>()) {
    CaseFile::Bench bench;
    bench.name = kernel.getSymName().str();
    // What a gather or scatter looks up lies below the size of its table.
    int64_t limit = 2;
    kernel.walk([&](Operation *op) {
      if (auto gather = dyn_cast<GatherOp>(op))
        limit = cast<RankedTensorType>(gather.getInput().getType()).getDimSize(gather.getAxis());
      if (auto scatter = dyn_cast<ScatterAddOp>(op))
        limit = cast<RankedTensorType>(scatter.getType()).getDimSize(scatter.getAxis());
    });
    std::vector<int64_t> places;
    int64_t offset = 0;
    for (BlockArgument argument : kernel.getArguments()) {
      auto type = cast<RankedTensorType>(argument.getType());
      places.push_back(offset);
      bench.fills.push_back({offset, dtypeOf(type.getElementType()), type.getNumElements(), limit});
      int64_t bytes = tensorBytes(type);
      offset += (bytes + 255) / 256 * 256;
      bool table = llvm::any_of(
          argument.getUsers(), [&](Operation *user) { return isa<GatherOp>(user) && user->getOperand(0) == argument; });
      int64_t read = 0;
      for (Operation *user : argument.getUsers())
        if (table && user->getNumResults() == 1)
          read = std::max(read, tensorBytes(cast<RankedTensorType>(user->getResult(0).getType())));
      if (!argument.use_empty())
        bench.bytes += table ? std::min(bytes, read) : bytes;
    }
    for (Value result : kernel.getBody().front().getTerminator()->getOperands())
      bench.bytes += tensorBytes(cast<RankedTensorType>(result.getType()));
    if (int64_t scratch = kernelScratchBytes(KernelShape::of(kernel))) {
      places.push_back(offset);
      offset += scratch;
    }
    bench.arenaBytes = offset;
    bench.firstStep = 0;
    file.benches.push_back(bench);
    launches.emplace_back(kernel.getSymNameAttr().getValue(), places);
  }
  DeviceCode code;
  if (!addCode(*module, file, code))
    return false;
  if (printPtx) {
    llvm::outs() << code.ptx;
    return true;
  }
  for (auto [bench, launch] : llvm::zip(file.benches, launches)) {
    bench.firstStep = file.steps.size();
    addLaunch(file, launch.first, code.kernels[launch.first], launch.second);
    bench.steps = file.steps.size() - bench.firstStep;
  }
  return file.write(outputFolder + "/" + file.name + ".case");
}

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  std::vector<std::string> schedules;
  for (int i = 1; i < argc; ++i) {
    std::string option = argv[i];
    if (option == "--print") {
      printPtx = true;
      continue;
    }
    std::string value = i + 1 < argc ? argv[i + 1] : "";
    if (option == "-o" && !value.empty())
      outputFolder = value;
    else if (option == "--schedule" && !value.empty())
      schedules.push_back(value);
    else if (option == "--arch" && !value.empty()) {
      std::string error;
      architectures = parseArchitectures(value, error);
      if (architectures.empty()) {
        llvm::errs() << error << "\n";
        return 1;
      }
    } else {
      llvm::errs() << "unknown option '" << option << "'\n";
      return 2;
    }
    ++i;
  }
  if (outputFolder.empty() && !printPtx) {
    llvm::errs() << "usage: weft-kernel-cases -o DIR [--arch sm_90,...] [--gtest_filter=...]\n"
                    "       weft-kernel-cases -o DIR [--arch sm_90,...] --schedule FILE.mlir...\n"
                    "       weft-kernel-cases --print [--arch sm_90] --schedule FILE.mlir\n";
    return 2;
  }
  if (!outputFolder.empty() && llvm::sys::fs::create_directories(outputFolder)) {
    llvm::errs() << "cannot create '" << outputFolder << "'\n";
    return 1;
  }
  for (const std::string &schedule : schedules)
    if (!writeSchedule(schedule))
      return 1;
  return schedules.empty() ? RUN_ALL_TESTS() : 0;
}
