// The one table of what users can set. Flags, YAML keys, streamdiffusion.json, the server's schema,
// the page's sliders, the library's checks and the tables of the docs follow from it: a new
// parameter is one row here and the code that uses it.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "streamdiffusion/live.h"

namespace streamdiffusion::params {

/// Prompts that hold from a time of the input on.
struct ScheduledPrompts {
  /// Seconds from the input's start.
  double time = 0;
  std::vector<WeightedPrompt> prompts;
  /// Over which they are blended in, from `time` on.
  double transition_seconds = 0;
};

/// Of the command `run` alone: where frames come from, where images go, and when it ends.
struct RunSettings {
  std::optional<std::string> input, output, control_input, input_format, input_size, output_format,
      codec, json, input_protocols;
  /// Frames a second.
  std::optional<double> fps;
  /// Seconds.
  std::optional<double> duration;
  std::optional<std::int64_t> frames;
  std::optional<bool> realtime, no_audio, strict, quiet;
  /// Ascending in time.
  std::vector<ScheduledPrompts> prompt_schedule;
};

/// What the rows of the table refer to.
struct Settings {
  EngineOptions engine;
  LiveSettings live;
  RunSettings run;
  /// Of the images that the server sends.
  int jpeg_quality = 85;
  /// Wishes that settings::set() and with_steps() turn into t_index_list.
  std::optional<double> strength;
  std::optional<int> steps;
  /// Of one ControlNet, while they are read or shown: what control_parameters() refer to.
  ControlSettings control;
  /// The same of one IP-Adapter: what image_prompt_parameters() refer to.
  ImagePrompt image_prompt;
  /// The names of the parameters that a user has set, whatever their values.
  std::set<std::string, std::less<>> given;
  /// Of those, the ones that stand in a file of settings and not among the flags.
  std::set<std::string, std::less<>> of_file;
};

/// Access to one member of Settings. `get` is empty where the member is unset.
template <typename T>
struct Member {
  std::optional<T> (*get)(const Settings&);
  void (*set)(Settings&, const T&);
  /// The default where neither the user nor the model has one.
  std::optional<T> fallback = std::nullopt;
};

struct Integer {
  Member<std::int64_t> member;
  std::int64_t minimum, maximum;
  std::int64_t multiple = 1;
};
/// Never infinite, never NaN.
struct Number {
  Member<double> member;
  double minimum, maximum;
  /// Of a slider.
  double step;
  /// Whether a text may say it as a ratio, 30000/1001.
  bool ratio = false;
};
struct Boolean {
  Member<bool> member;
};
struct Choice {
  Member<std::string> member;
  std::vector<std::string> words;
};
struct Text {
  Member<std::string> member;
  std::size_t maximum_bytes;
  /// Where an empty one is refused, how to say that it is meant (kNoText).
  bool is_prompt = false;
};
/// Strictly ascending or descending, at least one item.
struct IntegerList {
  Member<std::vector<int>> member;
  std::int64_t minimum, maximum;
  std::size_t maximum_items;
  bool descending = false;
  /// Whether JSON may say that there is none, by an empty list.
  bool may_be_unset = false;
};
/// At least one item, at least one weight above 0.
struct PromptList {
  Member<std::vector<WeightedPrompt>> member;
  std::size_t maximum_items, maximum_bytes;
  double maximum_weight;
};
/// Seeds with weights, each seed once, at least one weight above 0. JSON says
/// that there is none by an empty list.
struct SeedList {
  Member<std::vector<WeightedSeed>> member;
  std::size_t maximum_items;
  std::int64_t maximum_seed;
  double maximum_weight;
};
/// LoRA files, each with a scale.
struct LoraList {
  Member<std::vector<Lora>> member;
  std::size_t maximum_items, maximum_bytes;
  double minimum_scale, maximum_scale;
};
/// Numbers, at least one, each in range.
struct NumberList {
  Member<std::vector<float>> member;
  double minimum, maximum;
  std::size_t maximum_items;
  /// Of a slider.
  double step;
};
/// ControlNets, each with settings (params/control.h).
struct ControlNetList {
  Member<std::vector<ControlNet>> member;
  std::size_t maximum_items, maximum_bytes;
};
/// The settings of each ControlNet.
struct ControlSettingsList {
  Member<std::vector<ControlSettings>> member;
  std::size_t maximum_items;
};
/// IP-Adapters, each with what it is told (params/image_prompt.h).
struct IpAdapterList {
  Member<std::vector<IpAdapter>> member;
  std::size_t maximum_items, maximum_bytes;
};
/// What each IP-Adapter is told.
struct ImagePromptList {
  Member<std::vector<ImagePrompt>> member;
  std::size_t maximum_items;
  /// Which layers make the style or the composition is not known for the UNet: `layers` is whole.
  bool whole_alone = false;
};
using Type = std::variant<Integer, Number, Boolean, Choice, Text, IntegerList, PromptList, SeedList,
                          LoraList, NumberList, ControlNetList, ControlSettingsList, IpAdapterList,
                          ImagePromptList>;

/// When a change of a running stream takes effect.
enum class Change {
  /// At the next frame edge.
  live,
  /// With another session, which is made while the stream goes on.
  session,
  /// At the next frame edge; with another session if the length of the list changes.
  session_for_length,
  /// When an engine is opened.
  engine,
};

/// Sections of `--help` and of the page.
enum class Group {
  engine,
  steps,
  prompt,
  guidance,
  control,
  image_prompt,
  image,
  filter,
  run,
};

/// Where a parameter appears.
struct FrontEnds {
  /// "--width", or "!--sequential" for a flag that switches the parameter off. Empty: no flag.
  const char* flag = "";
  /// For a flag that says something else than `Parameter::help`.
  const char* flag_help = "";
  /// What stands for the flag's value in `--help`: "DIR".
  const char* flag_value = "";
  /// Whether it is a key of --config, of a model's streamdiffusion.json, of the server's protocol.
  bool yaml = false, model_file = false, server = false;
  /// Where the page's slider ends, if one over the whole range were of no use.
  std::optional<double> slider_maximum = std::nullopt;
};

struct Parameter {
  const char *name, *title, *help;
  Group group;
  Change change;
  Type type;
  FrontEnds in;
};

/// All rows, in the order in which they are listed.
const std::vector<Parameter>& parameters();

/// The row of that name; throws internal if there is none.
const Parameter& parameter(std::string_view name);

/// Those two that prompts are made of, in whatever form a front end takes them.
const PromptList& prompt_list();
const Text& prompt_text();
const LoraList& lora_list();

const char* to_string(Group group);

}  // namespace streamdiffusion::params
