//===- weft-onnx-conformance.cpp - Runs the ONNX package's node tests -----===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// weft-onnx-conformance FOLDER: every folder in FOLDER is a case. Each runs in a
// process of its own, so that a crash is one case's failure. tools/onnx-conformance
// makes the folders and calls this; docs/conformance.md explains the table.
//
//===----------------------------------------------------------------------===//

#include "RunCase.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/Path.h"
#include <chrono>
#include <csignal>
#include <deque>
#include <map>
#include <sys/wait.h>
#include <unistd.h>

using namespace llvm;
using namespace weft::conformance;

static cl::opt<std::string> folder(cl::Positional, cl::desc("FOLDER"), cl::Required);
static cl::opt<unsigned> fewest("minimum", cl::init(0), cl::desc("Fewer passed cases than this are a failure"));
static cl::opt<std::string> only("only", cl::init("*"), cl::desc("Glob over the names of cases"));
static cl::opt<unsigned> jobs("jobs", cl::init(1), cl::desc("Cases that run at once"));
static cl::opt<unsigned> timeout("timeout", cl::init(60), cl::desc("Seconds that a case may take"));
static cl::opt<bool> why("why", cl::desc("Also say for every case that is not supported why"));

namespace {

/// A case that runs in a process.
struct Child {
  std::string name;
  std::vector<std::string> operators;
  pid_t process = -1;
  int output = -1;
  std::string scratch;
};

struct Count {
  int passed = 0, failed = 0, notSupported = 0;
};

} // namespace

/// Stands in front of what a child has to say for itself; before it is what libraries printed.
static constexpr char kMark = '\x1e';

/// What the child does. Everything it prints goes to the parent.
[[noreturn]] static void runChild(TestCase &test, const std::string &scratch, int output) {
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  alarm(timeout);
  Outcome outcome = runCase(test, scratch);
  std::string text;
  text += kMark;
  text += static_cast<char>('0' + static_cast<int>(outcome.status));
  text += outcome.why;
  for (size_t done = 0; done < text.size();) {
    ssize_t wrote = write(output, text.data() + done, text.size() - done);
    if (wrote <= 0)
      _exit(1);
    done += wrote;
  }
  // Destructors of libraries are no part of the case.
  _exit(0);
}

static Child start(const std::string &path) {
  TestCase test;
  std::string error;
  if (!test.load(path, error)) {
    errs() << "weft-onnx-conformance: " << error << "\n";
    exit(2);
  }
  Child child;
  child.name = test.name;
  child.operators = test.operators();
  SmallString<128> scratch;
  int ends[2];
  if (sys::fs::createTemporaryFile("weft-conformance", "onnx", scratch) || pipe(ends)) {
    errs() << "weft-onnx-conformance: cannot make a temporary file or a pipe\n";
    exit(2);
  }
  child.scratch = std::string(scratch);
  outs().flush();
  child.process = fork();
  if (child.process == 0) {
    close(ends[0]);
    runChild(test, child.scratch, ends[1]);
  }
  close(ends[1]);
  child.output = ends[0];
  return child;
}

static Outcome finish(const Child &child) {
  std::string text;
  char part[4096];
  for (ssize_t got; (got = read(child.output, part, sizeof(part))) > 0;)
    text.append(part, got);
  close(child.output);
  int status = 0;
  waitpid(child.process, &status, 0);
  sys::fs::remove(child.scratch);
  size_t mark = text.rfind(kMark);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && mark != std::string::npos && mark + 1 < text.size())
    return {static_cast<Status>(text[mark + 1] - '0'), text.substr(mark + 2)};
  std::string cause = "ended without a result";
  if (WIFSIGNALED(status))
    cause = WTERMSIG(status) == SIGALRM ? "took more than " + std::to_string(timeout) + " s"
                                        : std::string("died: ") + strsignal(WTERMSIG(status));
  // The first line is what an assertion or the C++ library said.
  StringRef said = StringRef(text).trim().split('\n').first;
  return {Status::Failed, cause + (said.empty() ? "" : ": " + said.str())};
}

/// The operator a case is about. The same test with the operator written out by its definition as a function is named
/// NAME_expanded.
static std::string subject(const Child &child, const std::map<std::string, std::string> &subjects) {
  size_t at = child.name.find("_expanded");
  if (at != std::string::npos)
    if (auto it = subjects.find(child.name.substr(0, at)); it != subjects.end())
      return it->second;
  return child.operators.empty() ? "(none)" : child.operators.front();
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "Compiles and runs backend tests of the ONNX package\n");
  Expected<GlobPattern> pattern = GlobPattern::create(only);
  if (!pattern) {
    errs() << "weft-onnx-conformance: --only: " << toString(pattern.takeError()) << "\n";
    return 2;
  }
  std::vector<std::string> paths;
  std::error_code code;
  for (sys::fs::directory_iterator it(folder, code), end; it != end && !code; it.increment(code))
    if (pattern->match(sys::path::filename(it->path())))
      paths.push_back(it->path());
  if (code || paths.empty()) {
    errs() << "weft-onnx-conformance: there are no cases in '" << folder << "'" << (code ? ": " + code.message() : "")
           << "\n";
    return 2;
  }
  sort(paths);

  auto began = std::chrono::steady_clock::now();
  std::map<std::string, Count> table;
  std::map<std::string, std::string> subjects, failures, refusals;
  Count total;
  std::deque<Child> running;
  size_t next = 0;
  while (next < paths.size() || !running.empty()) {
    while (next < paths.size() && running.size() < std::max(1u, unsigned(jobs)))
      running.push_back(start(paths[next++]));
    Child child = std::move(running.front());
    running.pop_front();
    Outcome outcome = finish(child);
    std::string about = subjects[child.name] = subject(child, subjects);
    for (Count *count : {&table[about], &total})
      ++(outcome.status == Status::Passed   ? count->passed
         : outcome.status == Status::Failed ? count->failed
                                            : count->notSupported);
    if (outcome.status == Status::Failed)
      failures[child.name] = outcome.why;
    if (outcome.status == Status::NotSupported)
      refusals[child.name] = outcome.why;
  }
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();

  outs() << "operator                          passed  failed  not supported\n";
  for (auto &[name, count] : table)
    outs() << left_justify(name, 32) << format("%8d%8d%15d\n", count.passed, count.failed, count.notSupported);
  if (why) {
    outs() << "\nnot supported:\n";
    for (auto &[name, reason] : refusals)
      outs() << "  " << name << ": " << reason << "\n";
  }
  if (!failures.empty())
    outs() << "\nfailed:\n";
  for (auto &[name, reason] : failures)
    outs() << "  " << name << ": " << reason << "\n";
  outs() << format("\n%d passed, %d failed, %d not supported; %zu cases in %.0f s\n", total.passed, total.failed,
                   total.notSupported, paths.size(), seconds);
  if (total.failed)
    return 1;
  if (total.passed < static_cast<int>(fewest)) {
    outs() << "fewer than " << fewest << " passed\n";
    return 1;
  }
  return 0;
}
