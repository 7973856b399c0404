// The route that shows what a ControlNet of a session sees.
#include "server/http/api.h"
#include "server/http/image_reply.h"

namespace streamdiffusion::server {

void Api::respond_later(std::function<Response()> make, const Reply& reply) const {
  context_.executor.run_on_worker(WorkKind::body, [this, make = std::move(make), reply] {
    try {
      const Response response = make();
      context_.executor.post([reply, response] { reply(response); });
    } catch (...) {
      context_.executor.post([this, reply, error = current_http_error()] {
        context_.metrics.error(error.code());
        reply(error_response(error));
      });
    }
  });
}

void Api::control_image(Request& request, const Reply& reply) {
  const auto session = session_of(request);
  const std::size_t net = number_in_query(request, "net");
  session->check_controlnet(net);
  const std::shared_ptr<const Image> image = session->control_image(net);
  if (!image) {
    throw HttpError(404, "not_found",
                    "there is no control image: the net is off, is shown the frames themselves "
                    "(passthrough), or no frame has come",
                    "net");
  }
  respond_later([image] { return jpeg_response(*image); }, reply);
}

}  // namespace streamdiffusion::server
