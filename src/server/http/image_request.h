// POST /api/txt2img and /api/img2img: generates one image with a stream of its own.
#pragma once

#include "server/protocol/http.h"
#include "server/sessions/client_session.h"
#include "server/sessions/session_registry.h"

namespace streamdiffusion::server {

class ImageRequest {
 public:
  ImageRequest(ServerContext context, SessionRegistry& registry)
      : context_(context), registry_(registry) {}

  /// Replies once, on the network thread. Throws HttpError for an invalid request.
  void handle(const Request& request, bool text_to_image, Reply reply) const;

 private:
  struct Job;
  Job read(const Request& request, bool text_to_image) const;

  ServerContext context_;
  SessionRegistry& registry_;
};

}  // namespace streamdiffusion::server
