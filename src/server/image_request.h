// POST /api/txt2img and /api/img2img: one image through a stream of its own.
#pragma once

#include "server/client.h"
#include "server/http.h"
#include "server/room.h"

namespace streamdiffusion::server {

class OneImage {
 public:
  OneImage(House house, Room& room) : house_(house), room_(room) {}

  /// Replies once, on the network thread. Throws Refusal for what is wrong with the request.
  void draw(const Request& request, bool from_text, Reply reply) const;

 private:
  struct Job;
  Job read(const Request& request, bool from_text) const;

  House house_;
  Room& room_;
};

}  // namespace streamdiffusion::server
