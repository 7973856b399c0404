// Which rows a UNet call has, and which prompt each follows. Nothing else knows how guidance
// types lay out rows.
// docs/algorithm.md, sections 4 and 5.
#pragma once

#include <vector>

#include "streamdiffusion/options.h"

namespace streamdiffusion::stream {

/// Stream rows are step-major: row step * frames + f holds frame f at this step; step 0 is the
/// newest. UNet rows are: none, self: the stream rows; full: all of them under the negative prompt,
/// then all under the prompt; initialize: those of step 0 under the negative prompt, then all under
/// the prompt.
struct RowLayout {
  /// n >= 1
  int steps = 1;
  /// F >= 1: frames that enter together
  int frames = 1;
  CfgType cfg = CfgType::none;

  int stream_rows() const { return steps * frames; }
  /// Rows under the negative prompt; they stand first.
  int negative_rows() const;
  int unet_rows() const { return negative_rows() + stream_rows(); }
  /// The stream row whose latents a UNet row holds.
  int stream_row(int unet_row) const;
  int step_of(int stream_row) const { return stream_row / frames; }
  int positive_row(int stream_row) const { return negative_rows() + stream_row; }
  /// The UNet row that predicts a stream row under the negative prompt, or -1.
  int negative_row(int stream_row) const { return stream_row < negative_rows() ? stream_row : -1; }

  /// Prompts a call needs: 1, or 2 where there are negative rows.
  int prompts() const { return negative_rows() > 0 ? 2 : 1; }
  /// By UNet row: 0 for the prompt, 1 for the negative prompt.
  std::vector<int> prompt_of_row() const;
};

}  // namespace streamdiffusion::stream
