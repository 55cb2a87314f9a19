//===- Run.cpp - Running another program ----------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Run.h"
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace {
/// A file without a name for what a program prints: unlike a pipe it waits for nobody and is never full.
class Log {
public:
  Log() : file(tmpfile()) {}
  ~Log() {
    if (file)
      fclose(file);
  }
  Log(const Log &) = delete;
  Log &operator=(const Log &) = delete;

  bool exists() const { return file; }
  int descriptor() const { return fileno(file); }
  std::string text() {
    std::string result;
    char part[4096];
    rewind(file);
    while (size_t count = fread(part, 1, sizeof(part), file))
      result.append(part, count);
    return result;
  }

private:
  FILE *file;
};
} // namespace

weft::ProgramResult weft::runProgram(const std::vector<std::string> &args) {
  ProgramResult result;
  Log log;
  if (!log.exists()) {
    result.output = std::string("cannot create a temporary file: ") + strerror(errno);
    return result;
  }
  std::vector<char *> argv;
  for (const std::string &arg : args)
    argv.push_back(const_cast<char *>(arg.c_str()));
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, log.descriptor(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, log.descriptor(), STDERR_FILENO);
  pid_t child = 0;
  int error = posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    result.output = strerror(error);
    return result;
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  result.started = true;
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  result.output = log.text();
  return result;
}
