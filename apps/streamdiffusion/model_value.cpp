#include "model_value.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/edit_distance.h"
#include "base/error.h"
#include "base/file_url.h"
#include "base/join.h"
#include "base/lower_case.h"
#include "base/parse_number.h"
#include "json/quote.h"
#include "params/control.h"
#include "params/image_prompt.h"
#include "params/members.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion::app {
namespace {

/// Splits what is behind the last colon off. Nothing without one, for civitai:NUMBER, which is a
/// name, and for the address of a file, which begins with "file:".
std::optional<std::string> behind_colon(const std::string& text) {
  const auto colon = text.rfind(':');
  const std::string front = text.substr(0, colon == std::string::npos ? 0 : colon);
  const bool whole = front.empty() || front == "civitai" || base::lower_case(front) == "file";
  return whole ? std::nullopt : std::optional(text.substr(colon + 1));
}

/// Whether the part before the colon is there, and the whole is not: then what is behind the colon
/// is meant as something.
bool only_front_exists(const std::string& front, const std::string& whole) {
  const auto exists = [](const std::string& text) {
    std::error_code ignored;
    return std::filesystem::exists(base::path_of(text), ignored);
  };
  return exists(front) && !exists(whole);
}

/// What stands behind a model: a scale and a word, in any order.
template <typename Choice>
struct Suffixes {
  std::string model;
  std::optional<double> scale = std::nullopt;
  std::optional<Choice> choice = std::nullopt;
};

/// What a flag takes.
template <typename Choice>
struct Form {
  const char* flag;
  /// As --help shows it: "MODEL[:SCALE][:PREPROCESSOR]".
  const char* value;
  /// What the words are: "preprocessor".
  const char* what;
  const Names<Choice>& words;
  /// The table's row of the scale.
  const params::Parameter& scale;
};

template <typename Choice>
void refuse_misspelled(const std::string& word, const Form<Choice>& form) {
  const bool letters = !word.empty() && std::ranges::all_of(word, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  });
  if (!letters) return;
  std::vector<std::string_view> known;
  for (const auto& [name, choice] : form.words) known.emplace_back(name);
  const std::string nearest = base::nearest_word(word, known);
  base::require(nearest.empty(), ErrorCode::invalid_argument, form.flag, ": ", json::quote(word),
                " is no ", form.what, "; did you mean ", nearest, "?");
}

/// A scale or a word that was there already, and no file whose name ends so.
template <typename Choice>
void refuse_second(const std::string& text, const std::string& model, const char* what,
                   const Form<Choice>& form) {
  std::error_code ignored;
  base::require(std::filesystem::exists(model, ignored), ErrorCode::invalid_argument, form.flag,
                ": ", json::quote(text), " has two ", what, ", expected ", form.value);
}

template <typename Choice>
void check(const Suffixes<Choice>& found, const std::string& text, const Form<Choice>& form) {
  const bool named = !found.model.empty() && found.model.front() != ':';
  base::require(named, ErrorCode::invalid_argument, form.flag, ": ", json::quote(text),
                " names no model, expected ", form.value);
  if (!found.scale) return;
  const auto& range = std::get<params::Number>(form.scale.type);
  base::require(params::accepts(range, *found.scale), ErrorCode::invalid_argument, form.flag,
                ": the scale of ", json::printable(found.model, 80), " is ", *found.scale,
                ", expected ", params::describe(range));
}

template <typename Choice>
Suffixes<Choice> read_suffixes(const std::string& text, const Form<Choice>& form) {
  Suffixes<Choice> found{.model = text};
  while (const auto behind = behind_colon(found.model)) {
    const std::string front = found.model.substr(0, found.model.size() - behind->size() - 1);
    const auto scale = base::parse_number<double>(*behind);
    const auto choice = choice_of(form.words, *behind);
    if (scale && !found.scale) {
      found.scale = scale;
    } else if (choice && !found.choice) {
      found.choice = choice;
    } else {
      if (scale) refuse_second(text, found.model, "scales", form);
      if (choice) refuse_second(text, found.model, "words", form);
      refuse_misspelled(*behind, form);
      base::require(!only_front_exists(front, found.model), ErrorCode::invalid_argument, "behind ",
                    form.flag, " ", front, " stands ", json::quote(*behind),
                    ", expected a scale, or a ", form.what, ": ",
                    base::joined(form.words, [](const auto& each) { return each.first; }));
      break;
    }
    found.model = front;
  }
  check(found, text, form);
  return found;
}

}  // namespace

Lora read_lora(const std::string& text) {
  const auto behind = behind_colon(text);
  if (!behind) return {text, 1.0F};
  const std::string file = text.substr(0, text.size() - behind->size() - 1);
  if (const auto scale = base::parse_number<double>(*behind))
    return {file, static_cast<float>(*scale)};
  base::require(!only_front_exists(file, text), ErrorCode::invalid_argument, "the scale of --lora ",
                file, " is ", json::printable(*behind, 80), ", expected a number");
  return {text, 1.0F};
}

ControlNet read_controlnet(const std::string& text) {
  const auto found = read_suffixes<Preprocessor>(
      text, {"--controlnet", "MODEL[:SCALE][:PREPROCESSOR]", "preprocessor", kPreprocessors,
             *params::find_row(params::control_parameters(), "conditioning_scale")});
  ControlNet net{.model = found.model};
  if (found.scale) net.settings.scale = static_cast<float>(*found.scale);
  if (found.choice) net.settings.image.preprocessor = *found.choice;
  return net;
}

IpAdapter read_ip_adapter(const std::string& text) {
  const auto found = read_suffixes<ImageLayers>(
      text, {"--ip-adapter", "MODEL[:SCALE][:LAYERS]", "choice of layers", kImageLayers,
             *params::find_row(params::image_prompt_parameters(), "scale")});
  IpAdapter adapter{.file = found.model, .image_encoder = {}, .prompt = {}};
  if (found.scale) adapter.prompt.scale = static_cast<float>(*found.scale);
  if (found.choice) adapter.prompt.layers = *found.choice;
  return adapter;
}

}  // namespace streamdiffusion::app
