#include "server/net/child_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <thread>
#include <utility>

#include "base/error.h"

namespace streamdiffusion::server {
namespace {

constexpr int kChildSocket = 3;

/// Names, and beginnings of names where they end in '_'.
constexpr std::array<std::string_view, 12> kInherited{
    "PATH", "HOME", "LANG", "LC_",   "TMPDIR", "LD_LIBRARY_PATH",
    "GST_", "G_",   "XDG_", "ASAN_", "LSAN_",  "UBSAN_"};

bool is_inherited(std::string_view variable) {
  const std::string_view name = variable.substr(0, variable.find('='));
  return std::ranges::any_of(kInherited, [&](std::string_view known) {
    return known.ends_with('_') ? name.starts_with(known) : name == known;
  });
}

std::vector<char*> environment() {
  std::vector<char*> list;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (is_inherited(*variable)) list.push_back(*variable);
  }
  list.push_back(nullptr);
  return list;
}

/// Standard input and output are empty, descriptor 3 is the socket, and no other is open.
class SpawnFiles {
 public:
  explicit SpawnFiles(int socket) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, socket, kChildSocket);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, kChildSocket + 1);
  }
  ~SpawnFiles() { ::posix_spawn_file_actions_destroy(&actions_); }
  SpawnFiles(const SpawnFiles&) = delete;
  SpawnFiles& operator=(const SpawnFiles&) = delete;
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

/// Ctrl-C in the terminal is for the server, which ends its connections itself.
class SpawnAttributes {
 public:
  SpawnAttributes() {
    ::posix_spawnattr_init(&attributes_);
    sigset_t all, none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

}  // namespace

ChildProcess::ChildProcess(const std::string& program, const std::vector<std::string>& arguments) {
  std::array<int, 2> pair{-1, -1};
  base::require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0,
                ErrorCode::io, "no pair of sockets for ", program, ": ", std::strerror(errno));
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  // dup2() to the same number would leave the socket to be closed at the start of the program.
  int theirs = pair[1];
  if (theirs == kChildSocket) theirs = ::fcntl(pair[1], F_DUPFD_CLOEXEC, kChildSocket + 1);
  const SpawnFiles files(theirs);
  const SpawnAttributes attributes;
  std::vector<char*> variables = environment();
  const int failed = ::posix_spawn(&process_, program.c_str(), files.get(), attributes.get(),
                                   pointers.data(), variables.data());
  if (theirs != pair[1]) ::close(theirs);
  ::close(pair[1]);
  socket_ = pair[0];
  if (failed == 0) return;
  ::close(socket_);
  base::fail(ErrorCode::io, "cannot start ", program, ": ", std::strerror(failed));
}

ChildProcess::~ChildProcess() {
  if (socket_ >= 0) ::close(socket_);
  if (has_ended()) return;
  kill();
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

int ChildProcess::take_socket() {
  return std::exchange(socket_, -1);
}

bool ChildProcess::has_ended() {
  if (process_ < 0) return true;
  const pid_t ended = ::waitpid(process_, &status_, WNOHANG);
  if (ended == process_ || (ended < 0 && errno == ECHILD)) process_ = -1;
  return process_ < 0;
}

std::string ChildProcess::ending() const {
  if (!WIFSIGNALED(status_)) return base::concat("ended with status ", WEXITSTATUS(status_));
  const int number = WTERMSIG(status_);
  return base::concat("was ended by signal ", number, " (", ::strsignal(number), ")");
}

bool ChildProcess::succeeds_within(std::chrono::milliseconds time) {
  constexpr auto pause = std::chrono::milliseconds(5);
  for (auto waited = pause; !has_ended() && waited < time; waited += pause) {
    std::this_thread::sleep_for(pause);
  }
  return process_ < 0 && WIFEXITED(status_) && WEXITSTATUS(status_) == 0;
}

void ChildProcess::kill() {
  if (process_ > 0) ::kill(process_, SIGKILL);
}

}  // namespace streamdiffusion::server
