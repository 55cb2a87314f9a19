//===- Location.cpp - Locations in the terms of the model -----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/manifest/Location.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

/// The parts of a location from the outermost scope to the node, without repeats.
static void collectParts(Location loc, llvm::SmallVectorImpl<std::string> &parts) {
  auto add = [&](std::string part) {
    if (!part.empty() && !llvm::is_contained(parts, part))
      parts.push_back(std::move(part));
  };
  llvm::TypeSwitch<LocationAttr>(loc)
      .Case([&](NameLoc name) {
        add(name.getName().str());
        // A name inside a name is the scope; a file position below it says nothing more about a model.
        if (!isa<FileLineColLoc>(name.getChildLoc()))
          collectParts(name.getChildLoc(), parts);
      })
      .Case([&](FusedLoc fused) {
        for (Location part : fused.getLocations())
          collectParts(part, parts);
      })
      .Case([&](CallSiteLoc call) { collectParts(call.getCallee(), parts); })
      .Case([&](FileLineColLoc file) {
        add((file.getFilename().getValue() + ":" + llvm::Twine(file.getLine()) + ":" + llvm::Twine(file.getColumn()))
                .str());
      });
}

std::string weft::describeLocation(Location loc) {
  llvm::SmallVector<std::string> parts;
  collectParts(loc, parts);
  // A fused kernel has the locations of all its ops: the first few say where it is.
  constexpr size_t kMost = 4;
  if (parts.size() <= kMost)
    return llvm::join(parts, ", ");
  return llvm::join(llvm::ArrayRef<std::string>(parts).take_front(kMost), ", ") + ", ...";
}

std::string weft::describeLayer(Location loc) {
  llvm::SmallVector<std::string> parts;
  collectParts(loc, parts);
  return parts.empty() ? std::string() : layerOfName(parts.front());
}

std::string weft::layerOfName(llvm::StringRef text) {
  // SCOPE/OPERATOR:NODE; of several places the first.
  llvm::StringRef name = text.split(", ").first;
  if (size_t colon = name.find(':'); colon != llvm::StringRef::npos) {
    name = name.take_front(colon);
    if (size_t slash = name.rfind('/'); slash != llvm::StringRef::npos)
      name = name.take_front(slash);
  }
  auto isEnd = [&](size_t i) { return i >= name.size() || name[i] == '.' || name[i] == '/'; };
  for (size_t i = 0; i < name.size(); ++i) {
    if (!llvm::isDigit(name[i]) || (i > 0 && !isEnd(i - 1)))
      continue;
    size_t end = std::min(name.find_first_not_of("0123456789", i), name.size());
    if (isEnd(end))
      return name.take_front(end).str();
  }
  return name.str();
}

llvm::StringRef weft::describeRegion(Location loc) {
  llvm::StringRef region = "forward";
  loc->walk([&](Location part) {
    auto fused = dyn_cast<FusedLoc>(part);
    auto tag = fused ? dyn_cast_or_null<StringAttr>(fused.getMetadata()) : StringAttr();
    if (!tag)
      return WalkResult::advance();
    region = tag.getValue();
    return WalkResult::interrupt();
  });
  return region;
}
