// The client of a build without libcurl: models in the cache are found, nothing is downloaded.
#include "hub/http_client.h"

#include "base/error.h"

namespace streamdiffusion::hub {

class HttpClient::Impl {};

HttpClient::HttpClient(const Settings&) {}
HttpClient::~HttpClient() = default;

ResponseHead HttpClient::get(const Request& request, const BodySink&, const Stopped&) {
  base::fail(base::ErrorCode::unsupported, request.url,
             ": this build cannot download, since it was made without libcurl (Debian: "
             "libcurl4-openssl-dev); models that are in the cache can be used");
}

bool has_http_client() {
  return false;
}

}  // namespace streamdiffusion::hub
