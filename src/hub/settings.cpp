// Reads environment variables and the token's file.
#include "hub/settings.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "base/input_file.h"
#include "base/log.h"
#include "base/parse_number.h"
#include "json/quote.h"

namespace streamdiffusion::hub {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;

constexpr std::uint64_t kLongestTokenFile = 4096;

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT: nobody sets variables
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

std::string trimmed(std::string text) {
  const auto space = [](unsigned char c) { return std::isspace(c) != 0; };
  text.erase(std::find_if_not(text.rbegin(), text.rend(), space).base(), text.end());
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), space));
  return text;
}

bool is_true(const std::optional<std::string>& value) {
  std::string upper = value.value_or("");
  std::ranges::transform(upper, upper.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  constexpr std::array<std::string_view, 4> kTrue{"1", "ON", "YES", "TRUE"};
  return std::ranges::find(kTrue, upper) != kTrue.end();
}

class Reader {
 public:
  explicit Reader(const Environment& environment) : environment_(environment) {}

  Settings read() {
    Settings settings;
    settings.cache = cache();
    settings.own_cache = caches() / "streamdiffusion";
    settings.endpoint = address("HF_ENDPOINT", settings.endpoint);
    settings.civitai = address("CIVITAI_ENDPOINT", settings.civitai);
    settings.token = token();
    settings.civitai_token = checked("CIVITAI_TOKEN", get("CIVITAI_TOKEN").value_or(""));
    settings.offline = is_true(get("HF_HUB_OFFLINE")) || is_true(get("TRANSFORMERS_OFFLINE"));
    settings.symlinks = !is_true(get("HF_HUB_DISABLE_SYMLINKS"));
    settings.connect_seconds = seconds("HF_HUB_ETAG_TIMEOUT", settings.connect_seconds);
    settings.silence_seconds = seconds("HF_HUB_DOWNLOAD_TIMEOUT", settings.silence_seconds);
    return settings;
  }

 private:
  [[nodiscard]] std::optional<std::string> get(const char* name) const {
    return environment_(name);
  }

  [[nodiscard]] fs::path home() const {
    const auto home = get("HOME");
    base::require(home.has_value(), ErrorCode::invalid_argument,
                  "there is no home for a cache of models; expected HF_HUB_CACHE or HOME to be "
                  "set");
    return *home;
  }

  /// With ~ and variables replaced, as Python's client does.
  [[nodiscard]] fs::path expanded(const std::string& text) const {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
      if (text[i] == '~' && i == 0 && (text.size() == 1 || text[1] == '/')) {
        out += home().string();
        ++i;
      } else if (text[i] == '$') {
        i = variable_at(text, i, out);
      } else {
        out += text[i++];
      }
    }
    return out;
  }

  /// Appends the value of the variable at `at`; returns what comes behind it. One that is unset
  /// stays as it is written.
  std::size_t variable_at(const std::string& text, std::size_t at, std::string& out) const {
    const bool braces = at + 1 < text.size() && text[at + 1] == '{';
    const std::size_t begin = at + (braces ? 2 : 1);
    std::size_t end = begin;
    while (end < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) {
      ++end;
    }
    const std::size_t next = braces && end < text.size() && text[end] == '}' ? end + 1 : end;
    const auto value = get(text.substr(begin, end - begin).c_str());
    out += value && end > begin ? *value : text.substr(at, next - at);
    return next;
  }

  [[nodiscard]] fs::path caches() const {
    const auto set = get("XDG_CACHE_HOME");
    return set ? expanded(*set) : home() / ".cache";
  }

  [[nodiscard]] fs::path hugging_face() const {
    const auto set = get("HF_HOME");
    return set ? expanded(*set) : caches() / "huggingface";
  }

  [[nodiscard]] fs::path cache() const {
    for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
      if (const auto set = get(name)) return expanded(*set);
    }
    return hugging_face() / "hub";
  }

  [[nodiscard]] std::string address(const char* name, std::string address) const {
    address = get(name).value_or(std::move(address));
    while (address.ends_with('/')) address.pop_back();
    const bool http = address.starts_with("http://") || address.starts_with("https://");
    const bool plain = std::ranges::all_of(address, [](unsigned char c) { return c > 0x20; });
    base::require(http && plain, ErrorCode::invalid_argument, name, " is ", json::quote(address),
                  ", expected an address that begins with http:// or https://");
    return address;
  }

  [[nodiscard]] double seconds(const char* name, double fallback) const {
    const auto set = get(name);
    if (!set) return fallback;
    const auto value = base::parse_number<double>(*set);
    constexpr double kLongest = 3600;
    base::require(value && *value > 0 && *value <= kLongest, ErrorCode::invalid_argument, name,
                  " is ", json::quote(*set), ", expected seconds, more than 0, at most 3600");
    return *value;
  }

  /// A token goes into a header: nothing in it may end the line.
  [[nodiscard]] static std::string checked(const char* name, std::string token) {
    token = trimmed(std::move(token));
    const bool plain =
        std::ranges::all_of(token, [](unsigned char c) { return c > 0x20 && c < 0x7F; });
    base::require(plain, ErrorCode::invalid_argument, name,
                  " holds no token, expected one word of printable characters");
    return token;
  }

  [[nodiscard]] std::string token() const {
    if (is_true(get("HF_HUB_DISABLE_IMPLICIT_TOKEN"))) return {};
    for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
      if (const auto set = get(name)) return checked(name, *set);
    }
    const auto set = get("HF_TOKEN_PATH");
    const fs::path file = set ? expanded(*set) : hugging_face() / "token";
    std::error_code ignored;
    if (!fs::exists(file, ignored)) return {};
    const auto bytes = base::read_file(file, kLongestTokenFile);
    return checked(file.c_str(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }

  const Environment& environment_;
};

}  // namespace

Settings read_settings(const Environment& environment) {
  return Reader(environment).read();
}

Settings read_settings() {
  return read_settings(variable);
}

bool is_loopback_address(std::string_view url) {
  const std::size_t begin = url.find("://");
  if (begin == std::string_view::npos) return false;
  const std::string_view rest = url.substr(begin + 3);
  std::string_view host = rest.substr(0, rest.find('/'));
  host = host.substr(host.rfind('@') + 1);  // of npos: all of it
  if (host.starts_with("[::1]")) return true;
  host = host.substr(0, host.find(':'));
  return host == "localhost" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == host.npos);
}

}  // namespace streamdiffusion::hub
