// TLS with the user's certificate, or with one that is generated at the start and only kept in
// memory.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "server/options.h"

namespace streamdiffusion::server {

struct Tls {
  std::unique_ptr<boost::asio::ssl::context> context;
  /// SHA-256 of a self-signed certificate, "AB:CD:..."
  std::string fingerprint;
};

/// The context is null if neither --cert nor --self-signed is given. Throws Error naming the file
/// that cannot be used.
Tls make_tls(const ServerOptions& options);

}  // namespace streamdiffusion::server
