#include "server/http/image_request.h"

#include <mutex>
#include <nlohmann/json.hpp>

#include "server/protocol/image_codec.h"

namespace streamdiffusion::server {

using json::Json;

namespace {

/// The body's object without the members that are not parameters.
nlohmann::json parameters_only(std::string_view body) {
  // It cannot fail: parse_client_json() accepted this body.
  nlohmann::json object = nlohmann::json::parse(body, nullptr, false);
  object.erase("format");
  object.erase("image");
  return object;
}

ImageFormat format_of(const std::string& name) {
  if (name == "jpeg" || name == "jpg") return ImageFormat::jpeg;
  if (name == "png") return ImageFormat::png;
  if (name == "webp") return ImageFormat::webp;
  throw HttpError(400, "bad_request", "format is " + dump(name) + ", expected jpeg, png or webp",
                  "format");
}

}  // namespace

struct ImageRequest::Job {
  Parameters parameters;
  ImageFormat format = ImageFormat::jpeg;
  std::string image;
};

ImageRequest::Job ImageRequest::read(const Request& request, bool text_to_image) const {
  Job job;
  const std::string& type = request.field("content-type");
  Parameters start = context_.table.defaults();
  const std::string mode = text_to_image ? R"({"mode": "txt2img"})" : R"({"mode": "img2img"})";
  start = context_.table.apply(parse_client_json(mode, "mode"), start);
  if (type.starts_with("image/") && !text_to_image) {
    job.parameters = context_.table.apply(request.query, {"token", "format"}, start);
    const auto format = request.query.find("format");
    if (format != request.query.end()) job.format = format_of(format->second);
    job.image = request.body;
  } else if (type.starts_with("application/json") || type.empty()) {
    const Json body = parse_client_json(request.body, "body");
    if (!body.is(Json::Kind::object))
      throw_bad_request("the body is ", body.found(), ", expected an object");
    try {
      if (const auto format = body.find("format")) job.format = format_of(format->string());
      if (!text_to_image) {
        auto image = base64_decode(body.at("image").string());
        if (!image) {
          throw HttpError(400, "bad_request", "image is not base64, expected an image's bytes",
                          "image");
        }
        job.image = *std::move(image);
      }
    } catch (const Error& error) {
      throw HttpError(400, "bad_request", error.what());
    }
    job.parameters =
        context_.table.apply(parse_client_json(dump(parameters_only(request.body)), "body"), start);
  } else {
    throw HttpError(415, "unsupported_media_type",
                    text_to_image ? "expected a body of type application/json"
                                  : "expected a body of type application/json or image/*");
  }
  if (job.parameters.live.options.text_to_image != text_to_image) {
    throw HttpError(400, "bad_request", "mode differs from the mode of this address", "mode");
  }
  if (!text_to_image) check_image(job.image, context_.limits.image_pixels);
  return job;
}

namespace {

struct Received {
  std::mutex mutex;
  std::shared_ptr<const Image> image;
  std::optional<Error> error;
};

/// Runs on a worker and blocks until the image is there.
std::shared_ptr<const Image> generate_image(const ServerContext& context,
                                            const LiveSettings& settings,
                                            std::function<Image()> image) {
  auto received = std::make_shared<Received>();
  LiveCallbacks calls;
  calls.output = [received](const LiveOutput& output) {
    const std::lock_guard lock(received->mutex);
    received->image = output.image;
  };
  calls.error = [received](const Error& error, std::optional<std::uint64_t>) {
    const std::lock_guard lock(received->mutex);
    received->error = error;
  };
  const auto stream = context.stream_factory.open(settings, {QueuePolicy::Kind::block, 1}, calls);
  LiveFrame frame;
  frame.image = std::move(image);
  stream->submit(std::move(frame));
  stream->drain();
  context.metrics.frames({}, stream->counters());
  const std::lock_guard lock(received->mutex);
  if (received->image) return received->image;
  throw received->error.value_or(Error(ErrorCode::internal, "the stream returned no image"));
}

}  // namespace

void ImageRequest::handle(const Request& request, bool text_to_image, Reply reply) const {
  auto job = std::make_shared<Job>(read(request, text_to_image));
  registry_.acquire_slot();
  context_.executor.run_on_worker([this, job, text_to_image, reply = std::move(reply)] {
    auto response = std::make_shared<Response>();
    try {
      std::function<Image()> input;
      if (!text_to_image) {
        input = [&] { return decode_image(job->image, context_.limits.image_pixels); };
      }
      const auto image = generate_image(context_, job->parameters.live, std::move(input));
      response->header = context_.table.image_header(job->parameters);
      response->type = media_type(job->format);
      response->body = encode_image(*image, job->format, job->parameters.jpeg_quality);
    } catch (const HttpError& http_error) {
      *response = error_response(http_error);
    } catch (const Error& error) {
      *response = error_response(to_http_error(error));
    } catch (const std::exception& error) {
      *response = error_response(HttpError(500, "internal", error.what()));
    }
    context_.executor.post([this, response, reply] {
      registry_.release_slot();
      reply(std::move(*response));
    });
  });
}

}  // namespace streamdiffusion::server
