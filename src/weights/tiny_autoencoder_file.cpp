#include "weights/tiny_autoencoder_file.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/input_file.h"
#include "json/quote.h"
#include "weights/ldm_keys.h"
#include "weights/renamed_weights.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;

/// One half of the autoencoder as numbered layers.
struct Half {
  std::int64_t width = 0, out = 0;
  std::vector<int> blocks;
};

/// A convolution without bias begins a stage, and the last one with a bias ends the half.
Half half_of(const LdmKeys& keys, int first) {
  Half half;
  half.blocks.push_back(0);
  const auto name = [](int layer, const char* rest) { return std::to_string(layer) + rest; };
  half.width = keys.dim(name(first, ".weight"), 0);
  for (const int layer : keys.numbers("")) {
    if (layer <= first) continue;
    base::require(half.out == 0, ErrorCode::corrupt_file, keys.file(), ": layer ", layer,
                  " comes behind the last convolution of a TAESD");
    if (keys.has(name(layer, ".conv.0.weight"))) {
      ++half.blocks.back();
    } else if (keys.has(name(layer, ".bias"))) {
      half.out = keys.dim(name(layer, ".weight"), 0);
    } else {
      half.blocks.push_back(0);
    }
  }
  base::require(half.out > 0, ErrorCode::corrupt_file, keys.file(),
                ": lacks the last convolution of a TAESD");
  return half;
}

json::Json config_of(const Half& encoder, const Half& decoder, const std::string& file) {
  const auto widths = [](const Half& half) {
    return std::vector<std::int64_t>(half.blocks.size(), half.width);
  };
  const nlohmann::json config{{"_class_name", "AutoencoderTiny"},
                              {"latent_channels", encoder.out},
                              {"num_encoder_blocks", encoder.blocks},
                              {"num_decoder_blocks", decoder.blocks},
                              {"encoder_block_out_channels", widths(encoder)},
                              {"decoder_block_out_channels", widths(decoder)}};
  return json::Json::parse(config.dump(), file + ": autoencoder");
}

/// The publisher's names are those of diffusers without "encoder.layers.", and the decoder counts
/// its clamp as layer 0.
std::string publishers_name(std::string_view name) {
  constexpr std::string_view kEncoder = "encoder.layers.", kDecoder = "decoder.layers.";
  if (name.starts_with(kEncoder)) return std::string(name.substr(kEncoder.size()));
  if (!name.starts_with(kDecoder)) return {};
  name.remove_prefix(kDecoder.size());
  int layer = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), layer);
  if (error != std::errc() || layer > 1000) return {};
  return std::to_string(layer + 1) + std::string(end, name.data() + name.size());
}

/// The encoder's weights from one file and the decoder's from another.
class TwoFiles : public WeightSource {
 public:
  TwoFiles(const SharedFile& encoder, const SharedFile& decoder)
      : encoder_(encoder, "", locate, {}), decoder_(decoder, "", locate, {}) {}

  bool has(std::string_view name) const override { return half(name).has(name); }
  void read_f32(std::string_view name, std::span<const std::int64_t> dims,
                std::span<float> out) const override {
    half(name).read_f32(name, dims, out);
  }
  void check(std::span<const TensorSpec> expected,
             std::span<const std::string_view> ignored) const override {
    std::vector<TensorSpec> encoder, decoder;
    for (const TensorSpec& spec : expected) {
      (&half(spec.name) == &encoder_ ? encoder : decoder).push_back(spec);
    }
    encoder_.check(encoder, ignored);
    decoder_.check(decoder, ignored);
  }

 private:
  static std::vector<StoredPart> locate(std::string_view name) {
    return {{.name = publishers_name(name)}};
  }
  const RenamedWeights& half(std::string_view name) const {
    return name.starts_with("encoder.") ? encoder_ : decoder_;
  }

  RenamedWeights encoder_, decoder_;
};

/// The file beside this one whose name has the other word.
SharedFile sibling(const SafetensorsFile& file, const std::string& word, const std::string& other) {
  std::string name = file.path().filename().string();
  const std::size_t at = name.rfind(word);
  base::require(at != std::string::npos, ErrorCode::unsupported, file.path().string(), ": the ",
                word, " of a TAESD alone; expected a name with \"", word, "\" in it, and the ",
                other, " beside it");
  name.replace(at, word.size(), other);
  const std::filesystem::path path = file.path().parent_path() / name;
  base::require(base::is_file(path), ErrorCode::not_found, path.string(),
                ": no such file; a TAESD needs it beside ", file.path().filename().string());
  return std::make_shared<const SafetensorsFile>(require_safetensors(path));
}

}  // namespace

std::optional<LdmComponent> tiny_autoencoder_inside(const SharedFile& file) {
  const std::string path = file->path().string();
  for (const std::string prefix : {"first_stage_model.", "vae.", ""}) {
    if (file->find(prefix + "decoder.layers.0.weight") == nullptr ||
        file->find(prefix + "encoder.layers.0.weight") == nullptr) {
      continue;
    }
    const auto as_named = [](std::string_view name) {
      return std::vector<StoredPart>{{.name = std::string(name)}};
    };
    const Half encoder = half_of(LdmKeys(*file, prefix + "encoder.layers."), 0);
    const Half decoder = half_of(LdmKeys(*file, prefix + "decoder.layers."), 0);
    const auto weights =
        std::make_shared<RenamedWeights>(file, prefix, as_named, std::vector<std::string_view>{});
    return LdmComponent{{config_of(encoder, decoder, path), weights, path}, prefix};
  }
  return std::nullopt;
}

std::optional<FileComponent> tiny_autoencoder_file(const SharedFile& file) {
  const std::string path = file->path().string();
  if (auto inside = tiny_autoencoder_inside(file)) return std::move(inside->component);
  const bool is_encoder =
      file->find("0.weight") != nullptr && file->find("1.conv.0.weight") != nullptr;
  const bool is_decoder =
      file->find("1.weight") != nullptr && file->find("3.conv.0.weight") != nullptr;
  if (!is_encoder && !is_decoder) return std::nullopt;
  const SharedFile other =
      is_encoder ? sibling(*file, "encoder", "decoder") : sibling(*file, "decoder", "encoder");
  const SharedFile& encoder = is_encoder ? file : other;
  const SharedFile& decoder = is_encoder ? other : file;
  return FileComponent{
      config_of(half_of(LdmKeys(*encoder, ""), 0), half_of(LdmKeys(*decoder, ""), 1), path),
      std::make_shared<TwoFiles>(encoder, decoder), path};
}

}  // namespace streamdiffusion::weights
