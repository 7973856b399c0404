// POST /api/txt2img and /api/img2img: generates one image with a stream of its own. No thread waits
// for the image: each step posts the next one.
#pragma once

#include <memory>
#include <set>

#include "server/protocol/http.h"
#include "server/sessions/client_session.h"
#include "server/sessions/session_registry.h"

namespace streamdiffusion::server {

class ImageRequest {
 public:
  ImageRequest(ServerContext context, SessionRegistry& registry);
  ~ImageRequest();
  ImageRequest(const ImageRequest&) = delete;
  ImageRequest& operator=(const ImageRequest&) = delete;

  /// Takes the request's body. Replies once, on the network thread, within Limits::request. Throws
  /// HttpError 503 if no slot is free.
  void handle(Request& request, bool text_to_image, Reply reply);
  /// Ends the requests whose time is over. Called twice a second.
  void tick();
  /// Ends all requests.
  void cancel_all();

 private:
  class Job;

  ServerContext context_;
  SessionRegistry& registry_;
  std::set<std::shared_ptr<Job>> jobs_;
};

}  // namespace streamdiffusion::server
