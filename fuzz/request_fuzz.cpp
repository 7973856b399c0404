// Feeds arbitrary bytes to the reader of HTTP requests, as one connection that sends several of
// them, in pieces of a size that the first byte names. Whatever the bytes are, no body exceeds its
// limit, and the only transfer coding is `chunked`. Bytes that come at once give the same requests
// as in pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/request_reader.h"

namespace {

using namespace streamdiffusion;
using server::HttpError;
using server::Request;
using server::RequestReader;

constexpr std::size_t kMaxBody = 64, kMaxRequests = 50;

class Connection {
 public:
  Connection(std::string_view bytes, std::size_t piece) : rest_(bytes), piece_(piece) {}

  /// All requests up to the first that is refused or incomplete.
  std::vector<Request> requests() {
    std::vector<Request> all;
    try {
      while (all.size() < kMaxRequests && read(all)) {
      }
    } catch (const HttpError& http_error) {
      (void)server::error_response(http_error);
    }
    return all;
  }

 private:
  bool receive() {
    const std::size_t count = std::min(piece_, rest_.size());
    const auto space = buffer_.prepare(count);
    std::copy_n(rest_.data(), count, static_cast<char*>(space.data()));
    buffer_.commit(count);
    rest_.remove_prefix(count);
    return count > 0;
  }

  bool read(std::vector<Request>& all) {
    RequestReader reader;
    while (!reader.read_head(buffer_)) {
      if (!receive()) return false;
    }
    Request request = reader.head();
    reader.limit_body(kMaxBody);
    reader.parser().eager(true);
    while (reader.has_body()) {
      boost::system::error_code error;
      buffer_.consume(reader.parser().put(buffer_.cdata(), error));
      if (error && error != boost::beast::http::error::need_more) return false;
      if (reader.has_body() && !receive()) return false;
    }
    request.body = reader.parser().get().body();
    all.push_back(std::move(request));
    return true;
  }

  std::string_view rest_;
  const std::size_t piece_;
  boost::beast::flat_buffer buffer_;
};

void check(const Request& request) {
  if (request.body.size() > kMaxBody) __builtin_trap();
  const std::string& coding = request.field("transfer-encoding");
  if (!coding.empty() && coding.size() != std::string_view("chunked").size()) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto whole = Connection(bytes, bytes.size()).requests();
  const auto pieces = Connection(bytes, 1 + data[0] % 16).requests();
  if (whole.size() != pieces.size()) __builtin_trap();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    check(whole[i]);
    const bool same = whole[i].method == pieces[i].method && whole[i].path == pieces[i].path &&
                      whole[i].header == pieces[i].header && whole[i].body == pieces[i].body;
    if (!same) __builtin_trap();
  }
  return 0;
}
