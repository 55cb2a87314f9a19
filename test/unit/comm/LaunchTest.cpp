//===- LaunchTest.cpp - Jobs of several processes -------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The mesh sample's executable: what it computes on any mesh, and what is said
// when a rank is killed, stopped, hangs, fails or never comes.
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"
#include "comm/Socket.h"
#include "core/Error.h"
#include "launch/Environment.h"
#include "weft/safetensors.h"

#include <chrono>
#include <cmath>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

using namespace weft;
using namespace weft::rt;
using nlohmann::json;

namespace {

using Strings = std::vector<std::string>;

/// A process, and what it says.
struct Job {
  pid_t process = 0;
  std::string err, out;
};

/// How a process ended.
struct Outcome {
  int code = 0;
  double seconds = 0;
  std::string err;
};

/// Starts the sample in a process group of its own.
Job start(const TemporaryFolder &folder, const std::string &name, const Strings &arguments,
          const std::map<std::string, std::string> &environment) {
  Job job;
  job.err = folder.path(name + ".err");
  job.out = folder.path(name + ".out");
  job.process = fork();
  if (job.process != 0)
    return job;
  setpgid(0, 0);
  dup2(open(job.err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666), STDERR_FILENO);
  dup2(open(job.out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666), STDOUT_FILENO);
  setenv("OMP_NUM_THREADS", "1", 1);
  for (const auto &[key, value] : environment)
    setenv(key.c_str(), value.c_str(), 1);
  std::vector<char *> argv = {const_cast<char *>(WEFT_MESH_SAMPLE)};
  for (const std::string &argument : arguments)
    argv.push_back(const_cast<char *>(argument.c_str()));
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  _exit(127);
}

/// Waits, at most 60 seconds.
Outcome finish(const Job &job, std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now()) {
  int status = 0;
  Outcome outcome;
  while (waitpid(job.process, &status, WNOHANG) == 0) {
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (outcome.seconds > 60)
      kill(-job.process, SIGKILL);
    usleep(5000);
  }
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  outcome.err = readWhole(job.err);
  return outcome;
}

/// Runs the sample on a mesh with --nproc, from the start to the end.
Outcome run(const TemporaryFolder &folder, const std::string &mesh, int ranks, Strings arguments,
            std::map<std::string, std::string> environment = {}) {
  environment["WEFT_SAMPLE_MESH"] = mesh;
  if (ranks > 0) {
    arguments.push_back("--nproc");
    arguments.push_back(std::to_string(ranks));
  }
  auto begin = std::chrono::steady_clock::now();
  Job job = start(folder, "run", arguments, environment);
  Outcome outcome = finish(job, begin);
  // Nothing that it started is left. Its group is empty a moment after its last process ends.
  for (int i = 0; i < 100 && kill(-job.process, 0) == 0; ++i)
    usleep(5000);
  EXPECT_NE(kill(-job.process, 0), 0) << "processes are left";
  return outcome;
}

testing::AssertionResult contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos
             ? testing::AssertionSuccess()
             : testing::AssertionFailure() << "'" << text << "' lacks '" << part << "'";
}

/// How many lines begin with "error:".
int errors(const std::string &text) {
  int count = 0;
  for (size_t at = 0; (at = text.find("error: ", at)) != std::string::npos; ++at)
    ++count;
  return count;
}

template <typename T> std::vector<T> tensor(const std::string &path, const std::string &name) {
  std::string error;
  auto file = SafetensorsFile::open(path, error);
  const SafetensorsEntry *entry = file ? file->find(name) : nullptr;
  EXPECT_NE(entry, nullptr) << error << name;
  std::vector<T> values(entry ? entry->elements() : 0);
  if (entry)
    memcpy(values.data(), entry->data, entry->bytes);
  return values;
}

template <typename T>
void expectNear(const std::vector<T> &a, const std::vector<T> &b, double tolerance, const std::string &what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  for (size_t i = 0; i < a.size(); ++i)
    ASSERT_NEAR(a[i], b[i], tolerance) << what << " " << i;
}

constexpr const char *kMeshes[] = {"2,1,1", "1,2,1", "1,1,2", "2,1,2", "1,4,1", "2,2,2", "1,2,4"};

int sizeOf(const std::string &mesh) {
  int replicas, shards, tensors;
  sscanf(mesh.c_str(), "%d,%d,%d", &replicas, &shards, &tensors);
  return replicas * shards * tensors;
}

} // namespace

// Initial values are the same bytes on any mesh; losses, gradients, logits and parameters are those of one rank.
TEST(Mesh, ComputesWhatOneRankComputes) {
  TemporaryFolder folder;
  std::string tokens = folder.tokens("t", 3000, 1, 7), first = folder.path("first.safetensors");
  Strings initial = {"--data", tokens, "--steps", "0", "--quiet", "--save"};
  auto with = [](Strings arguments, const Strings &more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  Strings train = {"--data", tokens, "--steps",      "8", "--lr",           "1", "--log", folder.path("log"),
                   "--eval", tokens, "--eval-every", "4", "--eval-batches", "2"};
  std::vector<int64_t> x(64), y(64);
  for (size_t i = 0; i < 64; ++i) {
    x[i] = static_cast<int64_t>(i * 5 % 16);
    y[i] = static_cast<int64_t>(i * 11 % 16);
  }
  std::string replay = folder.path("batch.safetensors");
  ASSERT_EQ(writeSafetensors(replay, {{"x", "I64", {8, 8}, x.data(), 512}, {"y", "I64", {8, 8}, y.data(), 512}}), "");
  Strings verify = {"--replay", replay, "--steps", "5", "--lr", "0.5", "--quiet", "--record"};

  ASSERT_EQ(run(folder, "1,1,1", 0, with(initial, {first})).code, 0);
  ASSERT_EQ(run(folder, "1,1,1", 0, train).code, 0);
  std::string expectedLog = readWhole(folder.path("log"));
  ASSERT_EQ(run(folder, "1,1,1", 0, with(verify, {folder.path("one.safetensors")})).code, 0);
  for (const char *mesh : kMeshes) {
    SCOPED_TRACE(mesh);
    std::string saved = folder.path("saved.safetensors"), record = folder.path("record.safetensors");
    Outcome outcome = run(folder, mesh, sizeOf(mesh), with(initial, {saved}));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(readWhole(saved), readWhole(first));
    outcome = run(folder, mesh, sizeOf(mesh), train);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_TRUE(contains(outcome.err, std::to_string(sizeOf(mesh)) + " ranks (replica="));
    EXPECT_TRUE(contains(outcome.err, " a rank  "));
    std::istringstream expected(expectedLog), actual(readWhole(folder.path("log")));
    std::string expectedLine, actualLine;
    int lines = 0;
    while (std::getline(expected, expectedLine)) {
      ASSERT_TRUE(std::getline(actual, actualLine));
      json a = json::parse(expectedLine), b = json::parse(actualLine);
      for (const char *key : {"step", "loss", "grad_norm", "eval_loss"})
        if (a.contains(key)) {
          EXPECT_NEAR(a[key].get<double>(), b[key].get<double>(), 1e-5) << key;
          ++lines;
        }
    }
    EXPECT_EQ(lines, 8 * 3 + 2 * 2);
    ASSERT_EQ(run(folder, mesh, sizeOf(mesh), with(verify, {record})).code, 0);
    for (const char *name : {"logits", "grad/W", "grad/b", "param/W", "param/b"})
      expectNear(tensor<float>(record, name), tensor<float>(folder.path("one.safetensors"), name), 1e-5, name);
    for (const char *name : {"curve", "loss", "grad_norm"})
      expectNear(tensor<double>(record, name), tensor<double>(folder.path("one.safetensors"), name), 1e-5, name);
  }
}

// The same job twice is the same bits.
TEST(Mesh, RepeatsBits) {
  TemporaryFolder folder;
  std::string tokens = folder.tokens("t", 3000, 1, 7), a = folder.path("a.safetensors"),
              b = folder.path("b.safetensors");
  for (const std::string &path : {a, b})
    ASSERT_EQ(run(folder, "2,1,2", 4, {"--data", tokens, "--steps", "20", "--lr", "1", "--quiet", "--save", path}).code,
              0);
  EXPECT_EQ(readWhole(a), readWhole(b));
}

// A rank that is killed ends the job at once; one message names it and the collective. So for rank 0, which has the
// server.
TEST(Fault, KilledRank) {
  TemporaryFolder folder;
  Strings arguments = {"--data", folder.tokens("t", 3000), "--steps", "1000", "--timeout", "20", "--quiet"};
  for (const char *rank : {"0", "2", "3"}) {
    Outcome outcome = run(folder, "2,1,2", 4, arguments, {{"WEFT_SAMPLE_FAULT", std::string("kill:") + rank + ":3"}});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(errors(outcome.err), 1) << outcome.err;
    EXPECT_TRUE(contains(outcome.err, std::string("error: rank ") + rank + " was lost"));
    EXPECT_TRUE(contains(outcome.err, "all_reduce of '"));
    EXPECT_TRUE(contains(outcome.err, std::string("note: rank ") + rank + " was killed by signal 9"));
    EXPECT_LT(outcome.seconds, 10) << outcome.err;
  }
}

// A rank that is stopped is found when the time is over, and ended by force.
TEST(Fault, StoppedRank) {
  TemporaryFolder folder;
  Strings arguments = {"--data", folder.tokens("t", 3000), "--steps", "1000", "--timeout", "6", "--quiet"};
  for (const char *rank : {"1", "0"}) {
    Outcome outcome = run(folder, "1,2,1", 2, arguments, {{"WEFT_SAMPLE_FAULT", std::string("stop:") + rank + ":3"}});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(errors(outcome.err), 1) << outcome.err;
    EXPECT_TRUE(contains(outcome.err, std::string("error: rank ") + rank + " has not answered for 3 s"));
    EXPECT_TRUE(contains(outcome.err, " in all_gather of 'W' (model.head) over shard"));
    EXPECT_TRUE(contains(outcome.err, "note: ending a rank that did not end by itself"));
    // The whole job, its start too.
    EXPECT_LT(outcome.seconds, 6) << outcome.err;
  }
}

// A rank that lives and does not come holds the others up no longer than the time.
TEST(Fault, HangingRank) {
  TemporaryFolder folder;
  Strings arguments = {"--data", folder.tokens("t", 3000), "--steps", "1000", "--timeout", "1.5", "--quiet"};
  Outcome outcome = run(folder, "1,2,1", 2, arguments, {{"WEFT_SAMPLE_FAULT", "hang:1:2"}});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(errors(outcome.err), 1) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "error: rank 1 did not come within 0.75 s"));
  EXPECT_TRUE(contains(outcome.err, "rank 0 waited for it in all_gather of 'W' (model.head) over shard"));
  EXPECT_LT(outcome.seconds, 12) << outcome.err;
}

// A rank's own failure is the job's, with its exit code, and said once.
TEST(Fault, FailingRank) {
  TemporaryFolder folder;
  Strings arguments = {"--data", folder.tokens("t", 3000), "--steps", "1000", "--timeout", "20", "--quiet"};
  Outcome outcome = run(folder, "1,2,1", 2, arguments, {{"WEFT_SAMPLE_FAULT", "fail:1:2"}});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(errors(outcome.err), 1) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "error: rank 1: in task 'first': sample(0): made to fail"));
  // What all ranks find wrong is no rank's.
  arguments[1] = folder.path("none");
  outcome = run(folder, "1,2,1", 2, arguments);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(errors(outcome.err), 1) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "error: cannot open '" + folder.path("none") + "'"));
  // A full disk of rank 0 stops all, after the same step.
  std::string saved = folder.path("s.safetensors");
  outcome =
      run(folder, "1,2,1", 2, {"--data", folder.tokens("t", 3000), "--log", "/dev/full", "--quiet", "--save", saved});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(errors(outcome.err), 1) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "cannot write the log '/dev/full'"));
  EXPECT_EQ(tensor<float>(saved, "W").size(), 256u);
}

// The number of ranks is that of the mesh, whoever starts them.
TEST(Fault, WrongWorldSize) {
  TemporaryFolder folder;
  Strings arguments = {"--data", folder.tokens("t", 3000), "--quiet"};
  Outcome outcome = run(folder, "2,1,2", 3, arguments);
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.err,
            "error: this executable is for 4 ranks (replica=2, shard=1, tp=2) and was started as 3 by --nproc; "
            "start 4, or compile for another mesh\n");
  outcome = run(folder, "2,1,2", 0, arguments);
  EXPECT_EQ(outcome.code, 2);
  EXPECT_TRUE(contains(outcome.err, "start it with --nproc 4, or by torchrun, mpirun or srun"));
  for (const char *rank : {"0", "1"}) {
    outcome = run(folder, "2,1,2", 0, arguments, {{"WORLD_SIZE", "2"}, {"RANK", rank}});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(errors(outcome.err), rank == std::string("0") ? 1 : 0) << outcome.err;
  }
  outcome = run(folder, "1,1,1", 2, arguments);
  EXPECT_EQ(outcome.code, 2);
  EXPECT_TRUE(contains(outcome.err, "this executable is for 1 rank and was started as 2 by --nproc"));
}

// A port that is taken, a rank that never comes, another executable, another server.
TEST(Fault, Rendezvous) {
  TemporaryFolder folder;
  Strings arguments = {"--data", folder.tokens("t", 3000), "--quiet", "--timeout", "1"};
  Socket taken = listenOn(0);
  std::map<std::string, std::string> environment = {
      {"WORLD_SIZE", "2"}, {"RANK", "0"}, {"MASTER_PORT", std::to_string(portOf(taken))}};
  Outcome outcome = run(folder, "2,1,1", 0, arguments, environment);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.err, "error: rank 0 cannot listen on port " + environment["MASTER_PORT"] +
                             ": Address already in use; set MASTER_PORT to a port that is free\n");
  // What listens there says nothing.
  environment["RANK"] = "1";
  outcome = run(folder, "2,1,1", 0, arguments, environment);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_TRUE(contains(outcome.err, "is not rank 0 of this job"));
  taken.close();
  outcome = run(folder, "2,1,1", 0, arguments, environment);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_TRUE(contains(outcome.err, "rank 1 cannot reach rank 0 at 127.0.0.1"));
  environment["RANK"] = "0";
  outcome = run(folder, "2,1,1", 0, arguments, environment);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_TRUE(contains(outcome.err, "error: 1 of 2 ranks came within 1 s; missing: 1"));
  arguments.back() = "10";
  environment["WEFT_SAMPLE_MESH"] = "2,1,1";
  Job first = start(folder, "first", arguments, environment);
  environment["RANK"] = "1";
  environment["WEFT_SAMPLE_MODEL"] = "other.onnx";
  Job second = start(folder, "second", arguments, environment);
  outcome = finish(first);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_TRUE(contains(outcome.err, "error: rank 1 runs another executable than rank 0"));
  EXPECT_EQ(finish(second).code, 1);
  // The same executable with another number of steps.
  environment.erase("WEFT_SAMPLE_MODEL");
  Strings longer = arguments;
  longer.insert(longer.end(), {"--steps", "7"});
  second = start(folder, "second", longer, environment);
  environment["RANK"] = "0";
  outcome = finish(start(folder, "first", arguments, environment));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_TRUE(contains(outcome.err, "error: rank 1 was started with other options than rank 0"));
  EXPECT_EQ(finish(second).code, 1);
}

// SIGTERM to the launcher: all ranks stop after the same step, and the parameters are saved.
TEST(Mesh, StopsTogether) {
  TemporaryFolder folder;
  std::string saved = folder.path("s.safetensors"), log = folder.path("log");
  Job job = start(
      folder, "run",
      {"--data", folder.tokens("t", 3000), "--steps", "1000000000", "--log", log, "--save", saved, "--nproc", "4"},
      {{"WEFT_SAMPLE_MESH", "1,2,2"}});
  while (readWhole(log).find("\"step\":5,") == std::string::npos && kill(job.process, 0) == 0)
    usleep(10000);
  kill(job.process, SIGTERM);
  Outcome outcome = finish(job);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "stopped by SIGTERM after step "));
  EXPECT_EQ(tensor<float>(saved, "W").size(), 256u);
}

// A launcher that is killed leaves nobody behind.
TEST(Fault, KilledLauncher) {
  TemporaryFolder folder;
  std::string log = folder.path("log");
  Job job =
      start(folder, "run", {"--data", folder.tokens("t", 3000), "--steps", "1000000000", "--log", log, "--nproc", "2"},
            {{"WEFT_SAMPLE_MESH", "1,2,1"}});
  while (readWhole(log).find("\"step\":3,") == std::string::npos && kill(job.process, 0) == 0)
    usleep(10000);
  kill(job.process, SIGKILL);
  finish(job);
  bool left = true;
  for (int i = 0; i < 400 && left; ++i, usleep(5000))
    left = kill(-job.process, 0) == 0;
  EXPECT_FALSE(left);
}

// What launchers say.
TEST(Environment, Launchers) {
  auto launch = [](std::map<std::string, std::string> values) {
    return launchFromEnvironment([values](const char *name) -> const char * {
      auto found = values.find(name);
      return found == values.end() ? nullptr : found->second.c_str();
    });
  };
  EXPECT_FALSE(launch({}));
  // The batch script of Slurm is not one of the job's ranks.
  EXPECT_FALSE(launch({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}, {"SLURM_JOB_ID", "5"}}));
  auto torchrun = launch({{"RANK", "3"},
                          {"WORLD_SIZE", "4"},
                          {"LOCAL_WORLD_SIZE", "2"},
                          {"LOCAL_RANK", "1"},
                          {"MASTER_ADDR", "host"},
                          {"MASTER_PORT", "1234"},
                          {"TORCHELASTIC_USE_AGENT_STORE", "True"}});
  ASSERT_TRUE(torchrun);
  EXPECT_EQ(torchrun->rank, 3);
  EXPECT_EQ(torchrun->world, 4);
  EXPECT_EQ(torchrun->localWorld, 2);
  EXPECT_EQ(torchrun->localRank, 1);
  EXPECT_EQ(torchrun->masterAddress, "host");
  EXPECT_EQ(torchrun->masterPort, 1235);
  EXPECT_EQ(torchrun->launcher, "torchrun");
  auto open = launch({{"OMPI_COMM_WORLD_RANK", "1"},
                      {"OMPI_COMM_WORLD_SIZE", "2"},
                      {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                      {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                      {"PMIX_NAMESPACE", "77"}});
  EXPECT_EQ(open->localRank, 1);
  EXPECT_EQ(open->rank, 1);
  EXPECT_EQ(open->launcher, "mpirun");
  EXPECT_EQ(open->masterAddress, "127.0.0.1");
  EXPECT_NE(open->masterPort, 29500);
  EXPECT_THROW(
      launch({{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}}),
      UsageError);
  EXPECT_EQ(launch({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}})->rank, 1);
  auto slurm = launch({{"SLURM_PROCID", "5"},
                       {"SLURM_STEP_NUM_TASKS", "8"},
                       {"SLURM_STEP_NODELIST", "n[07-09,12]"},
                       {"SLURM_LOCALID", "3"},
                       {"SLURM_JOB_ID", "5"}});
  EXPECT_EQ(slurm->rank, 5);
  EXPECT_EQ(slurm->localRank, 3);
  // A pod: nothing is said of processes on this machine.
  auto pod = launch({{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "host"}});
  EXPECT_EQ(pod->localRank, -1);
  EXPECT_EQ(pod->localWorld, 0);
  EXPECT_EQ(slurm->masterAddress, "n07");
  EXPECT_EQ(firstSlurmHost("login,n[1-2]"), "login");
  EXPECT_EQ(firstSlurmHost("one"), "one");
  for (const char *bad : {"x", "", "-1", "4"})
    EXPECT_THROW(launch({{"RANK", bad}, {"WORLD_SIZE", "4"}}), UsageError) << bad;
  EXPECT_THROW(launch({{"WORLD_SIZE", "4"}}), UsageError);
}
