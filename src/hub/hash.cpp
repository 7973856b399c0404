// OpenSSL's digests, which use the processor's own instructions where it has them.
#include "hub/hash.h"

#include <openssl/evp.h>

#include <array>

#include "base/error.h"
#include "base/hex.h"

namespace streamdiffusion::hub {

struct Hasher::Context {
  EVP_MD_CTX* digest = EVP_MD_CTX_new();
  Context() = default;
  ~Context() { EVP_MD_CTX_free(digest); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

namespace {

void require_success(int result) {
  base::require(result == 1, base::ErrorCode::internal, "OpenSSL cannot hash");
}

}  // namespace

Hasher::Hasher(HashKind kind, std::uint64_t size)
    : kind_(kind), size_(size), context_(std::make_unique<Context>()) {
  reset();
}

Hasher::~Hasher() = default;

void Hasher::reset() {
  const EVP_MD* type = kind_ == HashKind::sha256 ? EVP_sha256() : EVP_sha1();
  require_success(EVP_DigestInit_ex(context_->digest, type, nullptr));
  if (kind_ != HashKind::git_sha1) return;
  std::string header = "blob " + std::to_string(size_);
  header += '\0';
  update(std::as_bytes(std::span(header)));
}

void Hasher::update(std::span<const std::byte> bytes) {
  require_success(EVP_DigestUpdate(context_->digest, bytes.data(), bytes.size()));
}

std::string Hasher::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  require_success(EVP_DigestFinal_ex(context_->digest, digest.data(), &size));
  return base::to_hex(std::span(digest).first(size));
}

}  // namespace streamdiffusion::hub
