#include "server/protocol/random_value.h"

#include <sys/random.h>

#include <array>

#include "base/error.h"
#include "base/hex.h"

namespace streamdiffusion::server {

std::string random_value() {
  std::array<unsigned char, 32> bytes{};
  const auto count = ::getrandom(bytes.data(), bytes.size(), 0);
  base::require(count == static_cast<ssize_t>(bytes.size()), ErrorCode::io,
                "the system gave no random bytes");
  return base::to_hex(bytes);
}

}  // namespace streamdiffusion::server
