// `streamdiffusion image`: image files in, image files out, or images from a prompt alone.
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "commands.h"
#include "image/contact_sheet.h"
#include "image/image_file.h"
#include "image/image_sequence.h"
#include "image/npy.h"
#include "image/resize.h"
#include "parameter_flags.h"
#include "progress.h"
#include "setup.h"

namespace streamdiffusion::app {
namespace {

constexpr const char* kExamples = R"(Examples:
  A drawing follows a prompt:
    streamdiffusion image --prompt "red apple, 3d render" --input doodle.png --output apple.png
  Every image of a folder, with a contact sheet of what went in and came out:
    streamdiffusion image --prompt "blue fish" --input frames --output out --sheet out/sheet.png
  Four images from text alone:
    streamdiffusion image --prompt "yellow star" --count 4 --output out)";

constexpr int kSheetColumns = 8, kSheetCell = 192;

struct ImageFlags {
  ParameterFlags parameters;
  std::vector<std::string> inputs;
  std::string output = "out", sheet, dump;
  int count = 1;
  bool quiet = false;
};

/// One run of the command: writes each output to the place of its input, in whatever order they
/// come.
class ImageJob {
 public:
  explicit ImageJob(ImageFlags flags) : flags_(std::move(flags)) {}

  void run() {
    const bool from_text = flags_.inputs.empty();
    if (!from_text) paths_ = image::expand_inputs(flags_.inputs);
    count_ = from_text ? static_cast<std::size_t>(flags_.count) : paths_.size();
    params::Settings settings = flags_.parameters.parsed();
    settings.live.options.text_to_image = from_text;
    settings.live.options.keep_tensors = !flags_.dump.empty();
    fit_ = settings.live.fit;
    opened_.emplace(open_session(settings, flags_.quiet));
    prepare_folders();
    Progress progress(count_, flags_.quiet);
    for (std::size_t i = 0; i < count_; ++i) {
      const auto start = base::Clock::now();
      if (auto output = from_text ? opened_->session.generate() : opened_->session.process(read(i)))
        take(*output);
      progress.step(base::seconds_since(start));
    }
    for (const Output& output : opened_->session.flush()) take(output);
    finish(progress);
  }

 private:
  void prepare_folders() const {
    const std::filesystem::path first = image::output_path(flags_.output, 0, count_);
    for (const std::filesystem::path& path : {first, std::filesystem::path(flags_.sheet)}) {
      if (!path.parent_path().empty()) std::filesystem::create_directories(path.parent_path());
    }
    if (!flags_.dump.empty()) std::filesystem::create_directories(flags_.dump);
  }

  Image read(std::size_t i) {
    const Session& session = opened_->session;
    Image frame = image::fit(image::read_image(paths_[i]), session.width(), session.height(), fit_);
    if (!flags_.sheet.empty()) inputs_.emplace(i, frame);
    return frame;
  }

  void take(const Output& output) {
    image::write_image(image::output_path(flags_.output, output.frame_id, count_), output.image);
    if (!flags_.sheet.empty()) outputs_.emplace(output.frame_id, output.image);
    if (!flags_.dump.empty())
      tensors_.emplace(output.frame_id, std::pair(output.latents, output.pixels));
  }

  void finish(const Progress& progress) {
    if (!flags_.sheet.empty()) write_sheet();
    if (!flags_.dump.empty()) dump_tensors();
    if (flags_.quiet) return;
    const SessionTimes times = opened_->session.times();
    std::fprintf(stderr, "\n%zu frames  %s\n%s\n", count_, progress.summary().c_str(),
                 stage_times(times).c_str());
    if (times.skipped > 0)
      std::fprintf(stderr, "%llu frames reused\n", static_cast<unsigned long long>(times.skipped));
    const std::string first = image::output_path(flags_.output, 0, count_).string();
    const std::string last = image::output_path(flags_.output, count_ - 1, count_).string();
    std::printf("%s%s%s\n", first.c_str(), count_ > 1 ? " … " : "", count_ > 1 ? last.c_str() : "");
    if (!flags_.sheet.empty()) std::printf("%s\n", flags_.sheet.c_str());
  }

  void write_sheet() const {
    std::vector<Image> inputs, outputs;
    for (const auto& [id, image] : outputs_) {
      outputs.push_back(image);
      if (inputs_.contains(id)) inputs.push_back(inputs_.at(id));
    }
    image::write_image(flags_.sheet,
                       image::contact_sheet(inputs, outputs, kSheetColumns, kSheetCell));
  }

  void dump_tensors() const {
    std::vector<float> latents, pixels;
    for (const auto& [id, both] : tensors_) {
      latents.insert(latents.end(), both.first.begin(), both.first.end());
      pixels.insert(pixels.end(), both.second.begin(), both.second.end());
    }
    const EngineInfo info = opened_->engine.info();
    const auto frames = static_cast<std::int64_t>(tensors_.size());
    const std::int64_t height = opened_->session.height(), width = opened_->session.width();
    const std::int64_t latent_shape[]{frames, info.latent_channels, height / info.latent_factor,
                                      width / info.latent_factor};
    const std::int64_t pixel_shape[]{frames, 3, height, width};
    image::write_npy(std::filesystem::path(flags_.dump) / "latents.npy", latent_shape, latents);
    image::write_npy(std::filesystem::path(flags_.dump) / "images.npy", pixel_shape, pixels);
  }

  ImageFlags flags_;
  Fit fit_ = Fit::cover;
  std::vector<std::filesystem::path> paths_;
  std::size_t count_ = 0;
  std::optional<OpenedSession> opened_;
  /// By frame, kept for the sheet only.
  std::map<std::uint64_t, Image> inputs_, outputs_;
  std::map<std::uint64_t, std::pair<std::vector<float>, std::vector<float>>> tensors_;
};

}  // namespace

void add_image_command(CommandLine& program) {
  auto image = std::make_shared<ImageFlags>();
  Flags flags = program.command("image", "Images from image files, or from a prompt alone");
  flags.texts("--input", image->inputs,
              "Image files, folders or patterns; without: from the prompt alone",
              {.value = "PATH"});
  flags.text("--output", image->output, "A folder, or a file for one image", {.value = "PATH"});
  flags.integer("--count", image->count, 1, 1000000, "Images to generate without an input");
  flags.text("--sheet", image->sheet, "Also write one image with all inputs above their outputs",
             {.value = "FILE"});
  flags.text("--dump-tensors", image->dump, "Also write latents.npy and images.npy",
             {.value = "DIR"});
  flags.flag("--quiet", image->quiet, "Print nothing but warnings and errors");
  image->parameters.add_engine(flags);
  image->parameters.add_stream(flags, true);
  flags.examples(kExamples);
  flags.run([image, flags] {
    warn_without_effect(flags.given().contains("--count") && !image->inputs.empty(), "--count",
                        "with --input: every image of the input becomes one");
    ImageJob(*image).run();
  });
}

}  // namespace streamdiffusion::app
