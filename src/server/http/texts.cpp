// The routes whose answer is a text that is there already.
#include "server/http/api.h"

namespace streamdiffusion::server {

void Api::words(Request& request, const Reply& reply) {
  Response response;
  response.type = "application/json";
  response.shared = true;
  response.body = model_of(request)->factory->info().page_words;
  reply(std::move(response));
}

void Api::metrics(Request& /*request*/, const Reply& reply) {
  registry_.update_metrics();
  Response response;
  response.type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = context_.metrics.text();
  reply(std::move(response));
}

}  // namespace streamdiffusion::server
