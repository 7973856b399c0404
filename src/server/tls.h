// TLS with the user's certificate, or with one made at the start and kept in memory only.
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

/// Nothing where neither --cert nor --self-signed is given. Throws Error naming the file at fault.
Tls make_tls(const ServerOptions& options);

}  // namespace streamdiffusion::server
