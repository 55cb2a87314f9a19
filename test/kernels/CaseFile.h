//===- CaseFile.h - Programs of kernels, with what they compute -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What weft-kernel-cases writes and weft-kernel-run reads. Plain C++: the
// runner is carried to machines that have neither LLVM nor a toolkit. A file is
// lines of words, a line `data`, and the bytes that the lines refer to.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TEST_KERNELS_CASEFILE_H
#define WEFT_TEST_KERNELS_CASEFILE_H

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace weft::test {

struct CaseFile {
  struct Code {
    std::string arch, kind, bytes; ///< "sm_90"; "cubin" or "ptx"
  };
  /// Bytes in the arena before the first step.
  struct Input {
    int64_t offset;
    std::string bytes;
  };
  /// A kernel, or, without a function, a copy of arguments[2] bytes from arguments[1] to arguments[0].
  struct Launch {
    std::string function;
    int64_t grid[3] = {1, 1, 1}, block[3] = {1, 1, 1}, sharedBytes = 0;
    std::vector<int64_t> arguments; ///< places in the arena
  };
  struct Expected {
    std::string name, dtype;
    int64_t count, offset;
    double tolerance;
    std::string bytes;
  };
  struct Fill {
    int64_t offset;
    std::string dtype;
    int64_t count, limit; ///< integers lie in [0, limit)
  };
  /// Steps that are timed on an arena of their own.
  struct Bench {
    std::string name;
    int64_t bytes = 0, arenaBytes = 0; ///< moved at least; of the arena
    size_t firstStep = 0, steps = 0;
    std::vector<Fill> fills;
  };

  std::string name;
  int64_t arenaBytes = 0;
  std::vector<Code> code;
  std::vector<Input> inputs;
  std::vector<Launch> steps;
  std::vector<Expected> expected;
  std::vector<Bench> benches;

  bool write(const std::string &path) const {
    std::ostringstream text;
    std::string data;
    auto place = [&](const std::string &bytes) {
      size_t at = data.size();
      data += bytes;
      return at;
    };
    text << "name " << name << "\narena " << arenaBytes << "\n";
    for (const Code &c : code)
      text << "code " << c.arch << " " << c.kind << " " << place(c.bytes) << " " << c.bytes.size() << "\n";
    for (const Input &i : inputs)
      text << "input " << i.offset << " " << place(i.bytes) << " " << i.bytes.size() << "\n";
    for (const Launch &l : steps) {
      text << "step " << (l.function.empty() ? "-" : l.function);
      for (int i = 0; i < 3; ++i)
        text << " " << l.grid[i] << " " << l.block[i];
      text << " " << l.sharedBytes;
      for (int64_t argument : l.arguments)
        text << " " << argument;
      text << "\n";
    }
    text.precision(17);
    for (const Expected &e : expected)
      text << "expect " << e.dtype << " " << e.count << " " << e.offset << " " << e.tolerance << " " << place(e.bytes)
           << " " << e.bytes.size() << " " << e.name << "\n";
    for (const Bench &b : benches) {
      text << "bench " << b.name << " " << b.bytes << " " << b.arenaBytes << " " << b.firstStep << " " << b.steps
           << "\n";
      for (const Fill &f : b.fills)
        text << "fill " << f.offset << " " << f.dtype << " " << f.count << " " << f.limit << "\n";
    }
    text << "data\n";
    std::ofstream file(path, std::ios::binary);
    file << text.str() << data;
    file.close();
    return static_cast<bool>(file);
  }

  bool read(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream all;
    all << file.rdbuf();
    std::string bytes = all.str();
    size_t split = bytes.find("\ndata\n");
    if (!file || split == std::string::npos)
      return false;
    std::istringstream lines(bytes.substr(0, split));
    size_t base = split + 6;
    auto data = [&](size_t at, size_t count) {
      return base + at + count <= bytes.size() ? bytes.substr(base + at, count) : std::string();
    };
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string kind;
      size_t at = 0, count = 0;
      words >> kind;
      if (kind == "name") {
        words >> name;
      } else if (kind == "arena") {
        words >> arenaBytes;
      } else if (kind == "code") {
        Code c;
        words >> c.arch >> c.kind >> at >> count;
        c.bytes = data(at, count);
        code.push_back(c);
      } else if (kind == "input") {
        Input i{};
        words >> i.offset >> at >> count;
        i.bytes = data(at, count);
        inputs.push_back(i);
      } else if (kind == "step") {
        Launch l;
        words >> l.function;
        for (int i = 0; i < 3; ++i)
          words >> l.grid[i] >> l.block[i];
        words >> l.sharedBytes;
        for (int64_t argument; words >> argument;)
          l.arguments.push_back(argument);
        if (l.function == "-")
          l.function.clear();
        steps.push_back(l);
      } else if (kind == "expect") {
        Expected e{};
        words >> e.dtype >> e.count >> e.offset >> e.tolerance >> at >> count >> std::ws;
        std::getline(words, e.name);
        e.bytes = data(at, count);
        expected.push_back(e);
      } else if (kind == "bench") {
        Bench b;
        words >> b.name >> b.bytes >> b.arenaBytes >> b.firstStep >> b.steps;
        benches.push_back(b);
      } else if (kind == "fill" && !benches.empty()) {
        Fill f{};
        words >> f.offset >> f.dtype >> f.count >> f.limit;
        benches.back().fills.push_back(f);
      } else {
        return false;
      }
    }
    return true;
  }
};

} // namespace weft::test

#endif // WEFT_TEST_KERNELS_CASEFILE_H
