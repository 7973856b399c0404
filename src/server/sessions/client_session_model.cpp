// A stream that changes to another model. The model is opened on a worker while the stream runs on
// the old one; the stream itself prepares the rest and changes over between two frames.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "server/sessions/client_session.h"

namespace streamdiffusion::server {

std::optional<std::string> ClientSession::wanted_model(const json::Json& object) const {
  if (!object.is(json::Json::Kind::object)) return std::nullopt;
  const auto value = object.find("model");
  if (!value || !value->is(json::Json::Kind::string)) return std::nullopt;
  const std::string& name = value->string();
  return name != parameters_.model && context_.models.has(name) ? std::optional(name)
                                                                : std::nullopt;
}

void ClientSession::change_model(const std::string& name, const json::Json& object) {
  if (state_ == State::waiting || state_ == State::opening) {
    waiting_change_ = object;
    return;
  }
  if (state_ != State::live) return;
  if (opening_model_) {
    throw HttpError(503, "busy", "another model is being opened; try again when it is", "model");
  }
  opening_model_ = true;
  send(dump(settings()));
  auto self = shared_from_this();
  context_.executor.run_opening([self, name, object, stop = open_stop_.get_token()] {
    std::shared_ptr<const StreamModel> model;
    std::optional<HttpError> http_error;
    try {
      model = self->context_.models.open(name, stop);
    } catch (...) {
      http_error = current_http_error();
    }
    self->context_.executor.post([self, model, object, http_error] {
      self->opening_model_ = false;
      if (self->state_ != State::live) return;
      self->guarded([&] {
        try {
          if (http_error) throw HttpError(*http_error);
          self->on_model_opened(model, object);
        } catch (const HttpError& error) {
          self->send_error(error);
          self->send(dump(self->settings()));
        }
      });
    });
  });
}

void ClientSession::on_model_opened(const std::shared_ptr<const StreamModel>& model,
                                    const json::Json& object) {
  follow_stream();
  Parameters next = model->table.apply(object, model->table.carried_over(parameters_));
  check_change(*model, next);
  try {
    note_change(stream_->change(*model->factory, next.live), model, next);
  } catch (...) {
    throw current_http_error();
  }
  reconfiguring_ = stream_->reconfiguring();
  nlohmann::json message = settings();
  message["outside"] = false;
  send(dump(message));
}

void ClientSession::note_change(std::uint64_t number, std::shared_ptr<const StreamModel> model,
                                Parameters parameters) {
  model_ = std::move(model);
  parameters_ = std::move(parameters);
  quality_->store(parameters_.jpeg_quality);
  asked_->add(number, Asked{model_, parameters_});
  set_load();
}

void ClientSession::follow_stream() {
  if (!stream_ || !asked_) return;
  if (!asked_->follow(stream_->changes())) return;
  model_ = asked_->now().model;
  parameters_ = asked_->now().parameters;
  set_load();
  quality_->store(parameters_.jpeg_quality);
  send(dump(settings()));
}

}  // namespace streamdiffusion::server
