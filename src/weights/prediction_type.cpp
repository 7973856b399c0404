#include "weights/prediction_type.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace streamdiffusion::weights {
namespace {

double deviation(const SafetensorsFile& file, const StoredTensor& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
  file.read_finite_f32(tensor, values);
  double sum = 0, squares = 0;
  for (const float value : values) {
    sum += value;
    squares += double{value} * value;
  }
  const auto n = static_cast<double>(std::max<std::size_t>(values.size(), 1));
  return std::sqrt(std::max(squares / n - sum / n * (sum / n), 0.0));
}

}  // namespace

std::string prediction_type_of(const SafetensorsFile& file, const std::string& family,
                               const std::string& unet_prefix, std::vector<std::string>& notes) {
  const auto decided = [&](const char* type, const std::string& rule) {
    notes.push_back(base::concat("prediction type ", type, ": ", rule));
    return std::string(type);
  };
  const auto metadata = file.metadata();
  const auto stated = [&](const char* key) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? std::string() : found->second;
  };
  const std::string type = stated("modelspec.prediction_type");
  if (file.find("v_pred") != nullptr) {
    return decided("v_prediction", "the file has the key v_pred");
  }
  if (type == "v") return decided("v_prediction", "the file's modelspec.prediction_type");
  if (type == "epsilon") return decided("epsilon", "the file's modelspec.prediction_type");
  if (stated("modelspec.architecture") == "stable-diffusion-v2-768-v") {
    return decided("v_prediction", "the file's modelspec.architecture");
  }
  if (family != "Stable Diffusion 2") return "epsilon";
  // ComfyUI's test, which tells Stability's two kinds apart.
  const std::string bias = unet_prefix + "output_blocks.11.1.transformer_blocks.0.norm1.bias";
  constexpr double kLimit = 0.09;
  const StoredTensor* tensor = file.find(bias);
  if (tensor == nullptr) return decided("epsilon", "nothing in the file says otherwise");
  return deviation(file, *tensor) > kLimit
             ? decided("v_prediction",
                       "the spread of " + bias + " is that of models for 768 pixels")
             : decided("epsilon", "the spread of " + bias + " is that of models for 512 pixels");
}

}  // namespace streamdiffusion::weights
