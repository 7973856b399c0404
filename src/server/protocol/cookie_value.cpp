#include "server/protocol/cookie_value.h"

#include <openssl/evp.h>

#include <array>

#include "base/error.h"
#include "base/hex.h"

namespace streamdiffusion::server {

std::string cookie_value(std::string_view token) {
  if (token.empty()) return {};
  constexpr std::string_view kPurpose = "streamdiffusion: session cookie";  // in place of a salt
  constexpr int kRounds = 200'000;
  std::array<unsigned char, 32> bytes{};
  const int made = ::PKCS5_PBKDF2_HMAC(token.data(), static_cast<int>(token.size()),
                                       reinterpret_cast<const unsigned char*>(kPurpose.data()),
                                       static_cast<int>(kPurpose.size()), kRounds, ::EVP_sha256(),
                                       static_cast<int>(bytes.size()), bytes.data());
  base::require(made == 1, ErrorCode::internal, "OpenSSL could not derive the cookie's value");
  return base::to_hex(bytes);
}

}  // namespace streamdiffusion::server
