// How rows of the table are made, and those that have a file of their own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "params/limits.h"
#include "params/member.h"
#include "params/table.h"

namespace streamdiffusion::params {

using Rows = std::vector<Parameter>;

/// More than the 77 tokens that a text encoder reads; also the longest path of Linux.
constexpr std::size_t kMaxBytes = 4096;

template <typename Reach>
Integer integer(Reach reach, std::int64_t minimum, std::int64_t maximum,
                std::optional<std::int64_t> fallback = std::nullopt) {
  return {member<std::int64_t>(reach, fallback), minimum, maximum};
}
template <typename Reach>
Number number(Reach reach, double minimum, double maximum, double step,
              std::optional<double> fallback = std::nullopt) {
  return {member<double>(reach, fallback), minimum, maximum, step};
}
/// A rate, which a text may say as a ratio.
template <typename Reach>
Number rate(Reach reach, double minimum, double maximum) {
  return {member<double>(reach), minimum, maximum, 1, true};
}
template <typename Reach>
Boolean boolean(Reach reach) {
  return {member<bool>(reach)};
}
template <typename Reach>
Text text(Reach reach) {
  return {member<std::string>(reach), kMaxBytes};
}

/// Components in place of the model's own.
Rows component_rows();
/// Of the steps of a frame.
Rows steps_rows();
/// Of the noise.
Rows noise_rows();
/// Of cached attention.
Rows cached_frames_rows();
/// Of the scheduler.
Rows schedule_rows();
/// Of the engine and of a stream.
Rows lora_rows();
/// Of ControlNets: which ones, and the settings of each.
Rows control_rows();

/// Of IP-Adapters: which ones, and what each is told.
Rows image_prompt_rows();

/// Size conditioning of SDXL models.
Rows size_rows();

/// Of the command `run` alone.
Rows run_rows();

}  // namespace streamdiffusion::params
