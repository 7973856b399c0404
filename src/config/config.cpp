#include "config/config.h"

#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <sstream>

#include "base/edit_distance.h"
#include "base/git_lfs.h"
#include "base/log.h"
#include "base/printable.h"
#include "config/read_row.h"
#include "config/value.h"
#include "params/check.h"

namespace streamdiffusion::config {
namespace {

using base::ErrorCode;

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

void set_row(params::Settings& settings, const params::Parameter& row, const Value& v) {
  read_row(row, v, settings);
  base::require(settings.given.insert(row.name).second, ErrorCode::invalid_argument, v.position(),
                v.key(), " sets ", row.name, " a second time");
  settings.of_file.insert(row.name);
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

/// {time: 4, prompt: blue fish, transition: 2}; prompts in any form of `prompt`.
params::ScheduledPrompts read_scheduled(const Value& v) {
  if (!v.is_map()) v.refuse("a map with time and prompt");
  const char* prompt = v.node()["prompt_list"] ? "prompt_list" : "prompt";
  v.allow_only({"time", prompt, "transition"});
  constexpr double kLongest = 1e9, kLongestTransition = 3600;
  const auto seconds = [&](const char* key, double maximum) {
    const params::Number type{{}, 0, maximum, 1};
    const double value = v.member(key).number();
    if (!params::accepts(type, value)) v.member(key).refuse(params::describe(type));
    return value;
  };
  params::Settings read;
  read_row(params::parameter("prompt_list"), v.member(prompt), read);
  params::ScheduledPrompts entry{.time = seconds("time", kLongest), .prompts = read.live.prompts};
  if (v.node()["transition"]) entry.transition_seconds = seconds("transition", kLongestTransition);
  return entry;
}

void set_prompt_schedule(params::Settings& settings, const Value& v) {
  std::vector<params::ScheduledPrompts> entries;
  for (const Value& item : v.list()) {
    entries.push_back(read_scheduled(item));
    const std::size_t count = entries.size();
    if (count > 1 && entries[count - 1].time <= entries[count - 2].time)
      item.member("time").refuse("a later time than that of the entry before");
  }
  if (entries.empty()) v.refuse("at least one entry");
  settings.run.prompt_schedule = std::move(entries);
}

/// The forks' map of seed_list and interpolation_method.
void set_seed_blending(params::Settings& settings, const Value& v) {
  v.allow_only({"seed_list", "interpolation_method"});
  set_row(settings, params::parameter("seed_list"), v.member("seed_list"));
  if (v.node()["interpolation_method"]) {
    set_row(settings, params::parameter("seed_interpolation_method"),
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

/// Keys of the forks that leave a list out where they are false, wherever they stand.
struct Use {
  const char *key, *list;
  void (*clear)(EngineOptions&);
};
constexpr Use kUses[]{
    {"use_controlnet", "controlnets", [](EngineOptions& o) { o.controlnets.clear(); }},
    {"use_ipadapter", "ipadapters", [](EngineOptions& o) { o.ip_adapters.clear(); }}};

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
  for (const char* list :
       {"lora_dict", "controlnets", "ipadapters"}) {  // a file may say that there are none
    keys[list] = [&row = params::parameter(list)](params::Settings& settings, const Value& v) {
      if (!v.is_off()) set_row(settings, row, v);
    };
  }
  keys["prompt"] = set_prompts;
  keys["feedback_strength"] = keys.at("latent_feedback_strength");
  keys["fi_strength"] = keys.at("feature_injection_strength");
  keys["fi_threshold"] = keys.at("feature_injection_threshold");
  keys["blending"] = set_blending;
  keys["seed_blending"] = set_seed_blending;
  keys["prompt_schedule"] = set_prompt_schedule;
  keys["use_tiny_vae"] = set_tiny_vae;
  for (const Use& use : kUses) {
    keys[use.key] = [](params::Settings&, const Value& v) { v.boolean(); };
  }
  keys["mode"] = refuse_txt2img;
  return keys;
}

const std::map<std::string, Set>& keys() {
  static const std::map<std::string, Set> all = make_keys();
  return all;
}

/// Keys of the forks that are not implemented; only a value that switches them off is accepted.
const std::set<std::string> kUnsupported{"acceleration",
                                         "cn_cache_interval",
                                         "compile_engines_only",
                                         "enable_pytorch_fallback",
                                         "engine_dir",
                                         "image_postprocessing",
                                         "image_preprocessing",
                                         "latent_postprocessing",
                                         "latent_preprocessing",
                                         "lcm_lora_id",
                                         "normalize_prompt_weights",
                                         "output_type",
                                         "safety_checker_threshold",
                                         "sampler",
                                         "skip_diffusion",
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

/// Remembers where each document starts, and its last text; skips what is in it.
class DocumentStarts : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { text_line_ = line_ = mark.line + 1; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string&) override {
    text_line_ = mark.line + 1;
  }
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

  [[nodiscard]] int line() const { return line_; }
  [[nodiscard]] int text_line() const { return text_line_; }

 private:
  int line_ = 0, text_line_ = 0;
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

/// yaml-cpp takes a quote that the end of the text closes, as of a file that was cut. The mark of
/// a document's end is refused in a quote, and changes nothing outside of one. `text` is YAML.
void require_closed_quotes(const std::string& text, const std::string& name) {
  std::istringstream input(text + "\n...\n");
  DocumentStarts starts;
  try {
    YAML::Parser(input).HandleNextDocument(starts);
  } catch (const YAML::Exception&) {
    base::fail(ErrorCode::invalid_argument, name, ":", starts.text_line(),
               ": not YAML: a quote that opens here or below has no end");
  }
}

/// Editors of old write other encodings, which yaml-cpp passes on. It decodes UTF-16 and UTF-32
/// itself, which begin with a mark.
void require_utf8(const std::string& text, const std::string& name) {
  for (const std::string_view mark : {std::string_view("\xfe\xff"), std::string_view("\xff\xfe"),
                                      std::string_view("\0\0\xfe\xff", 4)})
    if (text.starts_with(mark)) return;
  int line = 1;
  for (std::string_view rest = text; !rest.empty();) {
    char32_t code = 0;
    const std::size_t size = base::read_utf8(rest, code);
    base::require(size > 0, ErrorCode::invalid_argument, name, ":", line, ": the byte \"",
                  rest.substr(0, 1), "\" is no UTF-8; expected a file that is saved as UTF-8");
    line += rest.front() == '\n' ? 1 : 0;
    rest.remove_prefix(size);
  }
}

YAML::Node parsed(const std::string& text, const std::string& name) {
  require_utf8(text, name);
  try {
    require_one_document(text, name);
    require_closed_quotes(text, name);
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

void apply_use(params::Settings& settings, const YAML::Node& root, const std::string& name) {
  for (const Use& use : kUses) {
    const YAML::Node found = root[use.key];
    if (!found || !settings.given.contains(use.list)) continue;
    const Value value(found, name, use.key);
    if (value.boolean()) continue;
    base::warn(value.position(), use.key, " is false, so ", use.list, " has no effect");
    use.clear(settings.engine);
    settings.given.erase(use.list);
  }
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
  apply_use(settings, root, name);
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
  std::string text(kMaxBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  base::require(file.eof() || !file.fail(), ErrorCode::io, name, ": cannot be read");
  base::require(text.size() <= kMaxBytes, ErrorCode::invalid_argument, name, ": is larger than ",
                kMaxBytes, " bytes");
  base::refuse_lfs_pointer(std::as_bytes(std::span(text)), name);
  return parse_config(text, name);
}

}  // namespace streamdiffusion::config
