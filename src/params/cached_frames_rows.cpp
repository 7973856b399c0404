// Parameters of cached attention: what a stream keeps of earlier frames, for steadier images.
#include "params/rows.h"

namespace streamdiffusion::params {
namespace {

constexpr int kMaxFrames = 4, kLongestInterval = 10000, kLastLevel = 8;

}  // namespace

Rows cached_frames_rows() {
  return {
      {"use_cached_attn",
       "Cached attention",
       "Images also follow earlier ones of the stream: steadier, slower, more memory",
       Group::steps,
       Change::session,
       boolean(SD_REACH(live.options.use_cached_attn)),
       {.flag = "--cached-attention", .yaml = true, .server = true}},
      {"cache_maxframes",
       "Cached frames",
       "Earlier frames that cached attention follows; each costs time and memory",
       Group::steps,
       Change::session,
       integer(SD_REACH(live.options.cache_maxframes), 1, kMaxFrames),
       {.flag = "--cache-maxframes", .yaml = true, .server = true}},
      {"cache_interval",
       "Cache interval",
       "Every so many frames cached attention keeps one",
       Group::steps,
       Change::live,
       integer(SD_REACH(live.options.cache_interval), 1, kLongestInterval),
       {.flag = "--cache-interval", .yaml = true, .server = true, .slider_maximum = 30}},
      {"cache_first_level",
       "Cache from level",
       "First level of the UNet with cached attention; 0 for all, the largest included",
       Group::steps,
       Change::session,
       integer(SD_REACH(live.options.cache_first_level), 0, kLastLevel),
       {.flag = "--cache-first-level", .yaml = true, .server = true, .slider_maximum = 2}},
      {"use_feature_injection",
       "Feature injection",
       "With cached attention: what resembles an earlier frame is drawn to it",
       Group::steps,
       Change::session,
       boolean(SD_REACH(live.options.use_feature_injection)),
       {.flag = "--feature-injection", .yaml = true, .server = true}},
      {"feature_injection_strength",
       "Injection strength",
       "How far; 0 is not at all, 1 all the way",
       Group::steps,
       Change::live,
       number(SD_REACH(live.options.feature_injection_strength), 0, 1, 0.01),
       {.flag = "--feature-injection-strength", .yaml = true, .server = true}},
      {"feature_injection_threshold",
       "Injection threshold",
       "Cosine similarity from which on",
       Group::steps,
       Change::live,
       number(SD_REACH(live.options.feature_injection_threshold), -1, 1, 0.01),
       {.flag = "--feature-injection-threshold", .yaml = true, .server = true}},
  };
}

}  // namespace streamdiffusion::params
