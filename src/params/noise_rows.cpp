// Parameters of the noise, and of what comes back from the last image.
#include "params/rows.h"

namespace streamdiffusion::params {
namespace {

/// The largest integer that JSON keeps exact everywhere (RFC 8259, section 6).
constexpr std::int64_t kMaxSeed = (std::int64_t{1} << 53) - 1;
constexpr std::size_t kMaxSeeds = 16;
constexpr double kMaxFeedback = 0.9;

}  // namespace

Rows noise_rows() {
  return {
      {"do_add_noise",
       "Fresh noise",
       "Between the steps; without it smoother and less varied",
       Group::steps,
       Change::session,
       boolean(SD_REACH(live.options.do_add_noise)),
       {.flag = "!--no-add-noise",
        .flag_help = "No fresh noise between the steps: smoother, less varied",
        .yaml = true,
        .server = true}},
      {"seed",
       "Seed",
       "Of all noise; the same seed gives the same images; -1 draws one, and prints it",
       Group::steps,
       Change::live,
       integer(SD_REACH(live.options.seed), kDrawSeed, kMaxSeed),
       {.flag = "--seed", .yaml = true, .server = true}},
      {"seed_list",
       "Blend of seeds",
       "Several seeds whose noise is blended, and the weight of each, in place of seed",
       Group::steps,
       Change::live,
       SeedList{member<std::vector<WeightedSeed>>(SD_REACH(live.options.seed_list)), kMaxSeeds,
                kMaxSeed, kMaxWeight},
       {.flag = "--seed-list",
        .flag_help = "Seeds whose noise is blended, with weights, in place of --seed",
        .flag_value = "SEED:WEIGHT,...",
        .yaml = true,
        .server = true}},
      {"seed_interpolation_method",
       "Blending of seeds",
       "Along a great circle, or a straight line",
       Group::steps,
       Change::live,
       choice<kInterpolations>(SD_REACH(live.options.seed_interpolation)),
       {.yaml = true, .server = true}},
      {"latent_feedback_strength",
       "Feedback",
       "Share of the last image in the next: more is steadier, and follows more slowly",
       Group::steps,
       Change::live,
       number(SD_REACH(live.options.latent_feedback), 0, kMaxFeedback, 0.01, 0),
       {.flag = "--latent-feedback-strength", .yaml = true, .server = true, .slider_maximum = 0.4}},
  };
}

}  // namespace streamdiffusion::params
