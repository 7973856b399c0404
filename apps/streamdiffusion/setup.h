// What every command that draws does first: open the model, make the session, say what runs.
#pragma once

#include <string>

#include "flags.h"
#include "streamdiffusion/streamdiffusion.h"

namespace streamdiffusion::app {

/// The options that the flags ask for; without --model and --random-weights, the model in the box.
EngineOptions with_model(const EngineFlags& flags);
/// The engine of those.
Engine open_engine(const EngineFlags& flags);

/// A session with its prompts set. Warns of words that the model does not know. Prints one line to
/// stderr unless quiet:
/// "pictogram  256x256  t 18,32  self 1.2  parallel rows  bf16 on 2 threads, AVX512-BF16  ready in
/// 0.31 s".
struct Drawing {
  Engine engine;
  Session session;
};
Drawing open_drawing(const EngineFlags& engine, const SessionFlags& session, bool quiet);

/// The same for a live session. Throws invalid_argument as open_drawing does.
LiveSettings live_settings(const Engine& engine, const SessionFlags& flags);

/// "encode 1.9 ms, unet 2.6 ms, decode 2.5 ms a frame"
std::string stage_times(const SessionTimes& times);

}  // namespace streamdiffusion::app
