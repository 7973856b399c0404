#include "server/http/image_request.h"

#include <atomic>
#include <memory>
#include <stop_token>
#include <utility>

#include "server/http/image_input.h"
#include "server/protocol/image_codec.h"

namespace streamdiffusion::server {

/// One request. Lives on the network thread, and holds a session slot until its stream has ended.
class ImageRequest::Job : public std::enable_shared_from_this<Job> {
 public:
  Job(ImageRequest& owner, bool text_to_image)
      : owner_(owner),
        context_(owner.context_),
        text_to_image_(text_to_image),
        deadline_(base::Clock::now() + context_.limits.request) {}

  /// Takes the request, whose slot it has.
  void begin(Request& request, Reply reply);
  /// Starts the next step, if the last one is done.
  void advance();
  /// Answers with an error, unless there is an answer already, and ends the job.
  void fail(const HttpError& http_error);
  bool is_overdue(base::Clock::time_point now) const { return reply_ && now > deadline_; }

 private:
  /// Runs `work` on a worker, then `done` with its result on the network thread.
  template <typename Work, typename Done>
  void run(WorkKind kind, Work work, Done done);
  /// Runs a step. What it throws is the answer.
  template <typename Step>
  void guarded(const Step& step);
  void read_input();
  /// Throws HttpError where the device has no time for it.
  void take_load(const ImageInput& input);
  void open();
  void encode();
  /// Stops the stream, then frees the slot.
  void end();
  LiveCallbacks callbacks();
  void answer(Response response);

  ImageRequest& owner_;
  const ServerContext& context_;
  Request request_;
  const bool text_to_image_;
  /// Null once the request is answered.
  Reply reply_;
  const base::Clock::time_point deadline_;
  /// A worker has the job.
  bool working_ = false, ended_ = false;
  // What the steps have made so far.
  std::shared_ptr<const ImageInput> input_;
  /// Of the image, on the stream's thread.
  struct Decoding {
    /// While it is decoded, and after that failed.
    std::atomic<bool> unreadable{false};
    /// Complete before the image is given out.
    std::vector<std::string> warnings;
  };
  const std::shared_ptr<Decoding> decoding_ = std::make_shared<Decoding>();
  /// Ends the opening of the stream.
  std::stop_source opening_;
  std::shared_ptr<LiveStream> stream_;
  std::shared_ptr<const Image> image_;
};

void ImageRequest::Job::begin(Request& request, Reply reply) {
  request_ = std::move(request);
  reply_ = std::move(reply);
  advance();
}

void ImageRequest::Job::advance() {
  if (working_ || ended_) return;
  if (!reply_) return end();
  if (!input_) return read_input();
  if (!stream_) return open();
  if (image_) return encode();
}

void ImageRequest::Job::fail(const HttpError& http_error) {
  if (reply_) {
    context_.metrics.error(http_error.code());
    opening_.request_stop();
    answer(error_response(http_error));
    if (stream_) stream_->halt();
  }
  advance();
}

template <typename Step>
void ImageRequest::Job::guarded(const Step& step) {
  try {
    step();
  } catch (...) {
    fail(current_http_error());
  }
}

void ImageRequest::Job::answer(Response response) {
  std::exchange(reply_, nullptr)(std::move(response));
}

template <typename Work, typename Done>
void ImageRequest::Job::run(WorkKind kind, Work work, Done done) {
  working_ = true;
  const auto task = [self = shared_from_this(), work = std::move(work), done = std::move(done)] {
    std::optional<HttpError> http_error;
    decltype(work()) result{};
    try {
      result = work();
    } catch (...) {
      http_error = current_http_error();
    }
    self->context_.executor.post([self, done, http_error, result = std::move(result)] {
      self->working_ = false;
      if (http_error) return self->fail(*http_error);
      self->guarded([&] {
        done(result);
        self->advance();
      });
    });
  };
  context_.executor.run_on_worker(kind, task);
}

void ImageRequest::Job::read_input() {
  const auto work = [this] {
    return std::make_shared<const ImageInput>(
        read_image_input(request_, text_to_image_, context_.table, context_.limits));
  };
  run(WorkKind::body, work, [this](const auto& input) {
    take_load(*input);
    input_ = input;
  });
}

/// It counts as a stream while it is there.
void ImageRequest::Job::take_load(const ImageInput& input) {
  const StreamFactory& factory = context_.stream_factory;
  const SessionOptions options = factory.with_defaults(input.parameters.live.options);
  context_.admission.check(this, factory, options, 503);
  context_.admission.set(this, factory.frame_seconds(options));
}

void ImageRequest::Job::open() {
  const auto work = [this, input = input_, calls = callbacks(), stop = opening_.get_token(),
                     group = context_.admission.group(request_.owner)] {
    // This policy finishes a frame without another one behind it.
    const QueuePolicy policy{QueuePolicy::Kind::latest, 1};
    std::shared_ptr<LiveStream> stream =
        context_.stream_factory.open(input->parameters.live, policy, calls, stop, group);
    LiveFrame frame;
    if (!text_to_image_) {
      // On the stream's thread; the error goes to callbacks().
      frame.image = [input, pixels = context_.limits.image_pixels, decoding = decoding_] {
        decoding->unreadable = true;
        Image image = decode_image(input->image, pixels, decoding->warnings);
        decoding->unreadable = false;
        return image;
      };
    }
    stream->submit(std::move(frame));
    return stream;
  };
  run(WorkKind::open_stream, work, [this](const auto& stream) { stream_ = stream; });
}

void ImageRequest::Job::encode() {
  const auto work = [input = input_, image = image_, &table = context_.table,
                     warnings = decoding_->warnings] {
    Response response;
    Parameters parameters = input->parameters;
    for (const std::string& message : warnings)
      parameters.image_warnings.push_back({"image", message});
    response.header = table.image_header(parameters, input->format == ImageFormat::png);
    response.type = media_type(input->format);
    response.body = encode_image(*image, input->format, input->parameters.jpeg_quality);
    return response;
  };
  run(WorkKind::body, work, [this](const Response& response) {
    if (reply_) answer(response);
  });
}

void ImageRequest::Job::end() {
  ended_ = true;
  const auto leave = [self = shared_from_this()] {
    self->owner_.jobs_.erase(self);
    self->owner_.registry_.release_slot(self.get());
  };
  if (!stream_) return leave();
  const auto stop = [self = shared_from_this(), leave, stream = std::move(stream_)]() mutable {
    LiveCounters counters;
    try {
      stream->stop();
      counters = stream->counters();
    } catch (...) {
      current_http_error();  // logs it; the slot is freed all the same
    }
    stream.reset();
    self->context_.executor.post([self, leave, counters] {
      self->context_.metrics.frames({}, counters);
      leave();
    });
  };
  context_.executor.run_on_worker(stop);
}

// They hold a weak pointer, because the job owns the stream that owns them. They may come before
// the worker has given the stream to the job.
LiveCallbacks ImageRequest::Job::callbacks() {
  LiveCallbacks calls;
  Executor* executor = &context_.executor;
  calls.output = [executor, weak = weak_from_this()](const LiveOutput& output) {
    executor->post([weak, image = output.image] {
      const auto job = weak.lock();
      if (!job) return;
      job->image_ = image;
      job->guarded([&] { job->advance(); });
    });
  };
  calls.error = [executor, weak = weak_from_this(), decoding = decoding_](const Error& error,
                                                                          auto /*frame*/) {
    executor->post([weak, answer = decoding->unreadable ? bad_image(error) : to_http_error(error)] {
      if (const auto job = weak.lock()) job->fail(answer);
    });
  };
  return calls;
}

ImageRequest::ImageRequest(ServerContext context, SessionRegistry& registry)
    : context_(context), registry_(registry) {}
ImageRequest::~ImageRequest() = default;

void ImageRequest::handle(Request& request, bool text_to_image, Reply reply) {
  const auto cancellation = request.cancellation;
  const auto job = std::make_shared<Job>(*this, text_to_image);
  registry_.acquire_slot(job.get(), request.owner);
  jobs_.insert(job);
  if (cancellation) {
    cancellation->on_cancel([weak = std::weak_ptr(job)] {
      const auto abandoned = weak.lock();
      if (abandoned) abandoned->fail(HttpError(503, "cancelled", "the client is gone"));
    });
  }
  job->begin(request, std::move(reply));
}

void ImageRequest::tick() {
  const auto now = base::Clock::now();
  for (const auto& job : std::set(jobs_)) {
    if (!job->is_overdue(now)) continue;
    const auto seconds = std::chrono::duration<double>(context_.limits.request).count();
    job->fail(HttpError(503, "timeout",
                        base::concat("the image was not ready within ", seconds,
                                     " s; ask for fewer steps or a smaller image")));
  }
}

void ImageRequest::cancel_all() {
  for (const auto& job : std::set(jobs_)) {
    job->fail(HttpError(503, "draining", "the server is shutting down"));
  }
}

}  // namespace streamdiffusion::server
