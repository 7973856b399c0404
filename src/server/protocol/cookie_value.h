// What the cookie of a browser holds in place of the token.
#pragma once

#include <string>
#include <string_view>

namespace streamdiffusion::server {

/// A value that only who knows the token can make, and that does not tell the token: 64 hexadecimal
/// digits of PBKDF2 (RFC 8018, section 5.2) with HMAC-SHA-256. It takes some 50 ms, so that tokens
/// are not tried in great numbers by somebody who has the value. Equal for equal tokens: servers
/// behind one load balancer, and one that was started again, take each other's cookies. Empty for
/// an empty token. Throws internal if OpenSSL fails.
std::string cookie_value(std::string_view token);

}  // namespace streamdiffusion::server
