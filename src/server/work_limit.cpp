#include "server/work_limit.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "server/protocol/http_error.h"
#include "server/what_fits.h"
#include "stream/row_layout.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion::server {
namespace {

int steps_of(const SessionOptions& o) {
  return static_cast<int>(o.t_index_list.size());
}

int rows_of(const SessionOptions& o) {
  return stream::RowLayout{steps_of(o), o.frame_buffer_size, *o.cfg_type}.unet_rows();
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

std::int64_t pixels_of(const SessionOptions& o) {
  return std::int64_t{*o.width} * *o.height;
}

}  // namespace

double rows_worth(const SessionOptions& o, const AdapterWork& adapters) {
  const Beside more = beside(o, adapters);
  return rows_of(o) * (1 + more.row) + o.frame_buffer_size * more.frame;
}

std::int64_t work_of(const SessionOptions& o, const AdapterWork& adapters) {
  return std::llround(rows_worth(o, adapters) * static_cast<double>(pixels_of(o)));
}

void check_work(const SessionOptions& o, const ServedModel& model, std::int64_t limit,
                const char* param) {
  const std::int64_t work = work_of(o, model.work);
  if (work <= limit) return;
  const int rows = rows_of(o);
  const std::int64_t alone = rows * pixels_of(o);
  const std::string more =
      work > alone
          ? base::concat(" and ControlNets, IP-Adapters or cached frames that are worth ",
                         static_cast<double>(work - alone) / static_cast<double>(pixels_of(o)),
                         " more")
          : "";
  const auto fits = [&](const SessionOptions& less) { return work_of(less, model.work) <= limit; };
  throw HttpError(
      400, "too_much_work",
      base::concat(*o.width, "x", *o.height, " with ", steps_of(o), " steps and guidance ",
                   name_of(kCfgTypes, *o.cfg_type), " takes ", rows, " UNet rows a frame", more,
                   ", so ", work, " pixels x rows; expected at most ", limit, ": ",
                   what_fits(o, model.factor, fits).text()),
      param);
}

}  // namespace streamdiffusion::server
