#include "c_api/output.h"

#include "base/error.h"
#include "c_api/call.h"
#include "c_api/frame.h"

namespace streamdiffusion::c_api {

OutputPointer make_output(LiveOutput output, const std::shared_ptr<Engine>& engine,
                          std::optional<Error> failure) {
  OutputPointer made(new streamdiffusion_output);
  made->output = std::move(output);
  made->failure = std::move(failure);
  made->engine = engine;
  return made;
}

}  // namespace streamdiffusion::c_api

using namespace streamdiffusion::c_api;

void streamdiffusion_output_get(const streamdiffusion_output* output,
                                streamdiffusion_output_info* info) {
  if (output == nullptr || info == nullptr) return;
  const streamdiffusion::LiveOutput& from = output->output;
  const streamdiffusion::Image* image = from.image.get();
  const auto* tag = std::any_cast<std::uint64_t>(&from.tag);
  streamdiffusion_output_info known{};
  known.frame_id = from.frame_id;
  known.tag = tag == nullptr ? 0 : *tag;
  if (image != nullptr) {
    known.width = image->width;
    known.height = image->height;
    known.rgb = image->rgb.data();
  }
  known.reused = from.reused ? 1 : 0;
  known.captured_ns = nanoseconds_of(from.captured);
  known.prepared_ns = nanoseconds_of(from.prepared);
  known.entered_ns = nanoseconds_of(from.entered);
  known.finished_ns = nanoseconds_of(from.finished);
  write_struct(info, &known, sizeof known);
}

streamdiffusion_status streamdiffusion_output_copy(const streamdiffusion_output* output,
                                                   const streamdiffusion_frame* target,
                                                   streamdiffusion_error** error) {
  return call(error, [&] {
    require_handle(output, "output");
    if (output->failure) throw streamdiffusion::Error(*output->failure);
    const streamdiffusion_frame frame = read_frame(target);
    const streamdiffusion::Image& image = *output->output.image;
    if (frame.memory == STREAMDIFFUSION_MEMORY_CUDA) {
      const auto engine = output->engine.lock();
      streamdiffusion::base::require(
          engine != nullptr, streamdiffusion::ErrorCode::invalid_argument,
          "the output's session was freed; expected a copy into a card's memory before that");
      engine->upload(image, target_of(frame));
    } else {
      streamdiffusion::write(image, target_of(frame));
    }
    return STREAMDIFFUSION_OK;
  });
}

streamdiffusion_output* streamdiffusion_output_retain(streamdiffusion_output* output) {
  if (output != nullptr) output->references.fetch_add(1, std::memory_order_relaxed);
  return output;
}

void streamdiffusion_output_release(streamdiffusion_output* output) {
  if (output == nullptr || !in_own_process()) return;
  // acq_rel: who frees sees what the others did with it
  if (output->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete output;
}
