#include "server/what_fits.h"

#include <algorithm>

#include "base/error.h"

namespace streamdiffusion::server {

Fitting what_fits(const SessionOptions& options, int factor,
                  const std::function<bool(const SessionOptions&)>& fits) {
  Fitting fitting;
  for (SessionOptions less = options; !less.t_index_list.empty(); less.t_index_list.pop_back()) {
    if (!fits(less)) continue;
    fitting.steps = static_cast<int>(less.t_index_list.size());
    break;
  }
  const int widest = *options.width / factor * factor;
  const double shape = static_cast<double>(*options.height) / *options.width;
  SessionOptions smaller = options;
  for (int width = widest; width > 0 && fitting.width == 0; width -= factor) {
    smaller.width = width;
    smaller.height = std::max(static_cast<int>(width * shape) / factor, 1) * factor;
    if (!fits(smaller)) continue;
    fitting.width = *smaller.width;
    fitting.height = *smaller.height;
  }
  return fitting;
}

std::string Fitting::text() const {
  const std::string fewer =
      steps > 0 ? base::concat(steps, steps == 1 ? " step" : " steps", " at this size") : "";
  const std::string smaller =
      width > 0 ? base::concat(width, "x", height, " with these steps") : "";
  if (fewer.empty() && smaller.empty()) return "no size or number of steps";
  return fewer + (fewer.empty() || smaller.empty() ? "" : ", or ") + smaller;
}

}  // namespace streamdiffusion::server
