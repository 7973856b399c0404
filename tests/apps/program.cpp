#include "apps/program.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "support/wait.h"

namespace streamdiffusion::testing {

pid_t ProgramTest::start(std::vector<std::string> arguments, const std::string& input) {
  std::string program = SD_PROGRAM;
  std::vector<char*> pointers{program.data()};
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const std::string cache = folder_ / "cache", out = folder_ / "out", err = folder_ / "err";
  const pid_t process = ::fork();
  if (process == 0) {
    std::signal(SIGINT, SIG_DFL);
    ::setenv("XDG_CACHE_HOME", cache.c_str(), 1);
    if (largest_file_ > 0) {
      std::signal(SIGXFSZ, SIG_DFL);
      const rlimit limit{largest_file_, largest_file_};
      ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ::dup2(::open(input.c_str(), O_RDONLY), STDIN_FILENO);
    const bool closed = printed_to_ == "closed";
    const char* to = printed_to_.empty() || closed ? out.c_str() : printed_to_.c_str();
    ::dup2(::creat(to, 0600), STDOUT_FILENO);
    ::dup2(::creat(err.c_str(), 0600), STDERR_FILENO);
    if (closed) ::close(STDOUT_FILENO);
    ::execv(SD_PROGRAM, pointers.data());
    ::_exit(127);
  }
  return process;
}

int ProgramTest::wait(pid_t process) {
  int status = 0;
  const auto ended = [&] { return ::waitpid(process, &status, WNOHANG) == process; };
  if (!wait_until("the program to end", ended)) {
    ::kill(process, SIGKILL);
    ::waitpid(process, &status, 0);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

int ProgramTest::run(std::vector<std::string> arguments, const std::string& input) {
  return wait(start(std::move(arguments), input));
}

std::vector<std::string> ProgramTest::with_model(const std::string& command,
                                                 const std::vector<std::string>& flags) {
  std::vector<std::string> all{
      command,   "--model", model().path(), "--device", SD_TEST_DEVICE,   "--dtype", "f32",
      "--width", "32",      "--height",     "24",       "--t-index-list", "22,45"};
  all.insert(all.end(), flags.begin(), flags.end());
  return all;
}

const TinyModel& ProgramTest::model() {
  static const TinyModel tiny;
  return tiny;
}

}  // namespace streamdiffusion::testing
