#include "setup.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/join.h"
#include "base/log.h"
#include "base/printable.h"
#include "engine_files.h"
#include "live/encode_prompts.h"
#include "model_files.h"
#include "params/without_effect.h"
#include "settings/set.h"
#include "stop_signals.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion::app {

void print_line(const std::string& text) {
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  std::printf("%s\n", (terminal ? base::printable(text) : text).c_str());
}

void print_error(std::string_view message) {
  std::fprintf(stderr, "error: %s\n", base::printable_lines(message).c_str());
}

void print_log(base::LogLevel level, std::string_view message) {
  if (level < base::LogLevel::notice) return;
  // A progress bar may stand in the line.
  const char* clear = ::isatty(STDERR_FILENO) == 1 ? "\r\x1b[K" : "";
  std::fprintf(stderr, "%s%s%s\n", clear, level == base::LogLevel::warning ? "warning: " : "",
               base::printable_lines(message).c_str());
}

EngineOptions with_model(EngineOptions options, const StopSignals* signals) {
  base::require(options.model.empty() || options.random_weights.empty(),
                ErrorCode::invalid_argument,
                "--model and --random-weights are both given, expected one of them");
  base::require(options.vae.empty() || options.random_weights.empty(), ErrorCode::invalid_argument,
                "--vae and --random-weights are both given, expected one of them");
  if (options.model.empty() && options.random_weights.empty()) {
    options.model = included_model();
    base::require(
        !options.model.empty(), ErrorCode::invalid_argument,
        "there is no model beside the program; expected --model DIR|NAME or --random-weights NAME");
  }
  return with_files(std::move(options), signals);
}

Engine open_engine(params::Settings& settings, const StopSignals* signals) {
  Engine engine = Engine::open(with_model(settings.engine, signals));
  const auto defaults = [&engine](const SessionOptions& options) {
    return engine.with_defaults(options);
  };
  settings = settings::with_steps(settings, defaults);
  return engine;
}

static OpenedSession open_parts(params::Settings& settings, const StopSignals* signals,
                                const params::ImageTraits& images) {
  Engine engine = open_engine(settings, signals);
  const LiveSettings& wanted = settings.live;
  live::encode_prompts(engine, wanted);
  Session session =
      engine.session(wanted.options, signals != nullptr ? signals->opening() : std::stop_token());
  warn_of_settings(engine, settings, images);
  warn_without_style(settings);
  if (!wanted.prompts.empty()) session.set_prompts(wanted.prompts, wanted.interpolation);
  if (wanted.negative_prompt) session.set_negative_prompt(*wanted.negative_prompt);
  return {std::move(engine), std::move(session)};
}

void print_warnings_alone(base::LogLevel level, std::string_view message) {
  if (level == base::LogLevel::warning) print_log(level, message);
}

OpenedSession open_session(params::Settings& settings, bool quiet, StopSignals* signals,
                           const params::ImageTraits& images) {
  if (quiet) base::set_log_callback(print_warnings_alone);
  const auto start = base::Clock::now();
  const auto throw_if_stopped = [signals] {
    if (signals != nullptr && signals->received() != 0) throw Stopped{signals->received()};
  };
  try {
    OpenedSession opened = open_parts(settings, signals, images);
    if (signals != nullptr) signals->opened();
    throw_if_stopped();
    if (!quiet)
      print_ready(opened.engine, opened.session.description(), base::seconds_since(start));
    return opened;
  } catch (const Error&) {
    throw_if_stopped();
    throw;
  }
}

std::string stream_text(const SessionOptions& options) {
  std::string text = base::concat(*options.width, "x", *options.height, "  t ",
                                  base::joined(options.t_index_list, {}, ","));
  if (options.cfg_type == CfgType::none) return text;
  return base::concat(text, "  ", name_of(kCfgTypes, *options.cfg_type), " ",
                      *options.guidance_scale);
}

void print_ready(const Engine& engine, const std::string& session, double seconds) {
  const EngineInfo info = engine.info();
  std::fprintf(stderr, "%s  %s%s%s on %s  ready in %.2f s\n", base::printable(info.model).c_str(),
               session.c_str(), session.empty() ? "" : "  ", info.dtype.c_str(),
               info.device.c_str(), seconds);
}

void warn_of_settings(const Engine& engine, const params::Settings& settings,
                      const params::ImageTraits& images) {
  const LiveSettings& live = settings.live;
  std::string all = live.negative_prompt.value_or("");
  for (const WeightedPrompt& prompt : live.prompts) all += "\n" + prompt.text;
  for (const params::ScheduledPrompts& entry : settings.run.prompt_schedule) {
    for (const WeightedPrompt& prompt : entry.prompts) all += "\n" + prompt.text;
  }
  const EngineInfo info = engine.info();
  for (const UnknownWord& unknown : unknown_words(read_known_words(info.folder), all)) {
    base::warn(unknown.message);
  }
  const SessionOptions full = engine.with_defaults(live.options);
  const params::ModelTraits traits{info.size_conditioning, info.guidance_embedding};
  for (const auto& idle :
       params::without_effect(settings, full, params::as_given_in(settings), traits, images)) {
    base::warn(idle.message);
  }
}

void warn_without_style(const params::Settings& settings) {
  const auto& adapters = settings.engine.ip_adapters;
  const bool acts = std::ranges::any_of(adapters, [](const IpAdapter& adapter) {
    return adapter.prompt.follow_input || !adapter.prompt.files.empty();
  });
  warn_without_effect(!adapters.empty() && !acts, "--ip-adapter",
                      "without --style-image: it has no image to follow");
}

void warn_without_effect(bool given, const char* flag, const char* why) {
  if (given) base::warn(flag, " has no effect ", why);
}

std::string stage_times(const SessionTimes& times) {
  const double frames = static_cast<double>(std::max<std::uint64_t>(times.frames, 1));
  char text[160];
  std::snprintf(text, sizeof text,
                "encode %.1f ms, unet %.1f ms, decode %.1f ms, other %.1f ms a frame",
                times.encode / frames * 1e3, times.unet / frames * 1e3, times.decode / frames * 1e3,
                times.other / frames * 1e3);
  return text;
}

}  // namespace streamdiffusion::app
