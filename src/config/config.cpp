#include "config/config.h"

#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "base/edit_distance.h"
#include "config/value.h"
#include "params/check.h"

namespace streamdiffusion::config {
namespace {

using base::ErrorCode;

constexpr std::size_t kMaximumBytes = std::size_t{1} << 20;

/// A value of a row's type, or what the file says is refused with its line.
std::int64_t read(const params::Integer&, const Value& v) {
  return v.integer();
}
double read(const params::Number& type, const Value& v) {
  const auto value =
      v.node().IsScalar() ? params::parse(type, v.node().Scalar()) : std::optional<double>();
  if (!value) v.refuse(params::describe(type));
  return *value;
}
bool read(const params::Boolean&, const Value& v) {
  return v.boolean();
}
std::string read(const params::Choice&, const Value& v) {
  return v.text();
}
std::string read(const params::Text&, const Value& v) {
  return v.text();
}
std::vector<int> read(const params::IntegerList& type, const Value& v) {
  std::vector<int> list;
  for (const Value& item : v.list()) {
    const auto value = item.integer();
    const params::Integer each{{}, type.minimum, type.maximum};
    if (!params::accepts(each, value)) item.refuse(params::describe(each));
    list.push_back(static_cast<int>(value));
  }
  return list;
}

/// ["red apple", 0.7], {text: red apple, weight: 0.7}, or a text alone
WeightedPrompt read_weighted(const Value& v) {
  const auto weighted = [](const Value& text, const Value& weight) -> WeightedPrompt {
    const double share = weight.number();
    if (!params::accepts_weight(share)) {
      weight.refuse(base::concat("a weight from 0 to ", params::prompt_list().maximum_weight));
    }
    return {text.text(), static_cast<float>(share)};
  };
  if (v.is_map()) {
    const char* text = v.node()["prompt"] ? "prompt" : "text";
    v.allow_only({text, "weight"});
    return weighted(v.member(text), v.member("weight"));
  }
  if (!v.is_list()) return {v.text(), 1.0F};
  const std::vector<Value> pair = v.list();
  if (pair.size() != 2) v.refuse("a text and its weight");
  return weighted(pair[0], pair[1]);
}

std::vector<WeightedPrompt> read(const params::PromptList&, const Value& v) {
  if (!v.is_list()) return {read_weighted(v)};
  std::vector<WeightedPrompt> prompts;
  for (const Value& prompt : v.list()) prompts.push_back(read_weighted(prompt));
  return prompts;
}

/// {style.safetensors: 0.7}, or a list of files or of {file: scale}
std::vector<Lora> read(const params::LoraList&, const Value& v) {
  if (v.is_map()) {
    std::vector<Lora> loras;
    for (const auto& entry : v.node()) {
      const Value file(entry.first, v.file(), v.key());
      const Value scale(entry.second, v.file(), base::concat(v.key(), ".", file.text()));
      loras.push_back({file.text(), static_cast<float>(scale.number())});
    }
    return loras;
  }
  if (!v.is_list()) return {{v.text(), 1.0F}};
  std::vector<Lora> loras;
  for (const Value& item : v.list()) {
    for (Lora& lora : read(params::LoraList{}, item)) loras.push_back(std::move(lora));
  }
  return loras;
}

std::vector<float> read(const params::NumberList&, const Value& v) {
  std::vector<float> numbers;
  for (const Value& item : v.list()) numbers.push_back(static_cast<float>(item.number()));
  return numbers;
}

void set_row(params::Settings& settings, const params::Parameter& row, const Value& v) {
  std::visit(
      [&](const auto& type) {
        const auto value = read(type, v);
        if (!params::accepts(type, value)) v.refuse(params::describe(type));
        type.member.set(settings, value);
      },
      row.type);
  base::require(settings.given.insert(row.name).second, ErrorCode::invalid_argument, v.position(),
                v.key(), " sets ", row.name, " a second time");
}

void set_prompts(params::Settings& settings, const Value& v) {
  set_row(settings, params::parameter("prompt_list"), v);
}

/// A list of prompts, or a map with prompt_list and interpolation_method.
void set_blending(params::Settings& settings, const Value& v) {
  if (!v.is_map()) return set_prompts(settings, v);
  v.allow_only({"prompt_list", "interpolation_method"});
  set_prompts(settings, v.member("prompt_list"));
  if (v.node()["interpolation_method"]) {
    set_row(settings, params::parameter("prompt_interpolation_method"),
            v.member("interpolation_method"));
  }
}

using Set = std::function<void(params::Settings&, const Value&)>;

void refuse_txt2img(params::Settings&, const Value& v) {
  if (v.text() != "img2img") {
    v.refuse("img2img; `streamdiffusion image` generates from text alone");
  }
}

/// The tiny autoencoder that fits the model, or the model's own. A `vae` in the same file says
/// which one is meant, and wins.
void set_tiny_vae(params::Settings& settings, const Value& v) {
  const std::string word = v.boolean() ? "tiny" : "own";
  if (settings.engine.vae.empty()) settings.engine.vae = word;
}

/// The keys of the table, and those that the forks spell otherwise.
std::map<std::string, Set> make_keys() {
  std::map<std::string, Set> keys;
  for (const params::Parameter& row : params::parameters()) {
    if (!row.in.yaml) continue;
    keys[row.name] = [&row](params::Settings& settings, const Value& v) {
      set_row(settings, row, v);
    };
  }
  keys["model_id"] = keys["model_id_or_path"] = keys.at("model");
  keys["vae_id"] = keys.at("vae");
  keys["lora_dict"] = [](params::Settings& settings, const Value& v) {
    if (!v.is_off()) set_row(settings, params::parameter("lora_dict"), v);
  };
  keys["prompt"] = set_prompts;
  keys["prompt_blending"] = set_blending;
  keys["use_tiny_vae"] = set_tiny_vae;
  keys["mode"] = refuse_txt2img;
  return keys;
}

const std::map<std::string, Set>& keys() {
  static const std::map<std::string, Set> all = make_keys();
  return all;
}

/// Keys of the forks that are not implemented; only a value that switches them off is accepted.
const std::set<std::string> kUnsupported{"acceleration",
                                         "cache_interval",
                                         "cache_maxframes",
                                         "cn_cache_interval",
                                         "compile_engines_only",
                                         "controlnets",
                                         "enable_pytorch_fallback",
                                         "engine_dir",
                                         "feedback_strength",
                                         "fi_strength",
                                         "fi_threshold",
                                         "image_postprocessing",
                                         "image_preprocessing",
                                         "ipadapters",
                                         "latent_postprocessing",
                                         "latent_preprocessing",
                                         "lcm_lora_id",
                                         "normalize_prompt_weights",
                                         "output_type",
                                         "safety_checker_threshold",
                                         "sampler",
                                         "seed_blending",
                                         "seed_interpolation_method",
                                         "seed_list",
                                         "skip_diffusion",
                                         "use_cached_attn",
                                         "use_controlnet",
                                         "use_ipadapter",
                                         "use_lcm_lora",
                                         "use_safety_checker",
                                         "warmup"};

[[noreturn]] void refuse_unknown(const Value& v) {
  constexpr std::size_t kLongestShown = 60;
  const std::string key = v.key().substr(0, kLongestShown);
  std::vector<std::string_view> known;
  for (const auto& [name, set] : keys()) known.emplace_back(name);
  const std::string nearest = base::nearest_word(key, known);
  base::fail(ErrorCode::invalid_argument, v.position(), "unknown key \"", key, "\"",
             nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?");
}

/// Remembers where each document starts and skips what is in it.
class DocumentStarts : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { line_ = mark.line + 1; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

  [[nodiscard]] int line() const { return line_; }

 private:
  int line_ = 0;
};

/// Throws if text follows the first document: a second one, or text such as ",a: b" that belongs
/// to none. YAML::Load() ignores it, and YAML::LoadAll() never ends on the latter.
void require_one_document(const std::string& text, const std::string& name) {
  std::istringstream input(text);
  YAML::Parser parser(input);
  DocumentStarts starts;
  parser.HandleNextDocument(starts);
  const bool more = parser.HandleNextDocument(starts);
  base::require(!more, ErrorCode::invalid_argument, name, ":", starts.line(),
                ": text follows the first document, expected one document of keys and values");
}

YAML::Node parsed(const std::string& text, const std::string& name) {
  try {
    require_one_document(text, name);
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    base::fail(ErrorCode::invalid_argument, name, ":", error.mark.line + 1,
               ": not YAML: ", error.msg);
  }
}

void set_key(params::Settings& settings, const Value& v) {
  if (const auto known = keys().find(v.key()); known != keys().end()) {
    return known->second(settings, v);
  }
  if (!kUnsupported.contains(v.key())) refuse_unknown(v);
  base::require(v.is_off(), ErrorCode::unsupported, v.position(), v.key(), " is not supported");
}

}  // namespace

params::Settings parse_config(std::string_view text, const std::string& name) {
  const YAML::Node root = parsed(std::string(text), name);
  params::Settings settings;
  if (root.IsNull()) return settings;
  const Value document(root, name, "the document");
  base::require(document.is_map(), ErrorCode::invalid_argument, name,
                ":1: expected keys and values, such as `prompt: red apple`");
  std::set<std::string> seen;
  for (const auto& entry : root) {
    const Value key(entry.first, name, "a key");
    const Value value(entry.second, name, key.text());
    base::require(seen.insert(value.key()).second, ErrorCode::invalid_argument, key.position(),
                  value.key(), " appears a second time");
    set_key(settings, value);
  }
  return settings;
}

params::Settings read_config(const std::filesystem::path& path) {
  const std::string name = path.string();
  std::error_code ignored;
  base::require(!std::filesystem::is_directory(path, ignored), ErrorCode::invalid_argument, name,
                ": is a folder, expected a file");
  std::ifstream file(path, std::ios::binary);  // a pipe too
  base::require(file.is_open(), errno == ENOENT ? ErrorCode::not_found : ErrorCode::io, name, ": ",
                std::strerror(errno));
  std::string text(kMaximumBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  base::require(file.eof() || !file.fail(), ErrorCode::io, name, ": cannot be read");
  base::require(text.size() <= kMaximumBytes, ErrorCode::invalid_argument, name,
                ": is larger than ", kMaximumBytes, " bytes");
  return parse_config(text, name);
}

}  // namespace streamdiffusion::config
