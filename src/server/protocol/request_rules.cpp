#include "server/protocol/request_rules.h"

#include "base/lower_case.h"
#include "json/quote.h"

namespace streamdiffusion::server {

void check_lines(std::string_view bytes) {
  const std::string_view head = bytes.substr(0, bytes.find("\r\n\r\n"));
  for (const std::string_view fold : {"\n ", "\n\t"}) {
    if (head.find(fold) != std::string_view::npos) {
      throw_bad_request("a header line begins with a space, expected one line for each field");
    }
  }
}

void check_framing(const Request& request, bool http_1_0) {
  const auto found = request.header.find("transfer-encoding");
  if (found == request.header.end()) return;
  if (base::lower_case(found->second) != "chunked") {
    throw HttpError(501, "not_implemented",
                    "Transfer-Encoding is " + json::quote(found->second) + ", expected chunked");
  }
  if (http_1_0 || request.header.contains("content-length")) {
    throw_bad_request("Transfer-Encoding stands beside a Content-Length or in an HTTP/1.0 request");
  }
}

void check_media_type(const Request& request, bool images) {
  const std::string& coding = request.field("content-encoding");
  if (!coding.empty() && coding != "identity") {
    throw HttpError(
        415, "unsupported_media_type",
        "the body is encoded with " + json::quote(coding) + ", expected no Content-Encoding");
  }
  const std::string name = request.media_type();
  if (name.empty() || name == "application/json") return;
  if (images && name.starts_with("image/")) return;
  throw HttpError(415, "unsupported_media_type",
                  "the body is of type " + json::quote(request.field("content-type")) +
                      ", expected application/json" + (images ? " or image/*" : ""));
}

}  // namespace streamdiffusion::server
