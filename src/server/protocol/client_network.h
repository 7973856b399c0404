// IP addresses as texts: which of them count as one client.
#pragma once

#include <string>
#include <string_view>

namespace streamdiffusion::server {

/// What limits count as one client: an IPv4 address, or the /64 network of an IPv6 address, because
/// one customer is given a whole one. Another text is returned as it is.
std::string client_network(const std::string& address);

/// True for "192.0.2.1" and "2001:db8::1", without brackets.
bool is_ip_address(std::string_view text);

}  // namespace streamdiffusion::server
