#include "server/http/token_page.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>

#include "base/error.h"

namespace streamdiffusion::server {
namespace {

/// The page's colors. Its own files are not for who has no token.
constexpr std::string_view kStyle =
    ":root{color-scheme:light dark;background:light-dark(#f4f3f0,#131316);"
    "color:light-dark(#1b1b1f,#f1f0ee);font:16px/1.5 system-ui,sans-serif}"
    "body{max-width:34rem;margin:15vh auto;padding:0 24px}h1{font-size:22px}";

constexpr std::string_view kBegin =
    R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>StreamDiffusion: a token is needed</title>
<link rel="icon" href="data:,">
<style>)";

constexpr std::string_view kEnd =
    R"(</style>
</head>
<body>
<h1>This server asks for a token</h1>
<p>The address that you opened has no token, or one that is not valid.</p>
<p>The token is in the address that the server printed when it started, after <code>?token=</code>.
If it is not your server, ask who shared it with you.</p>
<p>Open that address once in this browser. Then links to this server open, too.</p>
</body>
</html>
)";

/// What allows exactly this style (CSP Level 3, section 8.4).
std::string hash_of(std::string_view style) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(style.data()), style.size(), digest.data());
  std::array<unsigned char, 64> base64{};
  ::EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(digest.size()));
  return base::concat("'sha256-", reinterpret_cast<const char*>(base64.data()), "'");
}

}  // namespace

bool opens_page(const Request& request) {
  const std::string& path = request.path;
  const bool reads = request.method == "GET" || request.method == "HEAD";
  const bool page =
      path == "/" || path.ends_with(".html") || path == "/view" || path.starts_with("/view/");
  return reads && page && is_accepted(request.field("accept"), "text/html");
}

Response token_page() {
  Response response = error_response(HttpError(401, "unauthorized", ""));
  response.type = "text/html; charset=utf-8";
  response.body = base::concat(kBegin, kStyle, kEnd);
  response.header.emplace_back("Cache-Control", "no-store");
  response.header.emplace_back(
      "Content-Security-Policy",
      base::concat("default-src 'none'; img-src data:; style-src ", hash_of(kStyle),
                   "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"));
  return response;
}

}  // namespace streamdiffusion::server
