// IP-Adapters: which ones, and what each is told.
#include <algorithm>

#include "base/error.h"
#include "params/image_prompt.h"
#include "params/limits.h"
#include "params/members.h"
#include "params/rows.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion::params {
namespace {

Parameter of_adapter(const char* name, const char* title, const char* help, Type type,
                     std::optional<double> slider_maximum = std::nullopt) {
  return {name,
          title,
          help,
          Group::image_prompt,
          Change::live,
          std::move(type),
          {.server = true, .slider_maximum = slider_maximum}};
}

}  // namespace

const Rows& image_prompt_parameters() {
  static const Rows rows{
      of_adapter("scale", "Scale", "How strongly the style images act",
                 number(SD_REACH(image_prompt.scale), 0, kMaxScale, 0.05), 2),
      of_adapter("layers", "Layers",
                 "What is taken from the style images: whole (all of it), style (colors and "
                 "manner) or composition",
                 choice<kImageLayers>(SD_REACH(image_prompt.layers))),
      of_adapter("enabled", "Enabled", "One that is off costs nothing",
                 boolean(SD_REACH(image_prompt.enabled))),
      of_adapter("follow_input", "Follow the input",
                 "The newest input frame is the style image; its encoder runs beside the stream",
                 boolean(SD_REACH(image_prompt.follow_input))),
  };
  return rows;
}

Rows image_prompt_parameters(const ImagePromptList& list) {
  Rows rows = image_prompt_parameters();
  if (!list.whole_alone) return rows;
  const auto layers = std::ranges::find(rows, std::string_view("layers"), &Parameter::name);
  std::get<Choice>(layers->type).words = {name_of(kImageLayers, ImageLayers::whole)};
  return rows;
}

Rows image_prompt_rows() {
  return {
      {"ipadapters",
       "IP-Adapters",
       "IP-Adapters by which images follow those of --style-image: files, folders or names, such "
       "as h94/IP-Adapter/models/ip-adapter_sd15.safetensors; MODEL:0.5 for half, MODEL:style for "
       "the style alone",
       Group::engine,
       Change::engine,
       IpAdapterList{member<std::vector<IpAdapter>>(SD_REACH(engine.ip_adapters)), kMaxIpAdapters,
                     kMaxBytes},
       {.flag = "--ip-adapter", .flag_value = "MODEL[:SCALE][:LAYERS]", .yaml = true}},
      {"image_prompts",
       "Style images",
       "What each IP-Adapter is told, in their order; what the list or an object leaves out stays "
       "as it is",
       Group::image_prompt,
       Change::live,
       ImagePromptList{member<std::vector<ImagePrompt>>(SD_REACH(live.options.image_prompts)),
                       kMaxIpAdapters},
       {.server = true}},
  };
}

bool accepts(const ImagePrompt& prompt) {
  return accepts_all(image_prompt_parameters(), {.image_prompt = prompt}) &&
         image_count(prompt) <= kMaxImagePromptImages;
}

std::size_t image_count(const ImagePrompt& prompt) {
  return prompt.images.size() + prompt.files.size();
}

std::string at_most_images() {
  return base::concat("at most ", kMaxImagePromptImages, " images");
}

std::vector<std::string_view> image_prompt_names() {
  std::vector<std::string_view> names = names_of(image_prompt_parameters());
  names.emplace_back(kStyleImage);
  names.emplace_back(kImages);
  return names;
}

std::vector<std::string_view> ip_adapter_names() {
  std::vector<std::string_view> names{kAdapterPath, kEncoderPath, kStyleImage};
  const std::vector<std::string_view> settings = names_of(image_prompt_parameters());
  names.insert(names.end(), settings.begin(), settings.end());
  return names;
}

}  // namespace streamdiffusion::params
