//===- Check.h - An imported program against reference values -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TOOLS_WEFT_IMPORT_ONNX_CHECK_H
#define WEFT_TOOLS_WEFT_IMPORT_ONNX_CHECK_H

#include "mlir/IR/BuiltinOps.h"
#include <map>
#include <string>

namespace weft {

/// Evaluates @forward of an imported module on the tensors of a safetensors file and prints, per result that the file
/// has, the largest error relative to the result's largest element. Tensors go by the names of inputs and results
/// unless `names` has another; of a tensor with more rows than the program has, the first are taken. Returns
/// false, with the reason on stderr, if the program cannot be run, nothing is compared, or an error is above
/// `tolerance`.
bool checkAgainst(mlir::ModuleOp module, const std::string &path, const std::map<std::string, std::string> &names,
                  double tolerance);

} // namespace weft

#endif // WEFT_TOOLS_WEFT_IMPORT_ONNX_CHECK_H
