// Options of an engine and of a session. Names and meanings are those of the original Python
// package. What is left unset takes the model's own default, and where the model has none, the one
// given here. All numbers must be finite.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "streamdiffusion/control.h"
#include "streamdiffusion/image.h"

namespace streamdiffusion {

/// How the negative prompt acts. UNet rows a frame with n steps: none n, self n, initialize n + 1,
/// full 2n.
enum class CfgType {
  /// No guidance.
  none,
  /// Classifier-free guidance: every row twice.
  full,
  /// Residual guidance, self-negative: the input latent stands for the negative (no negative
  /// prompt).
  self,
  /// Residual guidance, onetime-negative: the negative prompt is evaluated at the first step only.
  initialize,
};

/// Whether the guidance is residual: its negative starts from an input image.
constexpr bool is_residual(CfgType type) {
  return type == CfgType::self || type == CfgType::initialize;
}

enum class DataType {
  /// On a card f16 if it is a GeForce, else bf16. On a processor bf16 if it multiplies that faster
  /// than f32, else f32.
  automatic,
  f32,
  bf16,
  /// On a card only. An autoencoder with "force_upcast" runs in bf16.
  f16,
  /// Matmuls and convolutions in int8 where image quality allows it, the rest as automatic.
  /// Calibrated on first use.
  int8,
};

/// How a step's prediction becomes the input of the next step. docs/algorithm.md, section 3.
enum class Scheduler {
  /// Fresh noise before every step: latent consistency models.
  lcm,
  /// The predicted noise goes on: ddim with eta 0.
  euler,
  /// ddim with eta 1.
  euler_ancestral,
  /// A share `eta` of the noise is fresh.
  ddim,
  /// Trajectory consistency models; `eta` is their gamma.
  tcd,
};

/// How num_inference_steps timesteps are chosen from those of the training. lcm: from the 50 of
/// latent consistency models. trailing: from the last one on, evenly. leading: up to the first one,
/// evenly. linspace: both ends.
enum class TimestepSpacing { lcm, trailing, leading, linspace };

/// What the UNet predicts: the noise, the velocity v = a noise - b x0, or the clean latents x0.
enum class PredictionType { epsilon, v, sample };

/// How the rows of a batch use the cores.
enum class Parallel {
  /// Whichever is faster, measured at the first session.
  automatic,
  /// Every operation is spread over all threads.
  ops,
  /// Every thread runs its own rows.
  rows,
};

/// What brackets in a prompt are.
enum class PromptSyntax {
  /// (text) and (text:1.3) weigh more, [text] less, as in the well-known web interfaces; \( is the
  /// character.
  emphasis,
  /// Text.
  text,
};

/// Whether text encoders stay in memory after a prompt is encoded.
enum class TextEncoders {
  /// They are released where memory is short.
  automatic,
  /// A new prompt is encoded at once.
  keep,
  /// They are read again for each new prompt.
  release,
};

/// The seed that stands for a drawn one.
inline constexpr std::int64_t kDrawSeed = -1;

/// How a blend goes from one to another: along a straight line, or a great circle (Shoemake 1985).
enum class Interpolation { linear, slerp };

/// A seed and the share of its noise in a blend.
struct WeightedSeed {
  /// 0..2^53 - 1.
  std::int64_t seed = 2;
  /// 0..1000; what counts is the share of all.
  float weight = 1.0F;
  bool operator==(const WeightedSeed&) const = default;
};

/// A LoRA file and how strongly it acts (docs/lora.md).
struct Lora {
  /// A .safetensors file, or a folder with one under diffusers' or PEFT's name.
  std::string file = {};
  /// -10..10; 0 for none.
  float scale = 1.0F;
  bool operator==(const Lora&) const = default;
};

/// When and how strongly a ControlNet acts on a stream.
struct ControlSettings {
  /// Factor of what it adds to the UNet, 0..10.
  float scale = 1.0F;
  /// It acts in those steps that lie between these shares of a frame's steps, 0..1: in step i of n
  /// where start <= i / n and (i + 1) / n <= end.
  float start = 0.0F, end = 1.0F;
  /// Nothing is added to rows under the negative prompt, and to the others a tenth of the scale at
  /// the first of the UNet's levels, growing to all of it at the last.
  bool guess_mode = false;
  /// One that is off costs nothing. Switching it needs another program of the UNet.
  bool enabled = true;
  /// How the control image of a frame is made that brings none for this net.
  ControlImageOptions image = {};
  bool operator==(const ControlSettings&) const = default;
};

/// A ControlNet beside the model's UNet. It makes images follow a control image, such as the
/// edges or the depth of each frame (docs/controlnet.md).
struct ControlNet {
  /// Folder in diffusers' layout, with config.json and weights, or one .safetensors file. Beside
  /// random_weights also "random": a net of the UNet's shape with random weights.
  std::string model = {};
  ControlSettings settings = {};
  bool operator==(const ControlNet&) const = default;
};

/// Which of a UNet's cross-attentions an image prompt acts in.
enum class ImageLayers {
  whole,
  /// Those that make the style: colors, texture, manner (InstantStyle, arXiv 2404.02733).
  style,
  /// Those that make the composition.
  composition,
};

/// What a stream takes from an IP-Adapter.
struct ImagePrompt {
  /// Factor of what the images add to every cross-attention, 0..10.
  float scale = 1.0F;
  ImageLayers layers = ImageLayers::whole;
  /// One that is off costs nothing. Switching it needs another program of the UNet.
  bool enabled = true;
  /// In a LiveSession the newest input frame is the image, in place of `images`. The encoder runs
  /// beside the stream, over and over, and stays in memory.
  bool follow_input = false;
  /// That images follow, at most 16, of any size with sides at most 16 to 1. They must not change.
  /// None: the adapter costs nothing.
  std::vector<std::shared_ptr<const Image>> images = {};
  /// PNG, JPEG and WebP files of more images. Engine::open() and read_image_files() read them.
  std::vector<std::string> files = {};
  bool operator==(const ImagePrompt&) const = default;
};

/// Reads the prompt's files, which become the last of its images. Throws not_found, io,
/// corrupt_file or unsupported naming the file, with nothing changed.
void read_image_files(ImagePrompt& prompt);

/// An IP-Adapter beside the model's UNet: it makes images follow others as if these were prompts
/// (docs/ip_adapter.md).
struct IpAdapter {
  /// A .safetensors file, or a folder that holds one adapter. Beside random_weights also "random"
  /// and "random-plus": an adapter of 4 or 16 tokens an image, with an encoder of the usual size
  /// (ViT-H), all of random weights.
  std::string file = {};
  /// Folder of the image encoder that it was made for, with config.json and weights. Empty: the
  /// first that fits of "image_encoder" beside the file, "models/image_encoder" and
  /// "sdxl_models/image_encoder" beside the file's folder, and "image_encoder" of the model.
  std::string image_encoder = {};
  ImagePrompt prompt = {};
  bool operator==(const IpAdapter&) const = default;
};

struct EngineOptions {
  /// Folder in diffusers' layout, or a whole model in one .safetensors file.
  std::string model = {};
  /// Folder or file of another autoencoder, or empty for the model's own.
  std::string vae = {};
  /// The same for the UNet, the text encoder, and the second text encoder of SDXL.
  std::string unet = {}, text_encoder = {}, text_encoder_2 = {};
  /// The recipe whose defaults the model takes: the name of a published checkpoint, as
  /// "ByteDance/SDXL-Lightning". Empty: that of a LoRA's name, else of the UNet's, else of the
  /// model's own name if its folder has no streamdiffusion.json. "none": no recipe.
  std::string recipe = {};
  /// LoRAs that are added to the model, at most 16.
  std::vector<Lora> lora_dict = {};
  /// ControlNets that images may follow, at most 8.
  std::vector<ControlNet> controlnets = {};
  /// IP-Adapters, at most 4.
  std::vector<IpAdapter> ip_adapters = {};
  /// "sd15", "sd-turbo", "sdxl-turbo", "lcm-sdxl", "ssd-1b", "segmind-vega", "koala-1b" or
  /// "koala-700m": that architecture with random weights, instead of a model.
  std::string random_weights = {};
  /// "auto": an NVIDIA card if one can be used, else the CPU. "cuda", "cpu", "ref": that one.
  std::string device = "auto";
  DataType dtype = DataType::automatic;
  /// 0..1024; 0 for every core that the process may use, by its affinity and its control group's
  /// quota. More than those are cut to as many, with a warning.
  int threads = 0;
  /// Cap on the instruction set: amx, avx512_bf16, avx512_vnni, avx512, avx2_vnni, avx2. It can be
  /// set once a process.
  std::string max_isa = {};
  /// File of Engine::calibrate for int8. Empty: the model's int8.json, the user's cache, or a new
  /// calibration.
  std::string calibration = {};
  /// Whether calibrations for int8, and plans that a card's libraries compiled, are read from and
  /// kept in the user's cache.
  bool cache = true;
  /// On a card, whether several kernels are timed for each shape of a layer of which none was kept
  /// before, which takes seconds; the fastest are kept in the user's cache.
  bool tune = false;
  PromptSyntax prompt_syntax = PromptSyntax::emphasis;
  TextEncoders text_encoders = TextEncoders::automatic;
  /// Rows of several sessions in one call of the UNet: "off", the most rows of a call ("2" to
  /// "64"), or "auto": up to 16 where that is measured to pay. An image has the same bits either
  /// way. The cuda device takes turns.
  std::string batching = "off";
  /// Measures the time of every operation.
  bool profile = false;
  /// Live sessions at a time; one more is refused as `busy`. 0: no limit.
  int max_live_sessions = 0;
};

struct SessionOptions {
  /// Pixels, 8..16384, multiples of the autoencoder's factor. Default 512.
  std::optional<int> width = {}, height = {};
  /// Indices of the steps in the schedule, 0..num_inference_steps - 1, ascending. Empty: {32, 45}.
  std::vector<int> t_index_list = {};
  /// 1..50, default 50: how many timesteps the grid has that t_index_list counts in.
  std::optional<int> num_inference_steps = {};
  /// Default lcm.
  std::optional<Scheduler> scheduler = {};
  /// Default lcm with the schedulers lcm and tcd, else trailing.
  std::optional<TimestepSpacing> timestep_spacing = {};
  /// The grid's timesteps themselves, descending, at most 50; empty: as timestep_spacing says.
  /// Without t_index_list each of them is a step.
  std::vector<int> timesteps = {};
  /// 0..1. With ddim the share of fresh noise, default 0. With tcd its gamma, default 0.3.
  std::optional<float> eta = {};
  /// Default: what the model's scheduler_config.json says.
  std::optional<PredictionType> prediction_type = {};
  /// Default self; none for a model that takes the guidance scale as an input, which has no other.
  std::optional<CfgType> cfg_type = {};
  /// 0..100, default 1.2; at 1 or less there is no guidance. For a model that takes it as an input
  /// the default is 8.5.
  std::optional<float> guidance_scale = {};
  /// Size conditioning of SDXL models, in pixels, 0..16384: the size of the image that a training
  /// image was cut from, the corner of the cut, and its size. Default: an uncut image of the
  /// session's size. Other models ignore them.
  std::optional<int> original_width = {}, original_height = {}, crop_left = {}, crop_top = {},
                     target_width = {}, target_height = {};
  /// Strength of the virtual negative noise, 0..100, default 1.
  std::optional<float> delta = {};
  /// 0..2^53 - 1, so that JSON can carry it; or kDrawSeed: each session draws one and logs it.
  std::int64_t seed = 2;
  /// Seeds whose noise is blended, at most 16, in place of `seed`; empty: that one alone.
  std::vector<WeightedSeed> seed_list = {};
  /// Blends keep the variance of the noise: a straight line is scaled to it.
  Interpolation seed_interpolation = Interpolation::slerp;
  /// Share of the last image's latents in those of a new frame, 0..0.9; 0 for none. More makes
  /// images steadier, and slower to follow; above 0.4 they lose detail.
  float latent_feedback = 0;
  /// Cached attention: the UNet's self-attentions also attend to keys and values of earlier frames
  /// of the stream, so that images are steadier (docs/steady.md). Each of those costs time and
  /// memory.
  bool use_cached_attn = false;
  /// Earlier frames that are attended to, 1..4; fewer until as many are kept.
  int cache_maxframes = 1;
  /// Every so many frames one is kept, 1..10000.
  int cache_interval = 1;
  /// The first level of the UNet with cached attention, 0..8, counted from the largest resolution:
  /// 0 for all. Level 0 is most of the cost.
  int cache_first_level = 0;
  /// With cached attention: features of the UNet's middle that resemble those of earlier frames are
  /// drawn to them.
  bool use_feature_injection = false;
  /// How far, 0..1, and from which cosine similarity on, -1..1.
  float feature_injection_strength = 0.75F, feature_injection_threshold = 0.98F;
  /// Images come from noise: generate() instead of process().
  bool text_to_image = false;
  /// Fresh noise between the steps.
  bool do_add_noise = true;
  /// Stream batch; false runs the steps of a frame one after another.
  bool use_denoising_batch = true;
  /// Frames that enter together, 1..64.
  int frame_buffer_size = 1;
  bool enable_similar_image_filter = false;
  /// Similarity from which frames may be skipped, 0..1.
  float similar_image_filter_threshold = 0.98F;
  /// 0..1000000. So many frames, and one more, may be skipped in a row, as in the original package.
  int similar_image_filter_max_skip_frame = 10;
  Parallel parallel = Parallel::automatic;
  /// The scale of each LoRA of the engine, in their order, -10..10. Empty: those of the engine.
  std::vector<float> lora_scales = {};
  /// The settings of each ControlNet of the engine, in their order. Empty: those of the engine.
  std::vector<ControlSettings> control_settings = {};
  /// The images and scales of each IP-Adapter of the engine, in their order. Empty: the engine's.
  std::vector<ImagePrompt> image_prompts = {};
  /// Outputs carry their latents and unrounded pixels.
  bool keep_tensors = false;

  /// seed_list, or seed where that is empty.
  std::vector<WeightedSeed> seeds() const {
    return seed_list.empty() ? std::vector<WeightedSeed>{{seed, 1.0F}} : seed_list;
  }
};

}  // namespace streamdiffusion
