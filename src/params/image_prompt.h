// What one IP-Adapter is told, by name. Its rows are a table of their own: they refer to
// Settings::image_prompt, and a list of such objects is one parameter of the table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"
#include "params/check.h"

namespace streamdiffusion::params {

/// Members beside the rows: files of images, or what else a front end takes for them, and how many
/// images there are.
inline constexpr const char* kStyleImage = "style_image";
inline constexpr const char* kImages = "images";
/// Of an adapter: its file and the folder of its image encoder, as the original package's forks
/// call them.
inline constexpr const char* kAdapterPath = "ipadapter_model_path";
inline constexpr const char* kEncoderPath = "image_encoder_path";

const std::vector<Parameter>& image_prompt_parameters();
/// Those of the list's objects: fewer choices of `layers`, where the list takes fewer.
std::vector<Parameter> image_prompt_parameters(const ImagePromptList& list);
/// Those of image_prompt_parameters(), kStyleImage and kImages.
std::vector<std::string_view> image_prompt_names();
/// What the members of an adapter of the configuration are called.
std::vector<std::string_view> ip_adapter_names();

/// Whether each is in its range.
bool accepts(const ImagePrompt& prompt);

/// Those that are read and those that are not yet.
std::size_t image_count(const ImagePrompt& prompt);
/// What is expected where there are too many.
std::string at_most_images();

/// A list of objects, for the first of `now`, whose other members stay as they are, as the others
/// do. Objects behind them begin with the defaults. style_image is a text or a list of texts that
/// replaces the images: they become ImagePrompt::files. images is a number; fewer than there are
/// leaves the last ones out. Throws corrupt_file as read_json().
std::vector<ImagePrompt> read_image_prompts(const ImagePromptList& type, const json::Json& list,
                                            const std::vector<ImagePrompt>& now);
/// A list of objects with a file and settings: ip_adapter_names().
std::vector<IpAdapter> read_ip_adapters(const json::Json& list);

}  // namespace streamdiffusion::params
