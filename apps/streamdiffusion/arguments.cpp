#include "arguments.h"

#include <cctype>
#include <map>

#include "base/edit_distance.h"
#include "base/error.h"
#include "base/log.h"
#include "json/quote.h"

namespace streamdiffusion::app {
namespace {

using base::ErrorCode;

/// No flag and no syntax of the library begins with it.
constexpr char kMark = '\x01';

bool looks_like_a_flag(const std::string& argument) {
  return argument.size() > 1 && argument.front() == '-';
}

/// -x, --word or --word=value, where a value stands: a known flag, or a mistyped one.
bool reads_as_a_flag(const std::string& argument) {
  const std::size_t dashes = argument.find_first_not_of('-');
  if (dashes != 1 && dashes != 2) return false;
  const bool letter = std::isalpha(static_cast<unsigned char>(argument[dashes])) != 0;
  return letter && argument.substr(0, argument.find('=')).find(' ') == std::string::npos;
}

[[noreturn]] void refuse_unknown(const std::string& flag, const KnownFlags& known) {
  std::vector<std::string_view> names;
  for (const auto& [name, takes] : known.flags) names.emplace_back(name);
  const std::string nearest = base::nearest_word(flag, names);
  base::fail(ErrorCode::invalid_argument, json::printable(flag, 80), " is no flag of `",
             known.command, "`",
             nearest.empty() ? "; --help lists them" : "; did you mean " + nearest + "?");
}

class Marker {
 public:
  explicit Marker(const KnownFlags& known) : known_(known) {}

  void take(const std::string& argument) {
    if (needs_value_) return value(argument);
    if (only_positionals_ || !looks_like_a_flag(argument)) return plain(argument);
    if (argument == "--") {
      only_positionals_ = true;
      current_ = nullptr;
    } else {
      flag(argument);
    }
  }

  std::vector<std::string> finish() {
    base::require(!needs_value_, ErrorCode::invalid_argument, needs_value_ ? current_->name : "",
                  " has no value");
    return std::move(marked_);
  }

 private:
  void value(const std::string& argument) {
    if (reads_as_a_flag(argument)) {
      base::warn(json::printable(argument, 80), " is taken as the value of ", current_->name,
                 ", not as a flag; ", current_->name, "=TEXT says so");
    }
    mark(argument);
  }

  void plain(const std::string& argument) {
    const bool more = current_ != nullptr && current_->takes != Takes::one;
    if (!more) {
      base::require(positionals_ < known_.positionals, ErrorCode::invalid_argument,
                    json::quote(argument), " belongs to no flag of `", known_.command,
                    "`; a text of several words needs quotes");
      ++positionals_;
    }
    mark(argument);
  }

  void flag(const std::string& argument) {
    const std::size_t equals = argument.find('=');
    const std::string spelling = argument.substr(0, equals);
    const auto found = known_.flags.find(spelling);
    if (found == known_.flags.end()) refuse_unknown(spelling, known_);
    current_ = &found->second;
    const auto [seen, first] = seen_.emplace(current_->name, spelling);
    if (!first && current_->takes != Takes::several_each_time)
      refuse_second(seen->second, spelling);
    marked_.push_back(spelling);
    needs_value_ = current_->takes != Takes::nothing;
    if (!needs_value_) {
      current_ = nullptr;
      base::require(equals == std::string::npos, ErrorCode::invalid_argument, spelling,
                    " takes no value");
    } else if (equals != std::string::npos) {
      mark(argument.substr(equals + 1));
    }
  }

  [[noreturn]] static void refuse_second(const std::string& first, const std::string& second) {
    base::require(first != second, ErrorCode::invalid_argument, first, " is given twice");
    base::fail(ErrorCode::invalid_argument, first, " and ", second,
               " are both given, expected one of them");
  }

  void mark(const std::string& value) {
    marked_.push_back(kMark + value);
    needs_value_ = false;
  }

  const KnownFlags& known_;
  std::vector<std::string> marked_;
  /// The flag that takes the next value.
  const KnownFlag* current_ = nullptr;
  bool needs_value_ = false, only_positionals_ = false;
  std::size_t positionals_ = 0;
  /// The flags so far, as they were spelled.
  std::map<std::string, std::string> seen_;
};

}  // namespace

std::vector<std::string> mark_values(const std::vector<std::string>& arguments,
                                     const KnownFlags& known) {
  Marker marker(known);
  for (const std::string& argument : arguments) marker.take(argument);
  return marker.finish();
}

std::string unmarked(const std::string& value) {
  return !value.empty() && value.front() == kMark ? value.substr(1) : value;
}

}  // namespace streamdiffusion::app
