// IP-Adapters and what they are told out of JSON.
#include "params/image_prompt.h"
#include "params/limits.h"
#include "params/members.h"
#include "params/rows.h"

namespace streamdiffusion::params {
namespace {

using json::Json;

std::string read_file(const Json& value) {
  const std::string& text = value.string();
  if (text.empty()) value.refuse("a text");
  return text;
}

/// A text, or a list of texts, which may be empty.
std::vector<std::string> read_files(const Json& value) {
  if (!value.is(Json::Kind::array)) return {read_file(value)};
  if (value.size() > kMaxImagePromptImages) value.refuse(at_most_images());
  std::vector<std::string> files;
  for (std::size_t i = 0; i < value.size(); ++i) files.push_back(read_file(value[i]));
  return files;
}

ImagePrompt read_image_prompt(const ImagePromptList& type, const Json& object,
                              const ImagePrompt& now) {
  require_object(object, image_prompt_names());
  Settings settings{.image_prompt = now};
  read_rows(image_prompt_parameters(type), object, settings);
  ImagePrompt& prompt = settings.image_prompt;
  const auto files = object.find(kStyleImage), images = object.find(kImages);
  if (files && images) object.refuse("either \"style_image\" or \"images\"");
  if (files) {
    prompt.images.clear();
    prompt.files = read_files(*files);
  }
  if (images) {
    const auto most = static_cast<std::int64_t>(prompt.images.size());
    prompt.images.resize(static_cast<std::size_t>(images->integer(0, most)));
  }
  return prompt;
}

IpAdapter read_ip_adapter(const Json& object) {
  require_object(object, ip_adapter_names());
  Settings settings;
  read_rows(image_prompt_parameters(), object, settings);
  IpAdapter adapter{.file = read_file(object.at(kAdapterPath)),
                    .image_encoder = {},
                    .prompt = settings.image_prompt};
  if (const auto encoder = object.find(kEncoderPath)) adapter.image_encoder = encoder->string();
  if (const auto files = object.find(kStyleImage)) adapter.prompt.files = read_files(*files);
  return adapter;
}

}  // namespace

std::vector<ImagePrompt> read_image_prompts(const ImagePromptList& type, const Json& list,
                                            const std::vector<ImagePrompt>& now) {
  std::vector<ImagePrompt> all;
  for_each_item(list, "IP-Adapter", [&](const Json& object, std::size_t i) {
    all.push_back(read_image_prompt(type, object, i < now.size() ? now[i] : ImagePrompt()));
  });
  append_rest(all, now);
  return all;
}

std::vector<IpAdapter> read_ip_adapters(const Json& list) {
  std::vector<IpAdapter> all;
  for_each_item(list, "IP-Adapter",
                [&](const Json& object, std::size_t) { all.push_back(read_ip_adapter(object)); });
  return all;
}

}  // namespace streamdiffusion::params
