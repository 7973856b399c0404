#include "config/read_ip_adapter.h"

#include "base/log.h"
#include "config/read_row.h"
#include "params/image_prompt.h"
#include "params/limits.h"
#include "params/members.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion::config {
namespace {

/// The forks' words for the layers that an adapter acts in.
const Names<ImageLayers> kWeightTypes{{"linear", ImageLayers::whole},
                                      {"style transfer", ImageLayers::style},
                                      {"composition", ImageLayers::composition}};

/// What the forks say beside that: of another kind of adapter, or what the file itself says.
void read_forks_own(const Value& v, ImagePrompt& prompt) {
  const auto given = [&](const char* key) { return static_cast<bool>(v.node()[key]); };
  if (given("type") && v.member("type").text() != "regular") {
    v.member("type").refuse("regular; a FaceID adapter needs the face recognition of InsightFace");
  }
  if (given("insightface_model_name") && !v.member("insightface_model_name").is_off()) {
    v.member("insightface_model_name").refuse("nothing: InsightFace is not supported");
  }
  if (given("weight_type")) {
    const Value type = v.member("weight_type");
    if (given("layers")) type.refuse("either weight_type or layers");
    const auto layers = choice_of(kWeightTypes, type.text());
    if (!layers) type.refuse("linear, style transfer or composition");
    prompt.layers = *layers;
  }
  if (given("num_image_tokens")) {
    const Value tokens = v.member("num_image_tokens");
    (void)tokens.integer();
    base::warn(tokens.position(), tokens.key(), " has no effect: the adapter's file says it");
  }
}

std::vector<std::string> read_style_images(const Value& v) {
  if (!v.is_list()) return {v.text()};
  if (v.list().size() > params::kMaxImagePromptImages) v.refuse(params::at_most_images());
  std::vector<std::string> files;
  for (const Value& item : v.list()) files.push_back(item.text());
  return files;
}

}  // namespace

IpAdapter read_ip_adapter(const Value& v) {
  if (!v.is_map()) v.refuse("a map with ipadapter_model_path, the file or the name of an adapter");
  std::vector<std::string> names;
  for (const std::string_view name : params::ip_adapter_names()) names.emplace_back(name);
  for (const char* own : {"type", "insightface_model_name", "weight_type", "num_image_tokens"}) {
    names.emplace_back(own);
  }
  v.allow_only(names);
  params::Settings settings;
  ImagePrompt& prompt = settings.image_prompt;
  read_members(params::image_prompt_parameters(), v, settings);
  read_forks_own(v, prompt);
  if (v.node()[params::kStyleImage] && !v.member(params::kStyleImage).is_off()) {
    prompt.files = read_style_images(v.member(params::kStyleImage));
  }
  IpAdapter adapter{
      .file = v.member(params::kAdapterPath).text(), .image_encoder = {}, .prompt = prompt};
  if (v.node()[params::kEncoderPath] && !v.member(params::kEncoderPath).is_off()) {
    adapter.image_encoder = v.member(params::kEncoderPath).text();
  }
  return adapter;
}

}  // namespace streamdiffusion::config
