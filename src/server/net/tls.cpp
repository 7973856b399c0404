#include "server/net/tls.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <array>
#include <random>
#include <set>

#include "base/error.h"

namespace streamdiffusion::server {
namespace {

namespace ssl = boost::asio::ssl;

template <auto Free>
struct OpensslDeleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, OpensslDeleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, OpensslDeleter<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, OpensslDeleter<X509_EXTENSION_free>>;

/// Only those that TLS 1.3 has too: with forward secrecy, and authenticated.
constexpr const char* kTls12Ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr long kSecondsOfYear = 365L * 24 * 3600;

void require_ssl(bool done, const char* what) {
  base::require(done, ErrorCode::internal, "OpenSSL cannot ", what);
}

/// Every name and address by which a client may reach this machine.
std::string alternative_names(const std::string& host) {
  std::set<std::string> names{"DNS:localhost", "IP:127.0.0.1", "IP:::1"};
  std::array<char, 256> machine{};
  if (::gethostname(machine.data(), machine.size() - 1) == 0 && machine[0] != 0) {
    names.insert(std::string("DNS:") + machine.data());
    names.insert(std::string("DNS:") + machine.data() + ".local");
  }
  std::array<unsigned char, 16> parsed{};
  const bool address = ::inet_pton(AF_INET, host.c_str(), parsed.data()) == 1 ||
                       ::inet_pton(AF_INET6, host.c_str(), parsed.data()) == 1;
  names.insert((address ? "IP:" : "DNS:") + host);
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) == 0) {
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
      if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET) continue;
      std::array<char, INET_ADDRSTRLEN> text{};
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
      ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
      names.insert(std::string("IP:") + text.data());
    }
    ::freeifaddrs(list);
  }
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ",") + name;
  return joined;
}

void add_extension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  require_ssl(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1,
              "describe the certificate");
}

Certificate make_certificate(EVP_PKEY* key, const std::string& host) {
  Certificate certificate(X509_new());
  require_ssl(certificate != nullptr, "make a certificate");
  X509_set_version(certificate.get(), 2);
  std::random_device random;
  const auto serial = (std::uint64_t{random()} << 31U) ^ random();
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kSecondsOfYear);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("streamdiffusion"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  add_extension(certificate.get(), NID_subject_alt_name, alternative_names(host));
  add_extension(certificate.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(certificate.get(), NID_ext_key_usage, "serverAuth");
  require_ssl(X509_sign(certificate.get(), key, EVP_sha256()) != 0, "sign the certificate");
  return certificate;
}

std::string fingerprint_of(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  X509_digest(certificate, EVP_sha256(), digest.data(), &length);
  std::string text;
  for (unsigned i = 0; i < length; ++i) {
    constexpr const char* hex = "0123456789ABCDEF";
    if (i > 0) text.push_back(':');
    text.push_back(hex[digest[i] >> 4U]);
    text.push_back(hex[digest[i] & 15U]);
  }
  return text;
}

void use_files(ssl::context& context, const ServerOptions& options) {
  boost::system::error_code error;
  context.use_certificate_chain_file(options.certificate, error);
  base::require(!error, ErrorCode::io, "--cert ", options.certificate, ": ", error.message(),
                ", expected a certificate chain in PEM format");
  context.use_private_key_file(options.key, ssl::context::pem, error);
  base::require(!error, ErrorCode::io, "--key ", options.key, ": ", error.message(),
                ", expected this certificate's private key in PEM format");
}

}  // namespace

Tls make_tls(const ServerOptions& options) {
  Tls tls;
  if (options.certificate.empty() && !options.self_signed) return tls;
  tls.context = std::make_unique<ssl::context>(ssl::context::tls_server);
  tls.context->set_options(ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 |
                           ssl::context::single_dh_use);
  require_ssl(SSL_CTX_set_cipher_list(tls.context->native_handle(), kTls12Ciphers) == 1,
              "choose the ciphers");
  if (!options.self_signed) {
    use_files(*tls.context, options);
    return tls;
  }
  const Key key(EVP_EC_gen("P-256"));
  require_ssl(key != nullptr, "make a key");
  const Certificate certificate = make_certificate(key.get(), options.host);
  SSL_CTX* native = tls.context->native_handle();
  require_ssl(SSL_CTX_use_certificate(native, certificate.get()) == 1 &&
                  SSL_CTX_use_PrivateKey(native, key.get()) == 1,
              "use the certificate");
  tls.fingerprint = fingerprint_of(certificate.get());
  return tls;
}

}  // namespace streamdiffusion::server
