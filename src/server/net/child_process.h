// A program that the server starts, and the pair of sockets to it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace streamdiffusion::server {

/// The process has one end of a pair of stream sockets as descriptor 3. Besides that and standard
/// error it inherits no file, and of the environment only what a library may need: no token.
class ChildProcess {
 public:
  /// Throws io naming the program.
  ChildProcess(const std::string& program, const std::vector<std::string>& arguments);
  /// Kills it, if it still runs.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// The server's end, which the caller closes. To be called once.
  int take_socket();
  /// Whether it has ended.
  bool has_ended();
  /// How it ended: "was ended by signal 9 (Killed)". Once has_ended().
  std::string ending() const;
  /// Waits for its end for so long. Returns whether it ended by itself and with status 0.
  bool succeeds_within(std::chrono::milliseconds time);
  void kill();

 private:
  pid_t process_ = -1;
  int socket_ = -1;
  int status_ = 0;
};

}  // namespace streamdiffusion::server
