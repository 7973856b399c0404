// A web server for one file.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace streamdiffusion::testing {

/// Answers every request with the same content until it goes away.
class FileServer {
 public:
  /// Without `with_length`, the answer ends with the connection, as that of a broadcast. `missing`:
  /// bytes that are announced and do not come; the connection is closed, or with `stalls` stays
  /// open.
  FileServer(std::string content, bool with_length, std::size_t missing = 0, bool stalls = false);
  ~FileServer();
  FileServer(const FileServer&) = delete;
  FileServer& operator=(const FileServer&) = delete;

  /// "http://127.0.0.1:PORT/" and the name.
  std::string address(const std::string& name) const;
  /// Connections, whether or not anything was asked on them.
  int connections() const { return connections_; }
  /// Those on which something was asked.
  int requests() const { return requests_; }
  /// Answers requests for `name` with these bytes, HTTP's own head among them.
  void answer_with(const std::string& name, const std::string& whole);

 private:
  void serve();
  void answer(int connection);
  std::string answer_to(const std::string& request);

  std::string content_;
  bool with_length_;
  std::size_t missing_;
  bool stalls_;
  int listener_ = -1, port_ = 0;
  std::atomic<bool> leaving_{false};
  std::atomic<int> connections_{0}, requests_{0};
  std::mutex mutex_;
  std::map<std::string, std::string> answers_;
  std::thread thread_;
};

}  // namespace streamdiffusion::testing
