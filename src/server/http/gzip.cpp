#include "server/http/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace streamdiffusion::server {
namespace {

/// A shorter body fits into one packet as it is.
constexpr std::size_t kMinBytes = 1400;
/// Of bodies that are kept, before and after: many times what a page needs.
constexpr std::size_t kMaxKeptBytes = std::size_t{1} << 24U;
/// zlib's window of 32 KiB, and 16 more for the format of gzip.
constexpr int kGzipWindow = 15 + 16, kMemoryLevel = 8;

std::string gzip(const std::string& body) {
  z_stream stream{};
  const int opened = deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzipWindow,
                                  kMemoryLevel, Z_DEFAULT_STRATEGY);
  base::require(opened == Z_OK, base::ErrorCode::internal, "zlib does not start: ", opened);
  std::string out(deflateBound(&stream, static_cast<uLong>(body.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  base::require(result == Z_STREAM_END, base::ErrorCode::internal, "zlib does not end: ", result);
  return out;
}

bool is_text(std::string_view type) {
  const bool named = type.starts_with("application/json") || type.starts_with("image/svg");
  return named || type.starts_with("text/") || type.find("javascript") != std::string_view::npos;
}

}  // namespace

const std::string& GzipCache::compressed(std::string body) {
  const auto found = bodies_.find(body);
  if (found != bodies_.end()) return found->second;
  std::string out = gzip(body);
  const std::size_t more = body.size() + out.size();
  if (bytes_ + more > kMaxKeptBytes) {
    bodies_.clear();
    bytes_ = 0;
  }
  bytes_ += more;
  return bodies_.emplace(std::move(body), std::move(out)).first->second;
}

void GzipCache::compress(bool accepted, Response& response) {
  if (!response.shared || !is_text(response.type)) return;
  response.header.emplace_back("Vary", "Accept-Encoding");
  if (response.body.size() < kMinBytes || !accepted) return;
  response.body = compressed(std::move(response.body));
  response.header.emplace_back("Content-Encoding", "gzip");
  for (auto& [name, value] : response.header) {
    if (name == "ETag" && !value.starts_with("W/")) value.insert(0, "W/");  // other bytes
  }
}

}  // namespace streamdiffusion::server
