#include "server/net/listen_addresses.h"

#include "base/error.h"

namespace streamdiffusion::server {

using net::ip::address;

std::vector<address> listen_addresses(const std::string& host, const Resolve& resolve) {
  if (host == "localhost")
    return {net::ip::address_v4::loopback(), net::ip::address_v6::loopback()};
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  return resolve(brackets ? host.substr(1, host.size() - 2) : host);
}

std::vector<address> resolve_by_system(const std::string& host) {
  net::io_context io;
  tcp::resolver resolver(io);
  NetError error;
  const auto found = resolver.resolve(host, "0", tcp::resolver::passive, error);
  base::require(!error, ErrorCode::io, "--host ", host, ": ", error.message());
  std::vector<address> addresses;
  for (const auto& entry : found) addresses.push_back(entry.endpoint().address());
  return addresses;
}

}  // namespace streamdiffusion::server
