// What the table says of values: whether they are in range, in words, and for whole settings.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "params/nul_note.h"
#include "params/table.h"

namespace streamdiffusion::params {

/// What a type takes: "an integer from 8 to 16384", "none, full, self, initialize". Messages say it
/// after "expected", the docs in their tables.
std::string describe(const Type& type);

/// What a message says after "expected" of a value that accepts() refuses.
template <typename Row, typename Value>
std::string expected(const Row& type, const Value& value) {
  return describe(type) + nul_note(value);
}

/// Whether a type takes a value. NaN and infinity never are.
bool accepts(const Integer& type, std::int64_t value);
bool accepts(const Number& type, double value);
bool accepts(const Boolean& type, bool value);
bool accepts(const Choice& type, const std::string& value);
bool accepts(const Text& type, const std::string& value);
bool accepts(const IntegerList& type, const std::vector<int>& value);
bool accepts(const PromptList& type, const std::vector<WeightedPrompt>& value);
bool accepts(const SeedList& type, const std::vector<WeightedSeed>& value);
bool accepts(const LoraList& type, const std::vector<Lora>& value);
bool accepts(const NumberList& type, const std::vector<float>& value);
bool accepts(const ControlNetList& type, const std::vector<ControlNet>& value);
bool accepts(const ControlSettingsList& type, const std::vector<ControlSettings>& value);
bool accepts(const IpAdapterList& type, const std::vector<IpAdapter>& value);
bool accepts(const ImagePromptList& type, const std::vector<ImagePrompt>& value);

/// The number that a text means to a flag or a configuration file: decimal, or N/D where the type
/// takes a ratio. Empty for other texts; the range is not checked.
std::optional<double> parse(const Number& type, std::string_view text);

/// Whether a weight alone is in range.
bool accepts_weight(double weight);

/// Throws invalid_argument naming the first parameter that is set and out of range, what it is and
/// what was expected.
void check(const Settings& settings);
void check(const SessionOptions& options);
void check(const LiveSettings& settings);

/// The same for prompts alone: at least one, and for any number of them. (A transition blends the
/// old prompts with the new, which are more than a user may set.)
void check_prompts(const std::vector<WeightedPrompt>& prompts);
/// The same of a blend of seeds, of which there is at least one.
void check_seeds(const std::vector<WeightedSeed>& seeds);

/// What is unset in `to`, from `from`.
void fill(Settings& to, const Settings& from);
/// What holds where neither the user nor the model says anything.
const Settings& fallbacks();

/// Whether a stream made for the first options can go on under the second.
bool same_session(const SessionOptions& a, const SessionOptions& b);

}  // namespace streamdiffusion::params
