// Questions to the hub, with an answer or a message that says what to do.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/http_client.h"
#include "hub/listing.h"
#include "hub/name.h"

namespace streamdiffusion::hub {

/// Raised when the user stops what is in flight. What was downloaded is kept.
struct Interrupted {};

/// Waits and tells, between two attempts.
class Retry {
 public:
  Retry(const Settings& settings, const Stopped& stopped)
      : settings_(settings), stopped_(stopped) {}

  /// Whether an answer may be another one soon: 408, 429, 5xx, or none at all.
  static bool is_transient(const ResponseHead& head);
  /// Waits before the next attempt, as long as the server asks (Retry-After), or twice as long as
  /// before. Returns false, without waiting, after the last one. Throws Interrupted.
  bool wait(const ResponseHead& head, std::string_view what);
  /// Something arrived: attempts count from the beginning again.
  void progressed() { attempts_ = 0; }

 private:
  const Settings& settings_;
  const Stopped& stopped_;
  int attempts_ = 0;
};

/// "HTTP 503", with what the server says of it, or why there was no answer.
std::string describe(const ResponseHead& head);

/// Throws for an answer to a question about `name`: not_found for 401 and 404, io for the rest.
/// What the message says depends on X-Error-Code and on whether a token was sent.
[[noreturn]] void refuse_answer(const Settings& settings, const RepositoryName& name,
                                const ResponseHead& head);

/// Follows a name where a web page came instead of what was asked for.
inline constexpr std::string_view kWebPage =
    ": the server answers with a web page instead of the file; it may ask for a login (a token), "
    "or "
    "a network in between asks for one";

/// Throws what an answer that is no success means.
using Refuse = std::function<void(const ResponseHead&)>;

struct JsonAnswer {
  json::Json json;
  std::string link;
};
/// Asks until there is an answer that is JSON; `what` is named in messages. Throws Interrupted, and
/// what `refuse` throws.
JsonAnswer ask(HttpClient& client, const Settings& settings, Request request,
               const std::string& what, const Refuse& refuse, const Stopped& stopped);

/// What the hub knows of a repository. Throws Interrupted, and Error as refuse_answer() does.
RepositoryInfo ask_repository(HttpClient& client, const Settings& settings,
                              const RepositoryName& name, const Stopped& stopped);

/// All files of a commit, from all pages.
std::vector<RemoteFile> ask_files(HttpClient& client, const Settings& settings,
                                  const RepositoryName& name, const std::string& commit,
                                  const Stopped& stopped);

/// The token, where it may be sent to the endpoint.
std::string token_for(const Settings& settings);

}  // namespace streamdiffusion::hub
