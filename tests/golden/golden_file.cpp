#include "golden/golden_file.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <system_error>

#include "models/autoencoder.h"
#include "models/clip_text.h"
#include "models/unet.h"
#include "support/environment.h"
#include "weights/hash_weights.h"

namespace streamdiffusion::golden {
namespace {

using json::Json;
using tensor::DType;

constexpr std::size_t kStep = 7919;

std::vector<std::int64_t> dims_of(const tensor::Shape& s) {
  return {s.n, s.h, s.w, s.c};
}

std::vector<float> hashed(const std::string& name, std::vector<std::int64_t> dims) {
  std::vector<float> values(static_cast<std::size_t>(dims[0]));
  weights::HashWeights().read_f32(name, dims, values);
  return values;
}

/// Integers in 0..count-1.
template <typename T>
void fill_whole(const std::string& name, double count, std::span<T> out) {
  const std::vector<float> units =
      hashed("golden." + name + ".bias", {static_cast<std::int64_t>(out.size())});
  std::transform(units.begin(), units.end(), out.begin(),
                 [&](float u) { return static_cast<T>((u * 16.0 + 1.0) * 0.5 * count); });
}

template <typename T>
std::span<T> elements(tensor::View view) {
  return {view.as<T>(), static_cast<std::size_t>(view.desc.shape.elements())};
}

models::ClipTextOutput text_output(const Json& call) {
  const std::string name = call.string_or("output", "last");
  if (name == "last") return models::ClipTextOutput::last;
  if (name == "penultimate") return models::ClipTextOutput::penultimate;
  if (name == "penultimate_and_projected") return models::ClipTextOutput::penultimate_and_projected;
  call.at("output").refuse("an output of a text encoder");
}

/// One number or a list of them a row.
void fill_rows(const Json& rows, std::span<float> out) {
  std::size_t at = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (!rows[row].is(Json::Kind::array)) {
      out[at++] = static_cast<float>(rows[row].number());
      continue;
    }
    for (std::size_t i = 0; i < rows[row].size(); ++i) {
      out[at++] = static_cast<float>(rows[row][i].number());
    }
  }
}

}  // namespace

std::vector<std::filesystem::path> model_files() {
  std::vector<std::filesystem::path> files;
  std::error_code absent;  // read before main(), where nothing may throw; a test counts the files
  for (const auto& entry : std::filesystem::directory_iterator(
           testing::data_folder(SD_TEST_DATA_DIR) / "golden", absent)) {
    if (entry.path().extension() != ".json") continue;
    if (Json::read(entry.path()).has("model")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

models::UNetShape unet_shape(const Json& call, DType activations) {
  models::UNetShape shape{.rows = call.at("rows").integer(),
                          .h = call.at("h").integer(),
                          .w = call.at("w").integer(),
                          .prompts = call.at("prompts").integer(),
                          .tokens = call.at("tokens").integer(),
                          .activations = activations};
  for (const std::int64_t row : call.at("kv_rows").integers()) {
    shape.kv_rows.push_back(static_cast<int>(row));
  }
  return shape;
}

std::vector<graph::Graph> build_graphs(const Json& golden, DType activations) {
  const Json config = golden.at("config");
  const Json call = golden.at("call");
  const std::string& model = golden.at("model").string();
  std::vector<graph::Graph> graphs;
  if (model == "unet") {
    graphs.push_back(
        models::build_unet(models::unet_config(config), unet_shape(call, activations)));
  } else if (model == "clip_text") {
    graphs.push_back(models::build_clip_text(models::clip_text_config(config),
                                             {.prompts = call.at("prompts").integer(),
                                              .tokens = call.at("tokens").integer(),
                                              .activations = activations,
                                              .output = text_output(call)}));
  } else {
    const models::AutoencoderConfig autoencoder = models::autoencoder_config(config);
    const models::ImageShape shape{.frames = call.at("frames").integer(),
                                   .height = call.at("height").integer(),
                                   .width = call.at("width").integer(),
                                   .activations = activations,
                                   .image = true};
    graphs.push_back(models::build_encoder(autoencoder, shape));
    graphs.push_back(models::build_decoder(autoencoder, shape));
  }
  return graphs;
}

void fill_input(const Json& golden, const std::string& name, tensor::View input) {
  if (name == "timesteps" || name == "size" || name == "guidance") {
    fill_rows(golden.at("call").at(name), elements<float>(input));
  } else if (name == "ids") {
    const auto vocabulary = static_cast<double>(golden.at("config").at("vocab_size").integer());
    fill_whole(name, vocabulary, elements<std::int32_t>(input));
  } else if (name.starts_with("pixels")) {
    fill_whole(name, 256, elements<std::uint8_t>(input));
  } else {
    const std::vector<float> values = hashed("golden." + name, {input.desc.shape.elements(), 1});
    std::copy(values.begin(), values.end(), input.as<float>());
  }
}

Expectation expectation(const Json& golden, const std::string& output) {
  const Json stored = golden.at("outputs").at(output);
  Expectation expected{.shape = stored.at("shape").integers(),
                       .max_abs = stored.at("max_abs").number(),
                       .mean = stored.at("mean").number(),
                       .rms = stored.at("rms").number()};
  const Json values = stored.at("values");
  for (std::size_t i = 0; i < values.size(); ++i) {
    expected.values.push_back(static_cast<float>(values[i].number()));
  }
  return expected;
}

Expectation measure(tensor::View result, std::size_t kept) {
  const std::span<const float> all = elements<float>(result);
  Expectation found{.shape = dims_of(result.desc.shape)};
  for (const float value : all) {
    found.max_abs = std::max(found.max_abs, std::abs(static_cast<double>(value)));
    found.mean += value;
    found.rms += static_cast<double>(value) * value;
  }
  const auto size = static_cast<double>(all.size());
  found.mean /= size;
  found.rms = std::sqrt(found.rms / size);
  for (std::size_t k = 0; k < kept; ++k) found.values.push_back(all[k * kStep % all.size()]);
  return found;
}

}  // namespace streamdiffusion::golden
