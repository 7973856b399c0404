// Defines the request type that web_socket.h declares.
#pragma once

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

namespace streamdiffusion::server {

struct UpgradeRequest {
  boost::beast::http::request<boost::beast::http::string_body> message;
};

}  // namespace streamdiffusion::server
