// A complete model folder of a few thousand parameters, made in a temporary place: everything an
// engine opens, in milliseconds.
#pragma once

#include <string>

#include "support/temporary_folder.h"

namespace streamdiffusion::testing {

class TinyModel {
 public:
  /// The autoencoder's weights are multiplied by `autoencoder_gain`; a huge one overflows.
  explicit TinyModel(float autoencoder_gain = 1.0F);

  std::string path() const { return folder_.path().string(); }
  /// Replaces a file of the folder by this text.
  void write(const std::string& name, const std::string& text) const { folder_.write(name, text); }

 private:
  TemporaryFolder folder_;
};

}  // namespace streamdiffusion::testing
