// A model on a device. Sessions share its weights and executables, and never each other's data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "streamdiffusion/frame.h"
#include "streamdiffusion/options.h"
#include "streamdiffusion/session.h"

namespace streamdiffusion {

/// One operation of a compiled graph, for `info` and `bench`.
struct OpInfo {
  /// "text", "encode", "unet" or "decode".
  std::string stage;
  std::string name, kind;
  /// The library's own name of the code that runs.
  std::string implementation;
  /// "per schedule", "per prompt" or "per frame".
  std::string lifetime;
  double flops = 0;
  /// Of its inputs, weights and output.
  double bytes = 0;
  /// Of the last run, with EngineOptions::profile.
  double seconds = 0;
  /// What one thread did for it in the last run, in seconds of a steady clock; with profile.
  struct Span {
    int thread = 0;
    double begin = 0, end = 0;
  };
  std::vector<Span> spans;
};

/// One fact about a device for people, e.g. {"cuDNN", "9.19.0, /usr/lib/libcudnn.so.9"}.
struct DeviceDetail {
  std::string name, value;
};

struct EngineInfo {
  /// Folder's name, or the preset's.
  std::string model;
  /// The folder's path; empty with random weights.
  std::string folder;
  /// Of the checkpoint's recipe whose defaults are in use; or empty.
  std::string recipe;
  /// "2 threads, AVX512-BF16"
  std::string device;
  /// Of a card: its name, memory and driver, and the libraries with their paths. Else empty.
  std::vector<DeviceDetail> device_details;
  /// "bf16", "f32" or "f16"; "f16 and bf16" where the autoencoder has a type of its own, "int8 and
  /// bf16" with int8.
  std::string dtype;
  std::size_t parameters = 0;
  /// Packed, in memory.
  std::size_t weight_bytes = 0;
  /// Entries of the tokenizer's vocabulary; 0 with random weights.
  int vocabulary_size = 0;
  int latent_channels = 0, latent_factor = 0;
  int unet_levels = 0;
  /// As the engine was opened with them.
  std::vector<Lora> loras;
  std::vector<ControlNet> controlnets;
  std::vector<IpAdapter> ip_adapters;
  /// The model follows SessionOptions::original_width and the like.
  bool size_conditioning = false;
  /// Which layers make the style or the composition is known for the UNet: IP-Adapters take other
  /// ImageLayers than whole.
  bool image_layers = false;
  /// The model takes the guidance scale as an input: it acts with cfg_type none.
  bool guidance_embedding = false;
  /// The most rows of a UNet call over several sessions, 0 where they take turns; and whether such
  /// calls are made only where they are measured to pay.
  int batching_rows = 0;
  bool batching_measures = false;
};

/// Memory that a session needs, in bytes, known before any weight is read.
struct MemoryNeed {
  /// Weights in the form that the device keeps.
  std::size_t text_encoders = 0, unet = 0, autoencoder = 0;
  /// Of the largest image encoder of an IP-Adapter that has style images. It is dropped when it has
  /// encoded them.
  std::size_t image_encoder = 0;
  /// Intermediate results of all programs, and what belongs to the stream.
  std::size_t activations = 0, per_stream = 0;
  /// While a weight is read: the largest one as f32.
  std::size_t reading = 0;
  /// Of UNet calls over rows of several sessions (EngineOptions::batching), once there are so many
  /// sessions like this one that the largest call is full. They share its weights. Not in total():
  /// where memory is short, sessions take turns.
  std::size_t shared_calls = 0;
  /// The text encoders are released before the UNet is read.
  bool releases_text_encoders = false;

  std::size_t weights() const { return text_encoders + unet + autoencoder + image_encoder; }
  /// The program itself with the code that it generates, and gaps between packed weights.
  std::size_t overhead() const;
  /// The most at one time: the sum of all, but of text encoders that are released and of what comes
  /// after them only the larger.
  std::size_t total() const;
};

/// What a frame of a session costs without ControlNets and IP-Adapters, known before any weight is
/// read. Products are multiplications, each with an addition.
struct FrameCost {
  /// Rows of the UNet that a frame takes.
  int rows = 0;
  /// Of one of them, and of the autoencoder: the encoder where the session follows images, and the
  /// decoder.
  double row_macs = 0, autoencoder_macs = 0;
};

/// What a ControlNet costs a session while it is on, known before any weight is read. Products are
/// multiplications, each with an addition.
struct ControlNetCost {
  /// As EngineOptions::controlnets names it.
  std::string model;
  std::size_t parameters = 0;
  /// Weights in the form that the device keeps.
  std::size_t weight_bytes = 0;
  /// Of one row of a UNet call: what the net adds, and those of the UNet alone.
  double row_macs = 0, unet_row_macs = 0;
  /// Of the embedding of a control image, once for each frame.
  double image_macs = 0;
};

/// What an IP-Adapter costs a session while it is told images, known before any weight is read.
/// Products are multiplications, each with an addition.
struct IpAdapterCost {
  /// As EngineOptions::ip_adapters names it.
  std::string file;
  /// Images that it is told, and the tokens that each becomes.
  int images = 0, tokens = 0;
  /// Of the adapter, and of its image encoder.
  std::size_t parameters = 0, encoder_parameters = 0;
  /// Weights in the form that the device keeps: what the UNet has more, and while images are
  /// encoded.
  std::size_t weight_bytes = 0, encoder_bytes = 0;
  /// Of one row of a UNet call: what the images add (one image where there is none), and those of
  /// the UNet alone.
  double row_macs = 0, unet_row_macs = 0;
  /// Of encoding an image, once.
  double image_macs = 0;
};

/// What became of the calls of the UNet of sessions that may share them, since the engine was
/// opened.
struct SharedCalls {
  /// Calls over rows of at least two sessions, with how many rows and sessions together, and seats
  /// that were empty.
  std::uint64_t calls = 0, rows = 0, sessions = 0, empty_seats = 0;
  /// Calls of a session alone, beside others whose rows were not there.
  std::uint64_t calls_alone = 0;

  /// Those that came after `before`.
  SharedCalls since(const SharedCalls& before) const {
    return {calls - before.calls, rows - before.rows, sessions - before.sessions,
            empty_seats - before.empty_seats, calls_alone - before.calls_alone};
  }
};

/// The result of calibrating a model for int8.
struct Calibration {
  /// Convolutions and linear layers, and how many of them run in int8.
  int ops = 0, int8_ops = 0;
  /// PSNR of the images to those without int8, in dB.
  double psnr_db = 0;
  double seconds = 0;
  /// Where it was written.
  std::string file;
};

/// A frame in the memory of this machine, and who owns the pixels.
struct HostFrame {
  FrameView view;
  std::shared_ptr<const void> owner;
};

/// A handle: copies are the same engine. Functions may be called from any thread.
class Engine {
 public:
  /// Opens a model. Throws Error (see error.h) naming the file, key or tensor at fault.
  static Engine open(const EngineOptions& options);
  /// Calibrates a model for int8 on the frames, which have its default size, or on drawings made up
  /// where there are none, and writes `file`, or the user's cache where none is given.
  static Calibration calibrate(const EngineOptions& options, std::span<const Image> frames = {},
                               const std::string& file = "");
  Engine(const Engine&);
  Engine(Engine&&) noexcept;
  Engine& operator=(const Engine&);
  Engine& operator=(Engine&&) noexcept;
  ~Engine();

  /// Whether both handles name the same engine.
  bool is(const Engine& other) const { return impl_ == other.impl_; }
  /// A handle to the same engine whose sessions are of that group. The groups that ask for the
  /// device get the same time of it, however many sessions each has, and the sessions of a group
  /// share what it gets. Without it all sessions are of group 0. A session keeps its group.
  Engine group(std::uint64_t number) const;
  /// A handle to the same engine whose sessions get time in proportion to what their frames take:
  /// those of a group that keep asking draw equally many frames a second, instead of having equal
  /// seconds. For sessions of which it is known that all fit at one rate.
  Engine equal_rates() const;
  /// A new stream. Its executables are compiled with the first session of its size and steps.
  /// Sessions of one engine take turns on the device. Once `stop` is requested, whatever waits
  /// gives up soon: this function throws busy, and in a session the frames in flight fail with
  /// `busy`. Throws invalid_argument for options out of range, and for a session that is larger
  /// than all memory.
  Session session(const SessionOptions& options = {}, std::stop_token stop = {});
  /// Throws invalid_argument where session() would for these options, whatever memory there is.
  /// Compiles nothing.
  void check(const SessionOptions& options) const;
  /// Runs the text encoder ahead, so that set_prompt() later costs the stream no time. The text is
  /// known for as long as the result lives, or a session uses it; beyond that the last few are.
  /// `lora_scales` as in SessionOptions.
  std::shared_ptr<const void> encode_prompt(const std::string& prompt,
                                            const std::vector<float>& lora_scales = {});
  /// Fuses the LoRAs under `options.lora_scales` into the weights of a session with these options
  /// ahead, so that Session::set_lora_scales() later costs the stream no time. They live as long as
  /// the result, or a session that uses them.
  std::shared_ptr<const void> prepare_lora_scales(const SessionOptions& options,
                                                  std::stop_token stop = {});
  /// Compiles what a session with `options.control_settings` needs ahead, so that a later
  /// Session::set_control_settings() costs the stream no time. It lives as long as the result, or a
  /// session that uses it.
  std::shared_ptr<const void> prepare_control_settings(const SessionOptions& options,
                                                       std::stop_token stop = {});
  /// Encodes the images of `options.image_prompts`, and compiles what a session with so many of
  /// them needs ahead, so that a later Session::set_image_prompts() costs the stream no time. The
  /// program lives as long as the result, or a session that uses it; so does the encoder of a
  /// prompt that follows the input. Throws invalid_argument where memory is too small for it.
  std::shared_ptr<const void> prepare_image_prompts(const SessionOptions& options,
                                                    std::stop_token stop = {});
  /// For a person: which words of a prompt do not fit into the text encoder, and which notations of
  /// other programs are read as text. The same are logged when the prompt is first encoded.
  std::vector<std::string> prompt_warnings(const std::string& prompt) const;
  /// A copy of a frame whose pixels lie in the memory of the engine's card. What was queued on the
  /// card's default stream comes first. Throws unsupported where the engine runs on no card, and
  /// invalid_argument for pixels that are not in that card's memory.
  HostFrame download(const FrameView& on_card) const;
  /// As streamdiffusion::write(), into the memory of the engine's card; it is there on return.
  void upload(ImageView image, const FrameTarget& on_card) const;
  EngineInfo info() const;
  /// What a session with these options needs, before it is made. Reads no weights.
  MemoryNeed memory_need(const SessionOptions& options = {}) const;
  /// Why a session with these options shares no UNet call with others (EngineOptions::batching);
  /// empty where it may.
  std::string why_alone(const SessionOptions& options = {}) const;
  /// Of a frame of a session with these options.
  FrameCost frame_cost(const SessionOptions& options = {}) const;
  /// Of each ControlNet, also of those that are off, in a session with these options.
  std::vector<ControlNetCost> controlnet_costs(const SessionOptions& options = {}) const;
  /// Of each IP-Adapter, also of those without images, in a session with these options.
  std::vector<IpAdapterCost> ip_adapter_costs(const SessionOptions& options = {}) const;
  /// What the model's folder says of its own defaults, applied to the options that are unset.
  SessionOptions with_defaults(const SessionOptions& options) const;
  /// The model's own sample prompts, or empty.
  std::string sample_prompt() const;
  std::string sample_negative_prompt() const;
  /// Thread-safe, like all of them; costs next to nothing.
  SharedCalls shared_calls() const;
  /// Ops of the executables that a session uses, without those of text encoders that are
  /// released.
  std::vector<OpInfo> ops(const Session& session) const;
  /// Bytes of activations (arenas) and of per-stream values of those executables.
  std::size_t arena_bytes(const Session& session) const;
  std::size_t state_bytes(const Session& session) const;
  /// The device's peak throughput in GFLOP/s: that of the faster of two large convolutions in the
  /// engine's type, measured now.
  double measure_peak();
  /// Joules that the device has used since some moment, if it counts them; cards do. Read it over
  /// seconds: counters are renewed some ten times a second.
  std::optional<double> energy_joules() const;

  /// The library's own.
  class Impl;
  explicit Engine(std::shared_ptr<Impl> impl);

 private:
  friend class LiveSession;
  std::shared_ptr<Impl> impl_;
  std::uint64_t group_ = 0;
  bool equal_rates_ = false;
};

}  // namespace streamdiffusion
