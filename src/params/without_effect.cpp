#include "params/without_effect.h"

#include "base/error.h"
#include "params/control.h"
#include "params/image_prompt.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion::params {
namespace {

using base::concat;

/// The rules, one function a group. Each says why a parameter does nothing; empty if it acts.
class Rules {
 public:
  Rules(const Settings& settings, const SessionOptions& full, const NameOf& name_of,
        const ModelTraits& model, const ImageTraits& images)
      : settings_(settings), o_(full), name_of_(name_of), model_(model), images_(images) {}

  std::string why(std::string_view key) const {
    for (const auto rule : {&Rules::single_image, &Rules::format, &Rules::guidance, &Rules::filter,
                            &Rules::steps, &Rules::prompts, &Rules::noise, &Rules::cached_frames,
                            &Rules::input, &Rules::engine, &Rules::size}) {
      if (std::string reason = (this->*rule)(key); !reason.empty()) return reason;
    }
    return {};
  }

 private:
  std::string name(std::string_view key) const { return name_of_(parameter(key)); }

  /// Whether the value asks for what only a stream of frames has.
  bool is_of_a_stream(std::string_view key) const {
    if (key == "transition_ms") return settings_.live.transition_seconds > 0;
    if (key == "latent_feedback_strength") return o_.latent_feedback > 0;
    if (key == "enable_similar_image_filter") return o_.enable_similar_image_filter;
    if (key == "use_cached_attn") return o_.use_cached_attn;
    if (key == "frame_buffer_size") return o_.frame_buffer_size > 1;
    if (key == "use_feature_injection") return o_.use_feature_injection;
    return key.starts_with("similar_image_filter_") || key.starts_with("cache_") ||
           key.starts_with("feature_injection_");
  }

  std::string single_image(std::string_view key) const {
    if (!images_.single || !is_of_a_stream(key)) return {};
    return " on a single image; it acts on a stream of frames";
  }

  std::string format(std::string_view key) const {
    if (key != "jpeg_quality" || !images_.lossless) return {};
    return " on PNG, which keeps every pixel; it acts on JPEG and WebP";
  }

  std::string guidance(std::string_view key) const {
    const CfgType type = *o_.cfg_type;
    const std::string with =
        concat(" with ", name("cfg_type"), " ", streamdiffusion::name_of(kCfgTypes, type));
    if (key == "negative_prompt" && (type == CfgType::none || type == CfgType::self)) {
      return concat(with, "; it acts with full or initialize");
    }
    if (key == "guidance_scale" && type == CfgType::none && !model_.guidance_embedding) {
      return concat(with, "; it acts with full, self or initialize");
    }
    if (key == "delta" && !is_residual(type)) {
      return concat(with, "; it acts with self or initialize");
    }
    const bool weak = type != CfgType::none && *o_.guidance_scale <= 1;
    if (weak && (key == "negative_prompt" || key == "delta" || key == "cfg_type")) {
      return concat(" with ", name("guidance_scale"), " ", *o_.guidance_scale, "; it acts above 1");
    }
    return {};
  }

  std::string filter(std::string_view key) const {
    if (!key.starts_with("similar_image_filter_") || o_.enable_similar_image_filter) return {};
    return concat(" without ", name("enable_similar_image_filter"));
  }

  std::string steps(std::string_view key) const {
    const bool off = key == "do_add_noise" && !o_.do_add_noise;
    if (off && o_.t_index_list.size() == 1) return " with one step: noise is added between steps";
    if (off && keeps_its_noise()) return concat(with_scheduler(), ", which adds none");
    if (key == "eta" && *o_.scheduler != Scheduler::ddim && *o_.scheduler != Scheduler::tcd) {
      return concat(with_scheduler(), "; it acts with ddim or tcd");
    }
    const bool of_the_grid = key == "timestep_spacing" || key == "num_inference_steps";
    if (of_the_grid && !o_.timesteps.empty()) return concat(" beside ", name("timesteps"));
    return {};
  }

  std::string with_scheduler() const {
    return concat(" with ", name("scheduler"), " ",
                  streamdiffusion::name_of(kSchedulers, *o_.scheduler));
  }

  /// Whether no noise of a step is fresh.
  bool keeps_its_noise() const {
    const bool has_eta = o_.scheduler == Scheduler::ddim || o_.scheduler == Scheduler::tcd;
    return o_.scheduler == Scheduler::euler || (has_eta && *o_.eta == 0);
  }

  bool has_transition() const { return settings_.live.transition_seconds > 0 && !images_.single; }

  std::string prompts(std::string_view key) const {
    const LiveSettings& live = settings_.live;
    if (key == "prompt_interpolation_method" && live.prompts.size() < 2 && !has_transition()) {
      return " with one prompt; it says how several are blended";
    }
    if (key == "prompt_list" && live.prompts.size() == 1 && live.prompts[0].weight != 1) {
      return " with one prompt";
    }
    return {};
  }

  std::string noise(std::string_view key) const {
    if (key == "seed" && !o_.seed_list.empty()) return concat(" beside ", name("seed_list"));
    if (key == "seed_interpolation_method" && o_.seed_list.size() < 2 && !has_transition()) {
      return " with one seed; it says how several are blended";
    }
    return {};
  }

  std::string cached_frames(std::string_view key) const {
    const bool injection = key.starts_with("feature_injection_");
    if (!key.starts_with("cache_") && !injection && key != "use_feature_injection") return {};
    if (!o_.use_cached_attn) return concat(" without ", name("use_cached_attn"));
    if (!injection || o_.use_feature_injection) return {};
    return concat(" without ", name("use_feature_injection"));
  }

  std::string input(std::string_view key) const {
    if (!o_.text_to_image) return {};
    if (key == "fit" || key == "enable_similar_image_filter" || key == "strength" ||
        key == "latent_feedback_strength") {
      return " without an input image (txt2img)";
    }
    return {};
  }

  std::string engine(std::string_view key) const {
    const EngineOptions& engine = settings_.engine;
    const bool calibrated = engine.dtype == DataType::int8;
    const bool plans = engine.device == "cuda" || engine.device == "auto";  // may be kept too
    if (!calibrated && (key == "calibration" || (key == "cache" && !engine.cache && !plans))) {
      return concat(" without ", name("dtype"), " int8");
    }
    if ((key == "max_isa" && (engine.device == "ref" || engine.device == "cuda")) ||
        (key == "threads" && engine.device == "cuda") ||
        (key == "tune" && engine.tune && (engine.device == "ref" || engine.device == "cpu"))) {
      return concat(" on ", name("device"), " ", engine.device);
    }
    return {};
  }

  std::string size(std::string_view key) const {
    const bool of_size =
        key.starts_with("original_") || key.starts_with("crop_") || key.starts_with("target_");
    if (!of_size || model_.size_conditioning) return {};
    return " with this model: it has no size conditioning (SDXL has)";
  }

  const Settings& settings_;
  const SessionOptions& o_;
  const NameOf& name_of_;
  const ModelTraits& model_;
  const ImageTraits& images_;
};

}  // namespace

std::string key_of(const Parameter& row) {
  return row.name;
}

std::string flag_or_key_of(const Parameter& row) {
  const std::string_view key = row.name;
  if (key == "prompt_interpolation_method") return "--lerp";
  if (key == "prompt_list") return "--prompt-weights";
  std::string flag = row.in.flag;
  if (flag.empty()) return row.name;
  if (flag.front() == '!') flag.erase(0, 1);
  return flag.substr(0, flag.find(','));
}

NameOf as_given_in(const Settings& settings) {
  return [&settings](const Parameter& row) {
    return settings.of_file.contains(row.name) ? key_of(row) : flag_or_key_of(row);
  };
}

namespace {

/// Options of preprocessors that are not in use. A net of `controlnets` whose preprocessor was
/// chosen there was looked at where it was read.
void add_idle_options(const Settings& settings, const SessionOptions& full, const NameOf& name_of,
                      std::vector<WithoutEffect>& found) {
  for (const char* key : {"controlnets", "control_settings"}) {
    if (!settings.given.contains(key)) continue;
    const Parameter& row = parameter(key);
    const std::vector<ControlNet>& nets = settings.engine.controlnets;
    for (std::size_t i = 0; i < full.control_settings.size(); ++i) {
      const bool of_model = key == std::string_view("controlnets");
      if (of_model &&
          (i >= nets.size() || nets[i].settings.image.preprocessor != Preprocessor::automatic)) {
        continue;
      }
      for (const std::string& idle : idle_options(full.control_settings[i])) {
        found.push_back({&row, concat(name_of(row), "[", i, "]: ", idle)});
      }
    }
  }
}

/// `items` of the list `key` whose weight is 0: `noun` says what they are.
template <typename Items>
void add_weightless(const char* key, const char* noun, const Items& items, const Settings& settings,
                    const NameOf& name_of, std::vector<WithoutEffect>& found) {
  if (!settings.given.contains(key)) return;
  const Parameter& row = parameter(key);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].weight != 0) continue;
    found.push_back(
        {&row, concat(name_of(row), "[", i, "]: the ", noun, " has no effect with weight 0")});
  }
}

/// Why an IP-Adapter that is switched on does nothing; empty if it acts.
std::string why_idle(const ImagePrompt& prompt, bool text_to_image, const ImageTraits& images) {
  if (!prompt.enabled) return {};
  if (!prompt.follow_input) {
    return image_count(prompt) > 0 ? "" : " has no effect without an image to follow";
  }
  if (text_to_image) return ": follow_input has no effect without an input image (txt2img)";
  if (!images.single) return {};
  return ": follow_input has no effect on a single image; it acts on a stream of frames";
}

void add_idle_adapters(const Settings& settings, const SessionOptions& full, const NameOf& name_of,
                       const ImageTraits& images, std::vector<WithoutEffect>& found) {
  if (!settings.given.contains("image_prompts")) return;
  const Parameter& row = parameter("image_prompts");
  for (std::size_t i = 0; i < full.image_prompts.size(); ++i) {
    const std::string why = why_idle(full.image_prompts[i], full.text_to_image, images);
    if (!why.empty()) found.push_back({&row, concat(name_of(row), "[", i, "]", why)});
  }
}

}  // namespace

std::vector<WithoutEffect> without_effect(const Settings& settings, const SessionOptions& full,
                                          const NameOf& name_of, const ModelTraits& model,
                                          const ImageTraits& images) {
  const Rules rules(settings, full, name_of, model, images);
  std::vector<WithoutEffect> found;
  for (const Parameter& row : parameters()) {
    if (!settings.given.contains(row.name)) continue;
    const std::string reason = rules.why(row.name);
    if (reason.empty()) continue;
    const bool weight = std::string_view(row.name) == "prompt_list";
    found.push_back(
        {&row, concat(name_of(row), weight ? ": its weight" : "", " has no effect", reason)});
  }
  add_idle_options(settings, full, name_of, found);
  add_weightless("prompt_list", "prompt", settings.live.prompts, settings, name_of, found);
  add_weightless("seed_list", "seed", full.seed_list, settings, name_of, found);
  add_idle_adapters(settings, full, name_of, images, found);
  return found;
}

}  // namespace streamdiffusion::params
