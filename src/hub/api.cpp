// Requests with repetitions, and what the hub's refusals mean for a person.
#include "hub/api.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/parse_number.h"
#include "base/percent_encode.h"
#include "json/quote.h"

namespace streamdiffusion::hub {
namespace {

using base::ErrorCode;

constexpr int kMaxAttempts = 5;
/// Where nobody answers at all, mostly without a network.
constexpr int kMaxUnanswered = 3;
constexpr double kLongestWait = 120;
constexpr std::size_t kMaxPages = 1000;
constexpr std::size_t kLongestAnswer = std::size_t{32} << 20U;
/// In times of Settings::silence_seconds: an answer that comes byte by byte is given up.
constexpr double kLongestAnswerTimes = 12;

void sleep_unless(const Stopped& stopped, double seconds) {
  const auto begin = base::Clock::now();
  while (base::seconds_since(begin) < seconds) {
    if (stopped && stopped()) throw Interrupted{};
    std::this_thread::sleep_for(kStopPoll);
  }
}

[[noreturn]] void refuse_not_found(const Settings& settings, const RepositoryName& name,
                                   const std::string& code) {
  const std::string page = settings.endpoint + "/" + name.id;
  if (code == "RevisionNotFound") {
    base::fail(ErrorCode::not_found, name.id, ": the hub has no revision ",
               json::quote(name.revision), " of it; ", page, "/branches lists them");
  }
  if (code == "EntryNotFound") {
    base::fail(ErrorCode::not_found, to_string(name),
               ": a file that was listed is gone; run the "
               "command again");
  }
  base::fail(ErrorCode::not_found, name.id, ": no such repository at ", settings.endpoint,
             settings.token.empty()
                 ? "; or it is private, or its license has to be accepted first, and no token is "
                   "set (HF_TOKEN, or `hf auth login`)"
                 : "; or it is private, and the token that is set may not read it");
}

}  // namespace

bool Retry::is_transient(const ResponseHead& head) {
  constexpr int kTimeout = 408, kTooMany = 429, kServer = 500;
  if (head.status == 0 || !head.problem.empty()) return true;
  return head.status == kTimeout || head.status == kTooMany || head.status >= kServer;
}

bool Retry::wait(const ResponseHead& head, std::string_view what) {
  if (stopped_ && stopped_()) throw Interrupted{};
  if (++attempts_ >= (head.status == 0 ? kMaxUnanswered : kMaxAttempts)) return false;
  double seconds = settings_.retry_seconds * static_cast<double>(1 << (attempts_ - 1));
  if (const auto asked = base::parse_number<double>(head.header("retry-after"))) {
    if (!(*asked <= kLongestWait)) return false;
    seconds = std::max(seconds, *asked);
  }
  base::log(base::LogLevel::notice,
            base::concat(what, ": ", describe(head), "; trying again in ", seconds, " s"));
  sleep_unless(stopped_, seconds);
  return true;
}

std::string describe(const ResponseHead& head) {
  if (head.status == 0 || !head.problem.empty()) return json::printable(head.problem, 300);
  std::string text = base::concat("HTTP ", head.status);
  const std::string message = head.header("x-error-message");
  if (!message.empty()) text += " (" + json::printable(message, 300) + ")";
  return text;
}

void refuse_answer(const Settings& settings, const RepositoryName& name, const ResponseHead& head) {
  constexpr int kUnauthorized = 401, kForbidden = 403, kNotFound = 404, kTooMany = 429;
  const std::string code = head.header("x-error-code");
  const std::string page = settings.endpoint + "/" + name.id;
  if (code == "GatedRepo") {
    base::fail(ErrorCode::not_found, name.id, ": its license has to be accepted first: open ", page,
               settings.token.empty()
                   ? ", accept it, and set a token of that account (HF_TOKEN, or `hf auth login`)"
                   : " with the account of the token that is set, and accept it");
  }
  if (head.status == kNotFound || head.status == kUnauthorized) {
    refuse_not_found(settings, name, code);
  }
  if (head.status == kForbidden) {
    base::fail(ErrorCode::io, name.id, ": ", settings.endpoint, " refuses access: ", describe(head),
               settings.token.empty() ? "; no token is set (HF_TOKEN, or `hf auth login`)"
                                      : "; the token that is set may not read it");
  }
  if (head.status == kTooMany) {
    base::fail(ErrorCode::busy, name.id, ": ", settings.endpoint,
               " answers no more requests from here for now: ", describe(head),
               settings.token.empty() ? "; with a token (HF_TOKEN) more are allowed" : "",
               "; try again later");
  }
  if (head.status == 0) {
    base::fail(ErrorCode::io, name.id, ": ", settings.endpoint,
               " cannot be reached: ", describe(head));
  }
  base::fail(ErrorCode::io, name.id, ": ", settings.endpoint, " failed: ", describe(head));
}

std::string token_for(const Settings& settings) {
  const bool safe =
      settings.endpoint.starts_with("https://") || is_loopback_address(settings.endpoint);
  return safe ? settings.token : std::string();
}

JsonAnswer ask(HttpClient& client, const Settings& settings, Request request,
               const std::string& what, const Refuse& refuse, const Stopped& stopped) {
  request.most_seconds = kLongestAnswerTimes * settings.silence_seconds;
  Retry retry(settings, stopped);
  std::string text;
  const BodySink keep = [&](const ResponseHead& head, std::span<const std::byte> bytes) {
    base::require(!head.is_web_page(), ErrorCode::io, request.url, kWebPage);
    base::require(text.size() + bytes.size() <= kLongestAnswer, ErrorCode::corrupt_file,
                  request.url, ": the answer is longer than ", kLongestAnswer, " bytes");
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return true;
  };
  for (;;) {
    text.clear();
    const ResponseHead head = client.get(request, keep, stopped);
    if (head.succeeded()) return {json::Json::parse(text, request.url), head.header("link")};
    if (stopped && stopped()) throw Interrupted{};
    if (Retry::is_transient(head) && retry.wait(head, what)) continue;
    refuse(head);
    base::fail(ErrorCode::io, what, ": ", describe(head));
  }
}

RepositoryInfo ask_repository(HttpClient& client, const Settings& settings,
                              const RepositoryName& name, const Stopped& stopped) {
  const std::string url = settings.endpoint + "/api/models/" + name.id + "/revision/" +
                          base::percent_encode(name.revision);
  const Refuse refuse = [&](const ResponseHead& head) { refuse_answer(settings, name, head); };
  return parse_repository_info(
      ask(client, settings, {.url = url, .token = token_for(settings)}, name.id, refuse, stopped)
          .json);
}

std::vector<RemoteFile> ask_files(HttpClient& client, const Settings& settings,
                                  const RepositoryName& name, const std::string& commit,
                                  const Stopped& stopped) {
  const Refuse refuse = [&](const ResponseHead& head) { refuse_answer(settings, name, head); };
  std::vector<RemoteFile> files;
  std::set<std::string> asked;
  std::string url = settings.endpoint + "/api/models/" + name.id + "/tree/" + commit +
                    "?recursive=true&expand=false";
  while (!url.empty()) {
    base::require(asked.insert(url).second && asked.size() <= kMaxPages, ErrorCode::corrupt_file,
                  settings.endpoint, ": the list of files of ", name.id, " does not end");
    const JsonAnswer answer =
        ask(client, settings, {.url = url, .token = token_for(settings)}, name.id, refuse, stopped);
    parse_tree_page(answer.json, files);
    url = next_page(answer.link, settings.endpoint);
  }
  return files;
}

}  // namespace streamdiffusion::hub
