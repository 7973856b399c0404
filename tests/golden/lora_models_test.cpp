// Models under a LoRA against diffusers and peft, with the file in every spelling. Equal factors
// give equal bits, whatever their names are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "backend/backend.h"
#include "golden/golden_file.h"
#include "lora/lora_set.h"
#include "models/count_parameters.h"
#include "support/temporary_folder.h"
#include "weights/hash_weights.h"
#include "weights/ldm_names.h"

namespace streamdiffusion::golden {
namespace {

using json::Json;
using testing::TemporaryFolder;
using weights::TensorToWrite;

constexpr std::string_view kText = "text_model.";

Json goldens() {
  return Json::read(SD_TEST_DATA_DIR "/lora/models.json");
}

std::string underscored(std::string name) {
  std::ranges::replace(name, '.', '_');
  return name;
}

std::string without(std::string name, std::string_view prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

/// How one writer names the two matrices and alpha of a module. Without an alpha's name, alpha is
/// in the metadata, or else multiplied into the matrices.
struct Spelling {
  std::string name;
  /// Empty for a module that this writer cannot name.
  std::function<std::string(const std::string& module)> module;
  std::string down, up, alpha;
  bool metadata = false;
};

/// diffusers before 0.22 named the processors' matrices; other modules had the names of 0.22.
std::string old_processor(const std::string& prefix, const std::string& module) {
  for (const char* part : {"to_q", "to_k", "to_v", "to_out.0"}) {
    const std::string name = std::string(".") + part;
    if (!module.ends_with(name)) continue;
    const std::string short_name = part == std::string("to_out.0") ? "to_out" : part;
    return prefix + module.substr(0, module.size() - name.size()) + ".processor." + short_name +
           "_lora";
  }
  return prefix + module + ".lora";
}

std::vector<Spelling> unet_spellings(const std::vector<std::string>& tensors) {
  const weights::LdmUNetNames ldm(tensors);
  const std::string down = ".lora_down.weight", up = ".lora_up.weight", alpha = ".alpha";
  return {
      {"kohya", [](const auto& m) { return "lora_unet_" + underscored(m); }, down, up, alpha},
      {"kohya_ldm", [ldm](const auto& m) { return "lora_unet_" + underscored(ldm.of(m)); }, down,
       up, alpha},
      {"lycoris", [](const auto& m) { return "lycoris_" + underscored(m); }, down, up, alpha},
      {"comfyui", [ldm](const auto& m) { return "diffusion_model." + ldm.of(m); }, down, up, alpha},
      {"diffusers_022", [](const auto& m) { return "unet." + m; }, ".lora.down.weight",
       ".lora.up.weight", alpha},
      {"diffusers_old", [](const auto& m) { return old_processor("unet.", m); }, ".down.weight",
       ".up.weight", ""},
      {"diffusers_bare", [](const auto& m) { return old_processor("", m); }, ".down.weight",
       ".up.weight", ""},
      {"peft", [](const auto& m) { return "unet." + m; }, ".lora_A.weight", ".lora_B.weight", "",
       true},
      {"raw_peft", [](const auto& m) { return "base_model.model." + m; }, ".lora_A.default.weight",
       ".lora_B.default.weight", ""},
  };
}

std::vector<Spelling> text_spellings() {
  const auto kohya = [](const std::string& prefix) {
    return [prefix](const std::string& m) {
      return prefix + underscored(std::string(kText) + without(m, kText));
    };
  };
  const auto dotted = [](const std::string& m) {
    return "text_encoder." + std::string(kText) + without(m, kText);
  };
  const auto old = [dotted](const std::string& m) {
    std::string name = dotted(m);
    for (const auto& [now, before] : {std::pair("q_proj", "to_q"),
                                      {"k_proj", "to_k"},
                                      {"v_proj", "to_v"},
                                      {"out_proj", "to_out"}}) {
      if (name.ends_with(now)) {
        return name.substr(0, name.size() - std::string(now).size()) + before + "_lora";
      }
    }
    return name + ".lora_linear_layer";
  };
  const std::string down = ".lora_down.weight", up = ".lora_up.weight", alpha = ".alpha";
  return {
      {"kohya", kohya("lora_te_"), down, up, alpha},
      {"kohya_te1", kohya("lora_te1_"), down, up, alpha},
      {"diffusers_022", dotted, ".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight",
       alpha},
      {"diffusers_old", old, ".down.weight", ".up.weight", ""},
      {"peft", dotted, ".lora_A.weight", ".lora_B.weight", "", true},
      {"peft_transformers_5", [](const auto& m) { return "text_encoder." + without(m, kText); },
       ".lora_A.weight", ".lora_B.weight", "", true},
  };
}

TensorToWrite matrix(const std::string& key, const std::string& module, const char* part,
                     const std::vector<std::int64_t>& dims) {
  std::size_t count = 1;
  for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
  TensorToWrite tensor{key, dims, std::vector<float>(count)};
  weights::HashWeights().read_f32("lora." + without(module, kText) + "." + part, dims,
                                  tensor.values);
  return tensor;
}

/// The file, with what it was written for.
class LoraWriter {
 public:
  LoraWriter(const Json& all, const Json& golden, const std::vector<weights::TensorSpec>& tensors)
      : rank_(all.at("rank").integer()),
        alpha_(static_cast<float>(all.at("alpha").integer())),
        golden_(golden) {
    for (const weights::TensorSpec& spec : tensors) dims_[without(spec.name, kText)] = spec.dims;
  }

  std::filesystem::path write(const Spelling& spelling, const TemporaryFolder& folder) const {
    std::vector<TensorToWrite> tensors;
    for (const std::string& module : golden_.at("modules").strings()) {
      std::vector<std::int64_t> down = dims_.at(without(module, kText) + ".weight"), up = down;
      up[1] = rank_;
      for (std::size_t i = 2; i < up.size(); ++i) up[i] = 1;
      down[0] = rank_;
      const std::string name = spelling.module(module);
      EXPECT_FALSE(name.empty()) << module;
      tensors.push_back(matrix(name + spelling.down, module, "down", down));
      tensors.push_back(matrix(name + spelling.up, module, "up", up));
      if (!spelling.alpha.empty()) tensors.push_back({name + spelling.alpha, {}, {alpha_}});
      if (!spelling.alpha.empty() || spelling.metadata) continue;
      for (float& v : tensors.back().values) v *= alpha_ / static_cast<float>(rank_);  // exact
    }
    const auto file = folder.path() / (spelling.name + ".safetensors");
    std::map<std::string, std::string> metadata{{"format", "pt"}};
    if (spelling.metadata) metadata["lora_adapter_metadata"] = golden_.at("metadata").string();
    weights::write_safetensors(file, tensors, metadata);
    return file;
  }

 private:
  std::int64_t rank_;
  float alpha_;
  Json golden_;
  std::map<std::string, std::vector<std::int64_t>> dims_;
};

/// The model's answer, every element.
std::vector<float> answer(const Json& golden, lora::Network network, const lora::LoraSet& loras,
                          float scale, const std::string& output) {
  const auto device = backend::make_device("ref", {.threads = 1});
  std::vector<graph::Graph> graphs = build_graphs(golden, tensor::DType::f32);
  const std::vector<graph::Input> inputs = graphs.front().inputs;
  const weights::HashWeights hash;
  const std::vector<float> scales{scale};
  const auto executable =
      device->compile(std::move(graphs),
                      {.scope = "test", .read = [&](const graph::Weight& w, std::span<float> out) {
                         hash.read_f32(w.name, w.dims, out);
                         loras.add(network, w.name, scales, out);
                       }});
  const auto state = executable->make_state();
  for (const graph::Input& input : inputs) fill_input(golden, input.name, state->input(input.name));
  for (const auto lifetime :
       {graph::Lifetime::per_schedule, graph::Lifetime::per_prompt, graph::Lifetime::per_frame}) {
    executable->run(lifetime, *state);
  }
  const tensor::View view = state->output(output);
  const Expectation expected = expectation(golden, output),
                    found = measure(view, expected.values.size());
  EXPECT_EQ(found.shape, expected.shape);
  const double allowed = kF32RelativeError * expected.max_abs;
  double worst = 0;
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    worst = std::max(worst, static_cast<double>(std::abs(found.values[i] - expected.values[i])));
  }
  EXPECT_LE(worst, allowed);
  EXPECT_NEAR(found.rms, expected.rms, allowed);
  std::cout << "relative error " << worst / expected.max_abs << '\n';
  return {view.as<float>(), view.as<float>() + view.desc.shape.elements()};
}

class LoraModel : public ::testing::TestWithParam<const char*> {};

TEST_P(LoraModel, AnswersAsInPythonWithEqualBitsInEverySpelling) {
  const Json all = goldens(), golden = all.at(GetParam());
  const bool unet = golden.at("model").string() == "unet";
  const lora::Network network = unet ? lora::Network::unet : lora::Network::text;
  const auto graphs = build_graphs(golden, tensor::DType::f32);
  const std::vector<weights::TensorSpec> tensors = models::required_tensors(graphs);
  std::vector<std::string> names;
  for (const auto& spec : tensors) names.push_back(spec.name);
  const std::vector<lora::NetworkTensors> networks{{network, tensors}};
  const lora::ModuleMap modules(networks);
  const LoraWriter writer(all, golden, tensors);
  const auto scale = static_cast<float>(all.at("scale").number());
  std::vector<float> first;
  for (const Spelling& spelling : unet ? unet_spellings(names) : text_spellings()) {
    SCOPED_TRACE(spelling.name);
    const TemporaryFolder folder;
    const lora::LoraSet loras({writer.write(spelling, folder).string()}, modules);
    const std::vector<float> found =
        answer(golden, network, loras, scale, unet ? "prediction" : "embeddings");
    if (first.empty()) first = found;
    EXPECT_EQ(found, first);
  }
}

TEST_P(LoraModel, HasTheKeysThatDiffusersWrites) {
  const Json golden = goldens().at(GetParam());
  const bool unet = golden.at("model").string() == "unet";
  std::vector<std::string> expected;
  for (const std::string& module : golden.at("modules").strings()) {
    for (const char* part : {".lora_A.weight", ".lora_B.weight"}) {
      expected.push_back((unet ? "unet." : "text_encoder.") + module + part);
    }
  }
  EXPECT_THAT(golden.at("keys").strings(), ::testing::UnorderedElementsAreArray(expected));
}

INSTANTIATE_TEST_SUITE_P(Models, LoraModel,
                         ::testing::Values("unet_sd15", "unet_sd2_odd", "clip_gelu"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace streamdiffusion::golden
