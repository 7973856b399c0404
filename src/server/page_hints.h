// What the page offers for a model: a folder may hold it in page.json, beside streamdiffusion.json.
// The page knows no model by name.
#pragma once

#include <filesystem>
#include <string>

namespace streamdiffusion::server {

/// The text of page.json in a model's folder, a JSON object; "{}" where there is no such file, or
/// no folder (""). All keys are optional:
///   concepts      things to offer first, strings
///   opening       prompts shown one after another over the first drawing, strings
///   camera        {prompt, strength 0..1, concepts, note}: what the camera starts with
///   strength      {curve: [[strength, position], ...] ascending within 0..1, best: [from, to]}:
///                 how the page's slider is spread, and where it is marked
///   thumbnails    {concept or style: image as a data: address}
///   translations  {language: {text of the others: the same in that language}}: what the page shows
///                 instead of concepts, styles and note; what it sends stays
///   trained_side  larger images than this are warned about, in pixels
/// Throws corrupt_file naming key, value and what was expected; unknown keys are refused.
std::string read_page_hints(const std::filesystem::path& folder);

/// The text of words.json in a model's folder: an object of objects of strings, each leading from a
/// word or emoji to what concepts.json calls it. "{}" where there is no such file, or no folder
/// (""). Throws as read_page_hints() does.
std::string read_page_words(const std::filesystem::path& folder);

}  // namespace streamdiffusion::server
