// `streamdiffusion image`: image files in, image files out, or images from a prompt alone.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "base/clock.h"
#include "base/error.h"
#include "base/file_writer.h"
#include "base/log.h"
#include "base/same_file.h"
#include "base/written_files.h"
#include "commands.h"
#include "image/contact_sheet.h"
#include "image/image_file.h"
#include "image/image_sequence.h"
#include "image/npy.h"
#include "image/resize.h"
#include "input_images.h"
#include "parameter_flags.h"
#include "progress.h"
#include "setup.h"
#include "stop_signals.h"

namespace streamdiffusion::app {
namespace {

constexpr const char* kImageExamples = R"(Examples:
  A drawing follows a prompt:
    streamdiffusion image --prompt "red apple, 3d render" --input doodle.png --output apple.png
  Every image of a folder, with a contact sheet of what went in and came out:
    streamdiffusion image --prompt "blue fish" --input frames --output out --sheet out/sheet.png
  Four images from text alone:
    streamdiffusion image --prompt "yellow star" --count 4 --output out
  In the style of another image:
    streamdiffusion image --model sd15 --ip-adapter h94/IP-Adapter/models/ip-adapter_sd15.safetensors:0.6
      --style-image painting.jpg --prompt "a harbor" --output harbor.png)";

constexpr const char *kLatents = "latents.npy", *kImages = "images.npy";
constexpr int kSheetColumns = 8, kSheetCell = 192;

struct ImageFlags {
  ParameterFlags parameters;
  std::vector<std::string> inputs;
  /// Empty: a new folder.
  std::string output, sheet, dump;
  int count = 1;
  bool quiet = false;
};

/// One run of the command: writes each output beside the number of its input, in whatever order
/// they come. An image that cannot be read is named, and the others are drawn.
class ImageJob {
 public:
  explicit ImageJob(ImageFlags flags) : flags_(std::move(flags)) {}

  void run() {
    const bool from_text = flags_.inputs.empty();
    find_paths(from_text);
    images_.find_first([this] { return stop_->load(); });
    params::Settings settings = flags_.parameters.parsed();
    settings.live.options.text_to_image = from_text;
    settings.live.options.keep_tensors = !flags_.dump.empty();
    fit_ = settings.live.fit;
    opened_.emplace(
        open_session(settings, flags_.quiet, &signals_, {.single = outputs_.size() == 1}));
    Progress progress(outputs_.size(), flags_.quiet, "each call ");
    for (std::size_t i = 0; i < outputs_.size() && !*stop_ && !write_error_; ++i) {
      const auto start = base::Clock::now();
      if (from_text) {
        take_all(opened_->session.generate(i));
      } else if (const std::optional<Image> frame = read(i)) {
        take_all(opened_->session.process(*frame, i));
      }
      progress.step(base::seconds_since(start));
    }
    take_all(opened_->session.flush());
    finish(progress);
  }

 private:
  /// Finds the inputs and the paths of the outputs; refuses what cannot be written before a model
  /// is loaded.
  void find_paths(bool from_text) {
    if (!from_text) images_ = InputImages(image::expand_inputs(flags_.inputs));
    const std::vector<std::filesystem::path>& paths = images_.paths();
    std::filesystem::path output = flags_.output;
    if (output.empty()) output = image::unused_folder("out");
    const auto count = from_text ? static_cast<std::size_t>(flags_.count) : paths.size();
    outputs_ = image::output_paths(output, paths, count);
    std::vector<std::filesystem::path> others;
    if (!flags_.sheet.empty()) {
      image::check_image_name(flags_.sheet);
      others.emplace_back(flags_.sheet);
    }
    if (!flags_.dump.empty()) {
      dumped_.emplace(flags_.dump);
      for (const char* name : {kLatents, kImages})
        others.push_back(std::filesystem::path(flags_.dump) / name);
    }
    std::vector<std::filesystem::path> inputs = paths, written = outputs_;
    std::ranges::copy(flags_.parameters.inputs(), std::back_inserter(inputs));
    written.insert(written.end(), others.begin(), others.end());
    base::refuse_overwriting(inputs, written);
    base::refuse_writing_twice(written);
    others.push_back(outputs_.front());
    for (const std::filesystem::path& file : others) base::check_creatable(file);
    if (image::is_folder_name(output)) check_folder(output, from_text);
    if (dumped_) dumped_->refuse_others({kLatents, kImages});
  }

  /// What others keep in the folder is not replaced.
  void check_folder(const std::filesystem::path& folder, bool numbered) {
    folder_.emplace(folder);
    folder_->refuse_others(outputs_);
    const std::size_t more = numbered ? image::numbered_leftovers(folder, outputs_.size()) : 0;
    if (more > 0) base::warn(folder.string(), ": further numbered images stay there: ", more);
  }

  /// Of a name that the user gave: a link of that name is followed.
  static void write_named(const std::filesystem::path& path, ImageView image) {
    const std::filesystem::path target = base::output_target(path);
    base::create_folders(target.parent_path());
    image::write_image(path, image, target);
  }

  void write(const std::filesystem::path& path, ImageView image) {
    if (!folder_) return write_named(path, image);
    if (written_.empty()) base::create_folders(path.parent_path());
    image::write_image(path, image);
    folder_->add(path);
  }

  std::optional<Image> read(std::size_t i) {
    const std::optional<Image> image = images_.take(i);
    if (!image) return std::nullopt;
    Image frame = image::fit(*image, opened_->session.width(), opened_->session.height(), fit_);
    if (!flags_.sheet.empty()) inputs_.emplace(i, frame);
    return frame;
  }

  void take_all(const std::vector<Output>& outputs) {
    for (const Output& output : outputs) output.error ? note_failure(output) : take(output);
  }

  /// The other images are drawn all the same.
  void note_failure(const Output& output) {
    if (outputs_.size() == 1) throw *output.error;
    const auto& paths = images_.paths();
    const auto& name = paths.empty() ? outputs_[output.frame_id] : paths[output.frame_id];
    print_error(base::concat(name.string(), ": ", output.error->what()));
    ++failed_;
  }

  /// Keeps the first error: what is still in flight is written, if it can be.
  void take(const Output& output) {
    const std::size_t index = output.frame_id;
    try {
      write(outputs_[index], output.image);
      written_.insert(index);
    } catch (const Error& error) {
      if (!write_error_) write_error_ = error;
      return;
    }
    if (!flags_.sheet.empty()) outputs_drawn_.emplace(output.frame_id, output.image);
    if (!flags_.dump.empty())
      tensors_.emplace(output.frame_id, std::pair(output.latents, output.pixels));
  }

  void finish(const Progress& progress) {
    if (!flags_.sheet.empty() && !outputs_drawn_.empty()) write_sheet();
    if (!flags_.dump.empty() && !tensors_.empty()) dump_tensors();
    if (!flags_.quiet && !written_.empty()) report(progress);
    if (write_error_) throw *write_error_;
    images_.require_all_readable();
    base::require(failed_ == 0, ErrorCode::numeric, failed_, " of ", outputs_.size(),
                  " images could not be drawn");
    if (signals_.received() != 0) throw Stopped{signals_.received()};
  }

  void report(const Progress& progress) const {
    const SessionTimes times = opened_->session.times();
    std::fprintf(stderr, "\n%zu frame%s  %s\n%s\n", written_.size(),
                 written_.size() == 1 ? "" : "s", progress.summary().c_str(),
                 stage_times(times).c_str());
    if (times.skipped > 0)
      std::fprintf(stderr, "%llu frames reused\n", static_cast<unsigned long long>(times.skipped));
    const std::filesystem::path& first = outputs_[*written_.begin()];
    const std::filesystem::path& last = outputs_[*written_.rbegin()];
    // Behind an image, a stream takes no text.
    if (base::is_stream(first) || base::is_stream(flags_.sheet)) return;
    const bool several = written_.size() > 1;
    print_line(several ? first.string() + " … " + last.string() : first.string());
    if (!flags_.sheet.empty()) print_line(flags_.sheet);
  }

  void write_sheet() const {
    std::vector<Image> inputs, outputs;
    for (const auto& [id, image] : outputs_drawn_) {
      outputs.push_back(image);
      if (inputs_.contains(id)) inputs.push_back(inputs_.at(id));
    }
    write_named(flags_.sheet, image::contact_sheet(inputs, outputs, kSheetColumns, kSheetCell));
  }

  void dump_tensors() {
    base::create_folders(flags_.dump);
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
    const std::filesystem::path folder = flags_.dump;
    image::write_npy(folder / kLatents, latent_shape, latents);
    image::write_npy(folder / kImages, pixel_shape, pixels);
    for (const char* name : {kLatents, kImages}) dumped_->add(folder / name);
  }

  ImageFlags flags_;
  media::StopFlag stop_ = media::make_stop_flag();
  StopSignals signals_{stop_};
  Fit fit_ = Fit::cover;
  /// By index; without inputs there are none.
  InputImages images_{{}};
  std::vector<std::filesystem::path> outputs_;
  /// Folders that take files of names which the user did not write.
  std::optional<base::WrittenFiles> folder_, dumped_;
  /// The indices that are written.
  std::set<std::size_t> written_;
  std::size_t failed_ = 0;
  std::optional<Error> write_error_;
  std::optional<OpenedSession> opened_;
  /// By frame, kept for the sheet only.
  std::map<std::uint64_t, Image> inputs_, outputs_drawn_;
  std::map<std::uint64_t, std::pair<std::vector<float>, std::vector<float>>> tensors_;
};

}  // namespace

void add_image_command(CommandLine& program) {
  auto image = std::make_shared<ImageFlags>();
  Flags flags = program.command("image", "Images from image files, or from a prompt alone");
  flags.texts("--input", image->inputs,
              "Images (PNG, JPEG, WebP, TIFF, BMP, …), folders or patterns of them, - for standard "
              "input; "
              "without: from the prompt alone",
              {.value = "PATH"});
  flags.text("--output", image->output,
             "A folder, or a file for one image: .png, .jpg, .webp; - for standard output. If "
             "not given: out, or out-2 where that is taken, and so on",
             {.value = "PATH"});
  flags.integer("--count", image->count, 1, 1000000, "Images to generate without an input");
  flags.text("--sheet", image->sheet, "Also write one image with all inputs above their outputs",
             {.value = "FILE"});
  flags.text("--dump-tensors", image->dump, "Also write latents.npy and images.npy",
             {.value = "DIR"});
  flags.flag("--quiet", image->quiet,
             "Print nothing but warnings, errors and a seed that was drawn");
  image->parameters.add_engine(flags);
  image->parameters.add_stream(flags, true);
  flags.examples(kImageExamples);
  flags.run([image, flags] {
    warn_without_effect(flags.given().contains("--count") && !image->inputs.empty(), "--count",
                        "with --input: every image of the input becomes one");
    ImageJob(*image).run();
  });
}

}  // namespace streamdiffusion::app
