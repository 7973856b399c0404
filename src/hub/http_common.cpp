// What clients with and without libcurl have in common.
#include "hub/http_client.h"

namespace streamdiffusion::hub {

std::string ResponseHead::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::string() : found->second;
}

}  // namespace streamdiffusion::hub
