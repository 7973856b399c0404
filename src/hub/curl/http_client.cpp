// The client on libcurl's easy interface: one handle, kept for its connections.
#include "hub/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <exception>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "base/lower_case.h"

namespace streamdiffusion::hub {
namespace {

using base::ErrorCode;

constexpr long kMaxRedirects = 10;
/// libcurl's own maximum: larger pieces need fewer calls.
constexpr long kBufferBytes = 512L * 1024;
constexpr std::size_t kMaxHeaders = 200, kLongestHeader = 16 * 1024;
/// Of all answers of a request, those of redirects included.
constexpr std::size_t kMaxHeaderBytes = std::size_t{256} * 1024;

void initialize_once() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

std::string trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
    text.remove_suffix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0)
    text.remove_prefix(1);
  return std::string(text);
}

/// "https://host:port" of an address.
std::string_view origin_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return url;
  return url.substr(0, url.find('/', scheme + 3));
}

}  // namespace

class HttpClient::Impl {
 public:
  explicit Impl(const Settings& settings) : settings_(settings) {
    initialize_once();
    handle_ = curl_easy_init();
    base::require(handle_ != nullptr, ErrorCode::io, "libcurl cannot be started");
  }
  ~Impl() { curl_easy_cleanup(handle_); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  ResponseHead get(const Request& request, const BodySink& sink, const Stopped& stopped) {
    head_ = {};
    sink_ = &sink;
    stopped_ = &stopped;
    thrown_ = nullptr;
    header_bytes_ = 0;
    error_.fill('\0');
    curl_easy_reset(handle_);
    set_transfer(request);
    set_callbacks();
    curl_slist* headers = curl_slist_append(nullptr, "Accept-Encoding: identity");
    if (may_send_token(request)) {
      const std::string line = "Authorization: Bearer " + request.token;
      headers = curl_slist_append(headers, line.c_str());
    }
    set(CURLOPT_HTTPHEADER, headers);
    const CURLcode result = curl_easy_perform(handle_);
    curl_slist_free_all(headers);
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    finish(request, result);
    return std::move(head_);
  }

 private:
  template <typename T>
  void set(CURLoption option, T value) {
    const CURLcode code = curl_easy_setopt(handle_, option, value);
    base::require(code == CURLE_OK, ErrorCode::internal,
                  "libcurl refuses an option: ", curl_easy_strerror(code));
  }

  bool may_send_token(const Request& request) const {
    return !request.token.empty() &&
           (request.url.starts_with("https://") || is_loopback_address(request.url));
  }

  void set_transfer(const Request& request) {
    const bool encrypted = request.url.starts_with("https://");
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, encrypted ? "https" : "http,https");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, kMaxRedirects);
    set(CURLOPT_UNRESTRICTED_AUTH, 0L);
    set(CURLOPT_USERAGENT, "streamdiffusion");
    set(CURLOPT_NOSIGNAL, 1L);
    // Refused by libcurl for a handle whose last transfer found no host; then the size stays.
    curl_easy_setopt(handle_, CURLOPT_BUFFERSIZE, kBufferBytes);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));  // one file a connection
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings_.connect_seconds * 1e3));
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, std::max(1L, static_cast<long>(settings_.silence_seconds)));
    set(CURLOPT_ERRORBUFFER, error_.data());
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.most_seconds * 1e3));
    // Not CURLOPT_RESUME_FROM, which fails where a server sends the whole file instead.
    if (request.first_byte > 0) {
      set(CURLOPT_RANGE, base::concat(request.first_byte, "-").c_str());
    }
  }

  void set_callbacks() {
    set(CURLOPT_HEADERFUNCTION, &Impl::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Impl::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &Impl::on_progress);
    set(CURLOPT_XFERINFODATA, this);
  }

  void finish(const Request& request, CURLcode result) {
    long status = 0;
    curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    head_.status = static_cast<int>(status);
    const char* url = nullptr;
    curl_easy_getinfo(handle_, CURLINFO_EFFECTIVE_URL, &url);
    base::require(result != CURLE_TOO_MANY_REDIRECTS, ErrorCode::corrupt_file, request.url,
                  ": leads on to another address more than ", kMaxRedirects, " times");
    double seconds = 0;
    curl_easy_getinfo(handle_, CURLINFO_TOTAL_TIME, &seconds);
    base::require(result != CURLE_OPERATION_TIMEDOUT || request.most_seconds <= 0 ||
                      seconds < 0.99 * request.most_seconds,
                  ErrorCode::io, request.url, ": the answer is not complete after ",
                  request.most_seconds, " s");
    head_.redirected_elsewhere = url != nullptr && origin_of(url) != origin_of(request.url);
    if (result != CURLE_OK && !dropped_body(result)) {
      head_.problem = error_.front() != '\0' ? error_.data() : curl_easy_strerror(result);
    }
  }

  /// The body of an answer that is no success, or of a range that does not exist, is not read.
  bool dropped_body(CURLcode result) const {
    return result == CURLE_WRITE_ERROR && head_.status >= 300;
  }

  static std::size_t on_header(char* text, std::size_t size, std::size_t count, void* self) {
    auto& impl = *static_cast<Impl*>(self);
    auto& head = impl.head_;
    const std::string_view line(text, size * count);
    impl.header_bytes_ += line.size();
    if (impl.header_bytes_ > kMaxHeaderBytes) {
      impl.thrown_ = std::make_exception_ptr(
          Error(ErrorCode::corrupt_file, base::concat("the headers of an answer are longer than ",
                                                      kMaxHeaderBytes, " bytes, and do not end")));
      return 0;
    }
    if (line.starts_with("HTTP/")) {
      head.headers.clear();  // of a redirect, or of "100 Continue"
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      if (head.headers.size() >= kMaxHeaders || line.size() > kLongestHeader) return 0;
      head.headers[base::lower_case(std::string(line.substr(0, colon)))] =
          trimmed(line.substr(colon + 1));
    }
    return line.size();
  }

  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& impl = *static_cast<Impl*>(self);
    const std::size_t all = size * count;
    long status = 0;
    curl_easy_getinfo(impl.handle_, CURLINFO_RESPONSE_CODE, &status);
    impl.head_.status = static_cast<int>(status);
    // libcurl skips the bodies of redirects itself.
    if (status >= 300) return 0;
    try {
      const auto* begin = reinterpret_cast<const std::byte*>(bytes);
      return (*impl.sink_)(impl.head_, {begin, all}) ? all : 0;
    } catch (...) {
      impl.thrown_ = std::current_exception();
      return 0;
    }
  }

  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    const auto& stopped = *static_cast<Impl*>(self)->stopped_;
    return stopped && stopped() ? 1 : 0;
  }

  const Settings settings_;
  CURL* handle_ = nullptr;
  ResponseHead head_;
  const BodySink* sink_ = nullptr;
  const Stopped* stopped_ = nullptr;
  std::exception_ptr thrown_;
  std::size_t header_bytes_ = 0;
  std::array<char, CURL_ERROR_SIZE> error_{};
};

HttpClient::HttpClient(const Settings& settings) : impl_(std::make_unique<Impl>(settings)) {}
HttpClient::~HttpClient() = default;

ResponseHead HttpClient::get(const Request& request, const BodySink& sink, const Stopped& stopped) {
  return impl_->get(request, sink, stopped);
}

bool has_http_client() {
  return true;
}

}  // namespace streamdiffusion::hub
