// One file, in as many requests as it takes.
#include "hub/download.h"

#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "base/parse_number.h"
#include "hub/partial_file.h"
#include "json/quote.h"

namespace streamdiffusion::hub {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;

constexpr int kWhole = 200, kPart = 206, kForbidden = 403, kNoSuchRange = 416;
/// An attempt that brought less is counted as one that failed.
constexpr std::uint64_t kProgressBytes = 64 * 1024;

/// The first byte of "bytes 1000-1999/2000".
std::optional<std::uint64_t> first_byte_of(std::string_view content_range) {
  constexpr std::string_view kUnit = "bytes ";
  if (!content_range.starts_with(kUnit)) return std::nullopt;
  content_range.remove_prefix(kUnit.size());
  return base::parse_number<std::uint64_t>(content_range.substr(0, content_range.find('-')));
}

class Transfer {
 public:
  Transfer(HttpClient& client, const Settings& settings, const Download& wanted,
           const OnBytes& on_bytes, const Stopped& stopped)
      : client_(client),
        wanted_(wanted),
        on_bytes_(on_bytes),
        stopped_(stopped),
        retry_(settings, stopped),
        partial_(wanted.partial, wanted.file, stopped) {
    on_bytes_(static_cast<std::int64_t>(partial_.size()), false);
  }

  void run() {
    fetch();
    std::string hash = partial_.hash();
    if (hash != wanted_.file.hash) {
      base::warn(wanted_.name, ": the content is not what the hub lists; downloading it again");
      restart();
      fetch();
      hash = partial_.hash();
    }
    if (hash != wanted_.file.hash) refuse_hash(hash);
    partial_.move_to(wanted_.target);
  }

 private:
  void fetch() {
    while (partial_.size() < wanted_.file.size) attempt();
  }

  void attempt() {
    const std::uint64_t before = partial_.size();
    began_ = false;
    ResponseHead head = client_.get(
        {.url = wanted_.url, .token = wanted_.token, .first_byte = before},
        [this](const ResponseHead& h, std::span<const std::byte> bytes) { return take(h, bytes); },
        stopped_);
    if (partial_.size() == wanted_.file.size) return;
    if (stopped_ && stopped_()) throw Interrupted{};
    if (partial_.size() >= before + kProgressBytes) retry_.progressed();
    const bool restartable = head.status == kNoSuchRange && before > 0;
    // The signature of an address of the store is old: ask the hub for a new one.
    const bool expired = head.status == kForbidden && head.redirected_elsewhere;
    if (restartable) restart();
    if (head.succeeded()) {
      head.problem = base::concat("the answer ends after ", partial_.size(), " of ",
                                  wanted_.file.size, " bytes");
    }
    const bool again = restartable || expired || Retry::is_transient(head);
    if (again && retry_.wait(head, wanted_.name)) return;
    wanted_.refuse(head);
    base::fail(ErrorCode::io, wanted_.name, ": ", describe(head));
  }

  bool take(const ResponseHead& head, std::span<const std::byte> bytes) {
    if (!began_) begin(head);
    began_ = true;
    base::require(bytes.size() <= wanted_.file.size - partial_.size(), ErrorCode::corrupt_file,
                  wanted_.name, ": the server sends more than the ", wanted_.file.size,
                  " bytes that are listed");
    partial_.append(bytes);
    on_bytes_(static_cast<std::int64_t>(bytes.size()), true);
    return true;
  }

  /// A server may send all of the file instead of the rest of it.
  void begin(const ResponseHead& head) {
    base::require(!head.is_web_page(), ErrorCode::io, wanted_.name, kWebPage);
    if (head.status == kWhole) {
      if (partial_.size() > 0) restart();
      return;
    }
    const auto first = first_byte_of(head.header("content-range"));
    base::require(head.status == kPart && first == partial_.size(), ErrorCode::corrupt_file,
                  wanted_.name, ": the server answers HTTP ", head.status, " with the range ",
                  json::quote(head.header("content-range")), ", expected bytes from ",
                  partial_.size());
  }

  void restart() {
    on_bytes_(-static_cast<std::int64_t>(partial_.size()), false);
    partial_.restart();
  }

  [[noreturn]] void refuse_hash(const std::string& found) {
    partial_.remove();
    base::fail(ErrorCode::corrupt_file, wanted_.name, ": its ",
               wanted_.file.kind == HashKind::sha256 ? "SHA-256" : "SHA-1 of git", " is ", found,
               ", expected ", wanted_.file.hash,
               ": the server, a mirror or a proxy sends something else than is listed; nothing of "
               "it is kept");
  }

  HttpClient& client_;
  const Download& wanted_;
  const OnBytes& on_bytes_;
  const Stopped& stopped_;
  Retry retry_;
  PartialFile partial_;
  bool began_ = false;
};

/// Through the links of Python's client. One of another size is broken and fetched anew.
bool is_whole(const fs::path& path, std::uint64_t size) {
  std::error_code error;
  return fs::is_regular_file(path, error) && fs::file_size(path, error) == size && !error;
}

}  // namespace

void download(HttpClient& client, const Settings& settings, const Download& wanted,
              const OnBytes& on_bytes, const Stopped& stopped) {
  const FileLock lock(wanted.lock, wanted.name, stopped);
  if (is_whole(wanted.target, wanted.file.size)) {
    on_bytes(static_cast<std::int64_t>(wanted.file.size), false);
    return;
  }
  Transfer(client, settings, wanted, on_bytes, stopped).run();
}

}  // namespace streamdiffusion::hub
