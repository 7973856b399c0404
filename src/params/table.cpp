#include "params/table.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "params/rows.h"

namespace streamdiffusion::params {
namespace {

using Change::live;
using Change::session;

constexpr double kMaxGuidance = 100;
constexpr std::size_t kMaxPrompts = 64;

/// The first prompt alone.
Member<std::string> first_prompt() {
  return {[](const Settings& settings) -> std::optional<std::string> {
            const auto& prompts = settings.live.prompts;
            return prompts.empty() ? std::nullopt : std::optional(prompts.front().text);
          },
          [](Settings& settings, const std::string& text) {
            settings.live.prompts = {{text, 1.0F}};
          }};
}

Member<double> transition() {
  return {[](const Settings& settings) -> std::optional<double> {
            return settings.live.transition_seconds * 1e3;
          },
          [](Settings& settings, const double& value) {
            settings.live.transition_seconds = value * 1e-3;
          }};
}

/// Rows of the engine are keys of --config as well.
Parameter engine(const char* name, const char* title, const char* help, Type type, const char* flag,
                 const char* value = "", const char* flag_help = "") {
  return {name,
          title,
          help,
          Group::engine,
          Change::engine,
          std::move(type),
          {.flag = flag, .flag_help = flag_help, .flag_value = value, .yaml = true}};
}

Rows engine_rows() {
  return {
      engine("model", "Model",
             "Folder of a model in diffusers' layout, a .safetensors file, or its name on the "
             "Hugging Face hub, as stabilityai/sd-turbo[@REVISION]; default: the one included",
             text(SD_REACH(engine.model)), "--model", "PATH|NAME"),
      engine("vae", "Autoencoder",
             "Another autoencoder: a folder, a file, a name, tiny (the small one that fits, which "
             "a model given by its name has by default) or own (the model's own)",
             text(SD_REACH(engine.vae)), "--vae", "PATH|NAME"),
      engine("recipe", "Recipe",
             "A published checkpoint whose settings are taken, such as ByteDance/SDXL-Lightning, "
             "or none; default: that of the model's name",
             text(SD_REACH(engine.recipe)), "--recipe", "NAME"),
      engine("random_weights", "Random weights",
             "An architecture with random weights instead of a model: sd15, sd-turbo, sdxl-turbo, "
             "lcm-sdxl, ssd-1b, segmind-vega, koala-1b or koala-700m",
             text(SD_REACH(engine.random_weights)), "--random-weights", "NAME"),
      engine("device", "Device",
             "What to run on: auto (an NVIDIA card if one can be used, else the CPU), cuda, cpu, "
             "or ref (slow, exact)",
             text(SD_REACH(engine.device)), "--device", "NAME"),
      engine("dtype", "Type",
             "Type of the arithmetic: auto (the best one of the device), f32, bf16, f16 (NVIDIA "
             "cards only), or int8 (processors only), calibrated on first use",
             choice<kDataTypes>(SD_REACH(engine.dtype)), "--dtype"),
      engine("calibration", "Calibration",
             "File of `quantize` for int8, instead of the model's or the cache's",
             text(SD_REACH(engine.calibration)), "--calibration", "FILE"),
      engine("cache", "Cache",
             "Read and keep int8 calibrations and compiled plans in the user's cache",
             boolean(SD_REACH(engine.cache)), "!--no-cache", "",
             "Neither read nor keep int8 calibrations and compiled plans in the user's cache"),
      engine("tune", "Tune",
             "On an NVIDIA card, time several kernels for each layer once, and keep the fastest in "
             "the user's cache",
             boolean(SD_REACH(engine.tune)), "--tune"),
      engine("threads", "Threads", "Threads, at most one for each usable core; 0 for all",
             integer(SD_REACH(engine.threads), 0, 1024), "--threads"),
      engine("max_isa", "Instruction set",
             "Cap on the instruction set: amx, avx512_bf16, avx512_vnni, avx512, avx2_vnni, avx2",
             text(SD_REACH(engine.max_isa)), "--max-isa", "NAME"),
      engine(
          "prompt_syntax", "Prompt syntax",
          "Brackets in prompts: emphasis, with (more), (much more:1.4) and [less], or plain text",
          choice<kPromptSyntaxes>(SD_REACH(engine.prompt_syntax)), "--prompt-syntax"),
      engine("text_encoders", "Text encoders",
             "After a prompt: keep them in memory, release them and read them again for the next "
             "prompt, or auto (release where memory is short)",
             choice<kTextEncoders>(SD_REACH(engine.text_encoders)), "--text-encoders"),
      engine("batching", "Batching",
             "Rows of several sessions in one UNet call: off, auto (where it is measured to pay), "
             "or the most rows of a call, 2 to 64",
             text(SD_REACH(engine.batching)), "--batching", "auto|off|N"),
  };
}

Rows batch_rows() {
  return {
      {"use_denoising_batch",
       "Stream batch",
       "One UNet call takes every frame in flight one step further",
       Group::steps,
       session,
       boolean(SD_REACH(live.options.use_denoising_batch)),
       {.flag = "!--sequential",
        .flag_help = "Run the steps of a frame one after another, not as a stream batch",
        .yaml = true}},
      {"frame_buffer_size",
       "Frames together",
       "Frames that enter the stream batch together",
       Group::steps,
       session,
       integer(SD_REACH(live.options.frame_buffer_size), 1, 64),
       {.flag = "--frame-buffer-size", .yaml = true}},
      {"parallel",
       "Parallel",
       "Cores work on the same op (ops), or each on its rows (rows); auto measures",
       Group::steps,
       session,
       choice<kParallels>(SD_REACH(live.options.parallel)),
       {.flag = "--parallel", .yaml = true}},
      {"keep_tensors", "Keep tensors", "Outputs carry their latents and unrounded pixels",
       Group::steps, session, boolean(SD_REACH(live.options.keep_tensors))},
  };
}

Rows prompt_rows() {
  return {
      {"prompt",
       "Prompt",
       "What the images should show",
       Group::prompt,
       live,
       Text{first_prompt(), kMaxBytes, true},
       {.yaml = true, .model_file = true, .server = true}},
      {"prompt_list",
       "Blend of prompts",
       "Several prompts and the weight of each",
       Group::prompt,
       live,
       PromptList{member<std::vector<WeightedPrompt>>(SD_REACH(live.prompts)), kMaxPrompts,
                  kMaxBytes, kMaxWeight},
       {.yaml = true, .server = true}},
      {"negative_prompt",
       "Negative prompt",
       "What they should not show (guidance full and initialize)",
       Group::prompt,
       live,
       Text{member<std::string>(SD_REACH(live.negative_prompt)), kMaxBytes, true},
       {.flag = "--negative-prompt",
        .flag_value = "TEXT",
        .yaml = true,
        .model_file = true,
        .server = true}},
      {"prompt_interpolation_method",
       "Blending",
       "Along a great circle, or a straight line",
       Group::prompt,
       live,
       choice<kInterpolations>(SD_REACH(live.interpolation)),
       {.yaml = true, .server = true}},
      {"transition_ms",
       "Transition",
       "Milliseconds over which a change of prompts or seeds is blended in",
       Group::prompt,
       live,
       Number{transition(), 0, 60000, 100},
       {.server = true, .slider_maximum = 3000}},
  };
}

Rows guidance_rows() {
  return {
      {"cfg_type",
       "Guidance",
       "none; full: a second row with the negative prompt in each step; self and initialize: "
       "residual guidance, which costs no row, or one in the first step",
       Group::guidance,
       session,
       choice<kCfgTypes>(SD_REACH(live.options.cfg_type), "self"),
       {.flag = "--cfg-type", .yaml = true, .model_file = true, .server = true}},
      {"guidance_scale",
       "Guidance scale",
       "Strength of the guidance; 1 or less for none",
       Group::guidance,
       live,
       number(SD_REACH(live.options.guidance_scale), 0, kMaxGuidance, 0.05, 1.2),
       {.flag = "--guidance-scale",
        .yaml = true,
        .model_file = true,
        .server = true,
        .slider_maximum = 4}},
      {"delta",
       "Delta",
       "Strength of the virtual negative noise (self, initialize)",
       Group::guidance,
       live,
       number(SD_REACH(live.options.delta), 0, kMaxGuidance, 0.05, 1),
       {.flag = "--delta", .yaml = true, .model_file = true, .server = true, .slider_maximum = 3}},
  };
}

Rows image_rows() {
  return {
      {"width",
       "Width",
       "Of the images, in pixels",
       Group::image,
       session,
       integer(SD_REACH(live.options.width), kMinSide, kMaxSide, 512),
       {.flag = "--width", .yaml = true, .model_file = true, .server = true}},
      {"height",
       "Height",
       "Of the images, in pixels",
       Group::image,
       session,
       integer(SD_REACH(live.options.height), kMinSide, kMaxSide, 512),
       {.flag = "--height", .yaml = true, .model_file = true, .server = true}},
      {"fit",
       "Fit",
       "Input images of another size: fill it, show everything, or stretch",
       Group::image,
       live,
       choice<kFits>(SD_REACH(live.fit)),
       {.flag = "--fit",
        .flag_help = "How inputs of another size are fitted: cover, contain or stretch",
        .yaml = true,
        .server = true}},
      {"jpeg_quality",
       "JPEG quality",
       "Of the images sent back",
       Group::image,
       live,
       integer(SD_REACH(jpeg_quality), 1, 100),
       {.server = true}},
  };
}

Rows filter_rows() {
  return {
      {"enable_similar_image_filter",
       "Skip similar frames",
       "A frame that resembles the last one gives its image again",
       Group::filter,
       live,
       boolean(SD_REACH(live.options.enable_similar_image_filter)),
       {.flag = "--similar-image-filter",
        .flag_help = "Skip frames that resemble the last one",
        .yaml = true,
        .server = true}},
      {"similar_image_filter_threshold",
       "Similarity",
       "Similarity from which frames may be skipped",
       Group::filter,
       live,
       number(SD_REACH(live.options.similar_image_filter_threshold), 0, 1, 0.005),
       {.flag = "--similar-image-filter-threshold", .yaml = true, .server = true}},
      {"similar_image_filter_max_skip_frame",
       "Most skipped",
       "So many frames, and one more, may be skipped in a row",
       Group::filter,
       live,
       integer(SD_REACH(live.options.similar_image_filter_max_skip_frame), 0, 1000000),
       {.flag = "--similar-image-filter-max-skip-frame",
        .yaml = true,
        .server = true,
        .slider_maximum = 60}},
  };
}

}  // namespace

const std::vector<Parameter>& parameters() {
  static const Rows all = [] {
    Rows rows;
    for (auto* group :
         {&engine_rows, &component_rows, &lora_rows, &steps_rows, &schedule_rows, &noise_rows,
          &cached_frames_rows, &batch_rows, &prompt_rows, &guidance_rows, &control_rows,
          &image_prompt_rows, &image_rows, &size_rows, &filter_rows, &run_rows}) {
      std::ranges::move(group(), std::back_inserter(rows));
    }
    return rows;
  }();
  return all;
}

const Parameter& parameter(std::string_view name) {
  const auto row =
      std::ranges::find_if(parameters(), [&](const Parameter& p) { return p.name == name; });
  base::require(row != parameters().end(), base::ErrorCode::internal, "there is no parameter ",
                name);
  return *row;
}

const PromptList& prompt_list() {
  return std::get<PromptList>(parameter("prompt_list").type);
}

const Text& prompt_text() {
  return std::get<Text>(parameter("prompt").type);
}

const LoraList& lora_list() {
  return std::get<LoraList>(parameter("lora_dict").type);
}

}  // namespace streamdiffusion::params
