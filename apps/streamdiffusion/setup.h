// What the commands do first: open the model, make the session, say what runs.
#pragma once

#include <string>
#include <string_view>

#include "base/log.h"
#include "params/table.h"
#include "params/without_effect.h"
#include "streamdiffusion/streamdiffusion.h"

namespace streamdiffusion::app {

/// A line of standard output, such as the path of a file: on a terminal as base::printable() makes
/// it, and into a pipe or a file as it is, because a program reads it there.
void print_line(const std::string& text);

/// Prints "error: …" to stderr.
void print_error(std::string_view message);

/// Prints notices and warnings to stderr. The program's log callback.
void print_log(base::LogLevel level, std::string_view message);

/// The same without notices: the log callback with --quiet.
void print_warnings_alone(base::LogLevel level, std::string_view message);

/// Bytes of one MiB, in which the commands print memory.
inline constexpr double kMiB = 1024.0 * 1024.0;

class StopSignals;

/// The options with a model: without --model and --random-weights, the one that is included. Names
/// of models become paths, see with_files().
EngineOptions with_model(EngineOptions options, const StopSignals* signals = nullptr);
/// Opens the engine of the settings, with_model(). Their `steps` and `strength` become
/// `t_index_list`.
Engine open_engine(params::Settings& settings, const StopSignals* signals = nullptr);

struct OpenedSession {
  Engine engine;
  Session session;
};
/// open_engine(), and a session with its prompts set. Warns as warn_of_settings() does. Unless
/// quiet, print_ready(). Throws Stopped once a signal has come meanwhile.
OpenedSession open_session(params::Settings& settings, bool quiet, StopSignals* signals = nullptr,
                           const params::ImageTraits& images = {});

/// "256x256  t 31  full 1.6", of options that have every default filled in.
std::string stream_text(const SessionOptions& options);

/// Prints one line to stderr. `session` describes the stream, or is empty:
/// "pictogram  256x256  t 18,32  self 1.2  bf16 on 2 threads, AVX512-BF16  ready in 0.31 s".
void print_ready(const Engine& engine, const std::string& session, double seconds);

/// Warns of words in the prompts that the model does not know, and of flags and keys that do
/// nothing on such images.
void warn_of_settings(const Engine& engine, const params::Settings& settings,
                      const params::ImageTraits& images = {});
/// Warns of IP-Adapters where no image is named, nor the input, that they could follow.
void warn_without_style(const params::Settings& settings);
/// Warns that a flag does nothing, if it was given: "--count has no effect with --input".
void warn_without_effect(bool given, const char* flag, const char* why);

/// "encode 1.9 ms, unet 2.6 ms, decode 2.5 ms, other 0.1 ms a frame"
std::string stage_times(const SessionTimes& times);

}  // namespace streamdiffusion::app
