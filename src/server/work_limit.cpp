#include "server/work_limit.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "server/protocol/http_error.h"
#include "stream/row_layout.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion::server {
namespace {

int rows_of(const SessionOptions& o, int steps) {
  return stream::RowLayout{steps, o.frame_buffer_size, *o.cfg_type}.unet_rows();
}

/// What acts beside the UNet: of each row, and of each frame.
struct Beside {
  double row = 0, frame = 0;
};
Beside beside(const SessionOptions& o, const AdapterWork& adapters) {
  Beside sum;
  const std::size_t nets = std::min(o.control_settings.size(), adapters.controlnets.size());
  for (std::size_t i = 0; i < nets; ++i) {
    if (!o.control_settings[i].enabled) continue;
    sum.row += adapters.controlnets[i].row;
    sum.frame += adapters.controlnets[i].frame;
  }
  const std::size_t prompts = std::min(o.image_prompts.size(), adapters.ip_adapters.size());
  for (std::size_t i = 0; i < prompts; ++i) {
    const auto images = static_cast<double>(o.image_prompts[i].images.size());
    if (o.image_prompts[i].enabled) sum.row += images * adapters.ip_adapters[i];
  }
  constexpr double kCachedFrame = 0.25;  // about what attention to an earlier frame adds to a row
  if (o.use_cached_attn) sum.row += kCachedFrame * o.cache_maxframes;
  return sum;
}

/// In rows of the UNet.
double work_of(const SessionOptions& o, const AdapterWork& adapters, int steps) {
  const Beside more = beside(o, adapters);
  return rows_of(o, steps) * (1 + more.row) + o.frame_buffer_size * more.frame;
}

std::int64_t pixels_of(const SessionOptions& o) {
  return std::int64_t{*o.width} * *o.height;
}

int steps_of(const SessionOptions& o) {
  return static_cast<int>(o.t_index_list.size());
}

/// A side of the largest image of this shape.
int side_that_fits(int side, double scale, int factor) {
  const int fitting = static_cast<int>(side * scale) / factor * factor;
  return std::max(fitting, factor);
}

/// "2 steps at this size, or 512x512 with these steps"
std::string what_fits(const SessionOptions& o, const ServedModel& model, std::int64_t limit) {
  const auto most = static_cast<double>(limit);
  int steps = steps_of(o);
  while (steps > 0 && work_of(o, model.work, steps) * static_cast<double>(pixels_of(o)) > most)
    --steps;
  const double scale = std::sqrt(most / static_cast<double>(work_of(o, model.work)));
  const std::string size = base::concat(side_that_fits(*o.width, scale, model.factor), "x",
                                        side_that_fits(*o.height, scale, model.factor));
  const std::string fewer =
      steps > 0 ? base::concat(steps, steps == 1 ? " step" : " steps", " at this size, or ") : "";
  return base::concat(fewer, size, " with these steps");
}

}  // namespace

std::int64_t work_of(const SessionOptions& o, const AdapterWork& adapters) {
  return std::llround(work_of(o, adapters, steps_of(o)) * static_cast<double>(pixels_of(o)));
}

void check_work(const SessionOptions& o, const ServedModel& model, std::int64_t limit,
                const char* param) {
  const std::int64_t work = work_of(o, model.work);
  if (work <= limit) return;
  const int rows = rows_of(o, steps_of(o));
  const std::int64_t alone = rows * pixels_of(o);
  const std::string more =
      work > alone
          ? base::concat(" and ControlNets, IP-Adapters or cached frames that are worth ",
                         static_cast<double>(work - alone) / static_cast<double>(pixels_of(o)),
                         " more")
          : "";
  throw HttpError(
      400, "too_much_work",
      base::concat(*o.width, "x", *o.height, " with ", steps_of(o), " steps and guidance ",
                   name_of(kCfgTypes, *o.cfg_type), " takes ", rows, " UNet rows a frame", more,
                   ", so ", work, " pixels x rows; expected at most ", limit, ": ",
                   what_fits(o, model, limit)),
      param);
}

}  // namespace streamdiffusion::server
