#include "params/seed.h"

#include <random>

#include "base/log.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::params {

std::int64_t resolved_seed(std::int64_t seed) {
  if (seed != kDrawSeed) return seed;
  std::random_device random;
  const std::int64_t drawn = random() & 0xffffffffU;
  base::log(base::LogLevel::notice, base::concat("seed ", drawn));
  return drawn;
}

}  // namespace streamdiffusion::params
