// `streamdiffusion run`: a live stream from standard input to standard output.
#include <cstdio>
#include <functional>

#include "base/clock.h"
#include "base/error.h"
#include "commands.h"
#include "media/resize.h"
#include "media/y4m.h"
#include "progress.h"
#include "setup.h"

namespace streamdiffusion::app {
namespace {

constexpr const char* kExamples = R"(Examples:
  A camera through a model onto the screen:
    ffmpeg -i /dev/video0 -f yuv4mpegpipe - | streamdiffusion run --prompt "cat" | ffplay -
  Raw RGB of a known size:
    ... | streamdiffusion run --input-format rgb24 --input-size 640x480 --output-format rgb24 | ...)";

struct RunFlags {
  EngineFlags engine;
  SessionFlags session;
  std::string input_format = "y4m", output_format = "y4m", input_size;
  bool quiet = false;
};

/// "640x480"
std::pair<int, int> parse_size(const std::string& text) {
  int width = 0, height = 0, end = 0;
  const bool whole = std::sscanf(text.c_str(), "%dx%d%n", &width, &height, &end) == 2 &&
                     end == static_cast<int>(text.size());
  base::require(whole && width > 0 && height > 0, ErrorCode::invalid_argument, "--input-size ",
                text, ": expected a size such as 640x480");
  return {width, height};
}

class RunJob {
 public:
  explicit RunJob(RunFlags flags) : flags_(std::move(flags)) {}

  void run() {
    open_input();
    drawing_.emplace(open_drawing(flags_.engine, flags_.session, flags_.quiet));
    Session& session = drawing_->session;
    Progress progress(0, flags_.quiet);
    while (auto frame = next_()) {
      const auto start = base::Clock::now();
      if (auto output = session.process(
              media::fit(*frame, session.width(), session.height(), media::Fit::cover)))
        write(*output);
      progress.step(base::seconds_since(start));
    }
    for (const Output& output : session.flush()) write(output);
    if (flags_.quiet) return;
    std::fprintf(stderr, "\n%zu frames  %s\n%s\n", progress.done(), progress.summary().c_str(),
                 stage_times(session.times()).c_str());
  }

 private:
  void open_input() {
    if (flags_.input_format == "y4m") {
      auto reader = std::make_shared<media::Y4mReader>(stdin, "standard input");
      header_ = reader->header();
      next_ = [reader] { return reader->read(); };
      return;
    }
    base::require(!flags_.input_size.empty(), ErrorCode::invalid_argument,
                  "--input-format rgb24 has no header: give its size with --input-size WxH");
    const auto [width, height] = parse_size(flags_.input_size);
    next_ = [w = width, h = height, frame = std::size_t{0}]() mutable {
      return media::read_raw_rgb(stdin, w, h, frame++);
    };
  }

  void write(const Output& output) {
    if (flags_.output_format == "rgb24") return media::write_raw_rgb(stdout, output.image);
    if (!writer_) {
      writer_.emplace(stdout, output.image.width, output.image.height, header_.rate_numerator,
                      header_.rate_denominator);
    }
    writer_->write(output.image);
  }

  RunFlags flags_;
  media::Y4mHeader header_;
  std::function<std::optional<Image>()> next_;
  std::optional<media::Y4mWriter> writer_;
  std::optional<Drawing> drawing_;
};

}  // namespace

void add_run_command(CLI::App& program) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App& command =
      *program.add_subcommand("run", "A live stream from standard input to standard output");
  flags->engine.add_to(command);
  flags->session.add_to(command);
  command.add_option("--input-format", flags->input_format, "y4m or rgb24")
      ->capture_default_str()
      ->check(CLI::IsMember({"y4m", "rgb24"}));
  command.add_option("--input-size", flags->input_size, "Size of rgb24 frames")->type_name("WxH");
  command.add_option("--output-format", flags->output_format, "y4m or rgb24")
      ->capture_default_str()
      ->check(CLI::IsMember({"y4m", "rgb24"}));
  command.add_flag("--quiet", flags->quiet, "Print nothing but warnings and errors");
  command.footer(kExamples);
  command.callback([flags] { RunJob(*flags).run(); });
}

}  // namespace streamdiffusion::app
