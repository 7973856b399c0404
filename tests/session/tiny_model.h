// A complete model folder of a few thousand parameters, made in a temporary place: everything an
// engine opens, in milliseconds.
#pragma once

#include <filesystem>
#include <string>

namespace streamdiffusion::testing {

class TinyModel {
 public:
  /// The autoencoder's weights are multiplied by `autoencoder_gain`; a huge one overflows.
  explicit TinyModel(float autoencoder_gain = 1.0F);
  ~TinyModel();
  TinyModel(const TinyModel&) = delete;
  TinyModel& operator=(const TinyModel&) = delete;

  std::string path() const { return folder_.string(); }
  /// Replaces a file of the folder by this text.
  void write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace streamdiffusion::testing
