// What a visitor sees whose browser has no token: words, instead of the error that programs get.
#pragma once

#include "server/protocol/http.h"

namespace streamdiffusion::server {

/// Whether a browser opens a page: GET or HEAD of an HTML file or of a view, with an Accept that
/// names text/html.
bool opens_page(const Request& request);

/// 401 with a page without scripts that says what is missing, and who has it.
Response token_page();

}  // namespace streamdiffusion::server
