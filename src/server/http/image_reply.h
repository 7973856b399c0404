// What the routes share that answer with an image of a session.
#pragma once

#include "server/protocol/http.h"
#include "streamdiffusion/image.h"

namespace streamdiffusion::server {

/// ?name=NUMBER, counted from 0; 0 where it is not there. Throws HttpError 400 naming it.
std::size_t number_in_query(const Request& request, const char* name);

/// A JPEG that is not kept. Takes as long as encoding one: for a worker.
Response jpeg_response(const Image& image);

}  // namespace streamdiffusion::server
