// The addresses that a host to listen on stands for.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/net/net.h"

namespace streamdiffusion::server {

/// Asks the system for a name's addresses, or reads an address. Throws io.
using Resolve = std::function<std::vector<net::ip::address>(const std::string& host)>;

/// Of an address, also an IPv6 one in brackets, or a name. "localhost" is this machine whatever the
/// system says of it (RFC 6761, section 6.3): it is served without a token, and containers without
/// an /etc/hosts do not know it.
std::vector<net::ip::address> listen_addresses(const std::string& host, const Resolve& resolve);

/// By getaddrinfo().
std::vector<net::ip::address> resolve_by_system(const std::string& host);

}  // namespace streamdiffusion::server
