#include "server/image_request.h"

#include <mutex>

#include "server/client_images.h"

namespace streamdiffusion::server {

using json::Json;

namespace {

/// `object` with the members that are no parameters taken out.
nlohmann::json parameters_only(std::string_view body) {
  nlohmann::json object = nlohmann::json::parse(body, nullptr, false);  // was parsed within limits
  object.erase("format");
  object.erase("image");
  return object;
}

ImageFormat format_of(const std::string& name) {
  if (name == "jpeg" || name == "jpg") return ImageFormat::jpeg;
  if (name == "png") return ImageFormat::png;
  if (name == "webp") return ImageFormat::webp;
  throw Refusal(400, "bad_request", "format is " + dump(name) + ", expected jpeg, png or webp",
                "format");
}

}  // namespace

struct OneImage::Job {
  Parameters parameters;
  ImageFormat format = ImageFormat::jpeg;
  std::string image;
};

OneImage::Job OneImage::read(const Request& request, bool from_text) const {
  Job job;
  const std::string& type = request.field("content-type");
  Parameters start = house_.table.defaults();
  const std::string mode = from_text ? R"({"mode": "txt2img"})" : R"({"mode": "img2img"})";
  start = house_.table.apply(parse_client_json(mode, "mode"), start);
  if (type.starts_with("image/") && !from_text) {
    job.parameters = house_.table.apply(request.query, {"token", "format"}, start);
    const auto format = request.query.find("format");
    if (format != request.query.end()) job.format = format_of(format->second);
    job.image = request.body;
  } else if (type.starts_with("application/json") || type.empty()) {
    const Json body = parse_client_json(request.body, "body");
    if (!body.is(Json::Kind::object)) refuse("the body is ", body.found(), ", expected an object");
    try {
      if (const auto format = body.find("format")) job.format = format_of(format->string());
      if (!from_text) {
        auto image = base64_decode(body.at("image").string());
        if (!image) {
          throw Refusal(400, "bad_request", "image is not base64, expected an image's bytes",
                        "image");
        }
        job.image = *std::move(image);
      }
    } catch (const Error& error) {
      throw Refusal(400, "bad_request", error.what());
    }
    job.parameters =
        house_.table.apply(parse_client_json(dump(parameters_only(request.body)), "body"), start);
  } else {
    throw Refusal(415, "unsupported_media_type",
                  from_text ? "expected a body of type application/json"
                            : "expected a body of type application/json or image/*");
  }
  if (job.parameters.live.options.text_to_image != from_text) {
    throw Refusal(400, "bad_request", "the address says the mode, expected no other", "mode");
  }
  if (!from_text) check_image(job.image, house_.limits.image_pixels);
  return job;
}

namespace {

struct Received {
  std::mutex mutex;
  std::shared_ptr<const Image> image;
  std::optional<Error> error;
};

/// On a worker.
std::shared_ptr<const Image> draw_one(const House& house, const LiveSettings& settings,
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
  const auto stream = house.studio.open(settings, {QueuePolicy::Kind::block, 1}, calls);
  LiveFrame frame;
  frame.image = std::move(image);
  stream->submit(std::move(frame));
  stream->drain();
  house.metrics.frames({}, stream->counters());
  const std::lock_guard lock(received->mutex);
  if (received->image) return received->image;
  throw received->error.value_or(Error(ErrorCode::internal, "the stream gave no image"));
}

}  // namespace

void OneImage::draw(const Request& request, bool from_text, Reply reply) const {
  auto job = std::make_shared<Job>(read(request, from_text));
  room_.take_place();
  house_.tasks.work([this, job, from_text, reply = std::move(reply)] {
    auto response = std::make_shared<Response>();
    try {
      std::function<Image()> input;
      if (!from_text) {
        input = [&] { return decode_image(job->image, house_.limits.image_pixels); };
      }
      const auto image = draw_one(house_, job->parameters.live, std::move(input));
      response->type = media_type(job->format);
      response->body = encode_image(*image, job->format, job->parameters.jpeg_quality);
    } catch (const Refusal& refusal) {
      *response = error_response(refusal);
    } catch (const Error& error) {
      *response = error_response(refusal_of(error));
    } catch (const std::exception& error) {
      *response = error_response(Refusal(500, "internal", error.what()));
    }
    house_.tasks.post([this, response, reply] {
      room_.free_place();
      reply(std::move(*response));
    });
  });
}

}  // namespace streamdiffusion::server
