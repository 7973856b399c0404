// The ControlNets of a session: the control images of its frames, embedded once for each frame,
// and how strongly each acts on each row.
#pragma once

#include <functional>
#include <stop_token>
#include <vector>

#include "session/program.h"
#include "stream/frame_rows.h"
#include "streamdiffusion/image.h"

namespace streamdiffusion::session {

/// The numbers of those that are on, of options that have every default filled in.
std::vector<int> enabled_controlnets(const SessionOptions& options);
/// Settings whose preprocessor is automatic take that of the engine's net.
void resolve_preprocessors(const Model& model, std::vector<ControlSettings>& settings);
/// Throws invalid_argument naming the net and the setting.
void check_control_settings(const Model& model, const SessionOptions& options);

/// What encoder, decoder and embeddings of a session are compiled for.
AutoencoderKey autoencoder_key(const SessionOptions& options);
/// Into [1, height, width, 3].
void copy_pixels(const ImageView& image, const tensor::View& to);

class Controls {
 public:
  /// `layout` is that of a UNet call. `model` must outlive this.
  Controls(const Model& model, const stream::RowLayout& layout) : model_(model), layout_(layout) {}

  /// Takes the settings; compiles or finds the embeddings of nets that are on. Rows of a net that
  /// was on before keep their images. Throws as ExecutableCache, with nothing changed.
  void set(ExecutableCache& executables, const SessionOptions& options,
           const std::stop_token& stop);
  bool any() const { return !nets_.empty(); }

  /// The image of each net for the frame in this slot of the batch. For those without one it is
  /// made of `frame`; where there is no frame, they do not act on what comes out of the slot.
  /// Returns whether each that is on has an image.
  bool copy_images(std::span<const ImageView> images, const ImageView& frame, int slot);
  /// Moves every image one row further. Where frames enter, embeds theirs by `run`.
  void enter(bool frames, const std::function<void(const Program&)>& run);
  /// Writes the UNet's inputs: the embedded images of all rows, as enter() left them, and the
  /// scales of a call whose first row is at `first_step` of `steps`.
  void write_images(const backend::State& unet) const;
  void write_scales(const backend::State& unet, int first_step, int steps) const;

  void for_each_executable(const std::function<void(const backend::Executable&)>& visit) const;

 private:
  struct Net {
    int number;
    Program embedding;
    stream::FrameRows rows;
    /// By slot: whether the frame that is gathered there has an image.
    std::vector<bool> gathered;
  };
  Net open_net(ExecutableCache& executables, const SessionOptions& options, int number,
               const std::stop_token& stop) const;
  /// Of the net's residuals in a UNet row.
  float row_scale(const Net& net, int unet_row, int first_step, int steps) const;

  const Model& model_;
  stream::RowLayout layout_;
  /// By number, of all nets.
  std::vector<ControlSettings> settings_;
  /// Those that are on.
  std::vector<Net> nets_;
};

}  // namespace streamdiffusion::session
