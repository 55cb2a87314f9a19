//===- DataCommand.cpp - weft data ----------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/data/DataCommand.h"
#include "compiler/data/TokenPack.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

using namespace weft;

namespace {

struct PackOptions {
  std::vector<std::string> inputs;
  std::string output;
  bool bytes = false;
  std::string ids;
};

int fail(const std::string &error) {
  std::fprintf(stderr, "weft: error: %s\n", error.c_str());
  return 1;
}

void printInfo(const std::string &path, const TokenFileInfo &info) {
  std::printf("%s: %llu tokens of %u byte%s, vocabulary %llu\n", path.c_str(),
              static_cast<unsigned long long>(info.tokenCount), info.tokenBytes, info.tokenBytes == 1 ? "" : "s",
              static_cast<unsigned long long>(info.vocabulary));
}

int pack(const PackOptions &options) {
  TokenSource source = options.ids.empty()    ? TokenSource::Bytes
                       : options.ids == "u16" ? TokenSource::U16
                       : options.ids == "u32" ? TokenSource::U32
                                              : TokenSource::Text;
  TokenFileInfo info;
  std::string error;
  if (!packTokens(options.inputs, source, options.output, info, error))
    return fail(error);
  printInfo(options.output, info);
  return 0;
}

int printFile(const std::string &path) {
  TokenFileInfo info;
  std::vector<uint32_t> firstIds;
  std::string error;
  if (!readTokenFile(path, info, firstIds, error))
    return fail(error);
  printInfo(path, info);
  std::printf("first ids:");
  for (uint32_t id : firstIds)
    std::printf(" %u", id);
  std::printf("\n");
  return 0;
}

} // namespace

void weft::addDataCommand(CLI::App &app, int &exitCode) {
  CLI::App *data = app.add_subcommand("data", "Make and look at token files");
  data->require_subcommand(1);

  // The parsed values must outlive this call: the callbacks own them.
  auto options = std::make_shared<PackOptions>();
  CLI::App *packCommand = data->add_subcommand("pack", "Pack files, one after the other, into one token file");
  packCommand->add_option("FILE", options->inputs, "What to pack")->required();
  packCommand->add_option("-o,--output", options->output, "The token file to write")->required()->type_name("TOKENS");
  CLI::Option *bytes = packCommand->add_flag("--bytes", options->bytes, "Every byte is a token (default)");
  packCommand
      ->add_option("--ids", options->ids,
                   "The files hold token ids: u16 or u32 little endian, or text: decimal numbers with\n"
                   "white space or commas between them")
      ->check(CLI::IsMember({"u16", "u32", "text"}))
      ->type_name("u16|u32|text")
      ->excludes(bytes);
  packCommand->callback([options, &exitCode] { exitCode = pack(*options); });

  auto path = std::make_shared<std::string>();
  CLI::App *infoCommand =
      data->add_subcommand("info", "Print the size and vocabulary of a token file, after checking all of it");
  infoCommand->add_option("TOKENS", *path, "The token file")->required();
  infoCommand->callback([path, &exitCode] { exitCode = printFile(*path); });
}
