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

std::int64_t rows_of(const SessionOptions& o, int steps) {
  return stream::RowLayout{steps, o.frame_buffer_size, *o.cfg_type}.unet_rows();
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
std::string what_fits(const SessionOptions& o, std::int64_t limit, int factor) {
  int steps = steps_of(o);
  while (steps > 0 && rows_of(o, steps) * pixels_of(o) > limit) --steps;
  const double scale = std::sqrt(static_cast<double>(limit) / static_cast<double>(work_of(o)));
  const std::string size = base::concat(side_that_fits(*o.width, scale, factor), "x",
                                        side_that_fits(*o.height, scale, factor));
  const std::string fewer =
      steps > 0 ? base::concat(steps, steps == 1 ? " step" : " steps", " at this size, or ") : "";
  return base::concat(fewer, size, " with these steps");
}

}  // namespace

std::int64_t work_of(const SessionOptions& o) {
  return rows_of(o, steps_of(o)) * pixels_of(o);
}

void check_work(const SessionOptions& o, std::int64_t limit, int factor, const char* param) {
  const std::int64_t work = work_of(o);
  if (work <= limit) return;
  throw HttpError(
      400, "too_much_work",
      base::concat(*o.width, "x", *o.height, " with ", steps_of(o), " steps and guidance ",
                   name_of(kCfgTypes, *o.cfg_type), " takes ", rows_of(o, steps_of(o)),
                   " UNet rows a frame, so ", work, " pixels x rows; expected at most ", limit,
                   ": ", what_fits(o, limit, factor)),
      param);
}

}  // namespace streamdiffusion::server
