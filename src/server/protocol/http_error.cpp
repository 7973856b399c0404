// Which errors a client is told, and which only the log.
#include "server/protocol/http_error.h"

#include "base/error.h"
#include "base/log.h"

namespace streamdiffusion::server {

HttpError internal_error(const char* what) {
  base::warn("a request failed: ", what);
  return {500, "internal", "the server failed; its log says why"};
}

HttpError to_http_error(const Error& error) {
  switch (error.code()) {
    case ErrorCode::busy:
      return {503, "busy", error.what()};
    case ErrorCode::invalid_argument:
      return {400, "bad_request", error.what()};
    case ErrorCode::numeric:  // of the client's own settings and images
      return {500, "internal", error.what()};
    default:
      return internal_error(error.what());
  }
}

HttpError current_http_error() {
  try {
    throw;
  } catch (const HttpError& http_error) {
    return http_error;
  } catch (const std::exception& error) {
    return to_http_error(base::error_from(error));
  } catch (...) {
    return internal_error("an exception of an unknown type");
  }
}

}  // namespace streamdiffusion::server
