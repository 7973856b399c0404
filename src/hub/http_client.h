// Requests to the hub, behind an interface: a build without libcurl has no_curl/http_client.cpp,
// whose requests fail and say so.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "hub/settings.h"

namespace streamdiffusion::hub {

struct Request {
  std::string url;
  /// Sent to the host of `url` alone: a redirect to another host or port goes without it.
  std::string token;
  /// The first byte that is wanted; 0 for the whole.
  std::uint64_t first_byte = 0;
  /// Seconds after which the answer must be complete; 0 for any time, as long as bytes come.
  double most_seconds = 0;
};

/// What stands before the body, after all redirects.
struct ResponseHead {
  /// 0: no answer came; `problem` says why.
  int status = 0;
  std::string problem;
  /// Whether the answer came from another host or port than was asked.
  bool redirected_elsewhere = false;
  /// By name in lower case.
  std::map<std::string, std::string> headers;

  /// The whole of an answer 2xx has arrived.
  bool succeeded() const { return problem.empty() && status >= 200 && status < 300; }
  /// Whether the body is a page for a browser: a login, or a network that asks for one.
  bool is_web_page() const { return header("content-type").starts_with("text/html"); }
  /// A header's value; empty if it is absent.
  std::string header(const std::string& lower_case_name) const;
};

/// Receives the body of a successful answer (2xx) in pieces; the head is complete at the first
/// call. Returns false to break off. May throw: the request then ends and passes it on.
using BodySink = std::function<bool(const ResponseHead&, std::span<const std::byte>)>;

/// Whether the user wants to stop. Asked several times a second.
using Stopped = std::function<bool()>;
/// How often a download that waits asks whether it should stop.
constexpr auto kStopPoll = std::chrono::milliseconds(50);

/// For one thread at a time; connections are kept for the next request.
class HttpClient {
 public:
  explicit HttpClient(const Settings& settings);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Follows up to ten redirects, never from https to http. The body of an answer that is no
  /// success is dropped. A transfer that breaks has its status and its `problem`. Throws
  /// corrupt_file for more redirects and for headers without an end, io for an answer that takes
  /// longer than it may, and unsupported in a build without libcurl.
  ResponseHead get(const Request& request, const BodySink& sink, const Stopped& stopped);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether this build can send requests.
bool has_http_client();

}  // namespace streamdiffusion::hub
