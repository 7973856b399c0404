#include "osc/request.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "json/json.h"
#include "json/quote.h"

namespace streamdiffusion::osc {
namespace {

using json::quote;
using Arguments = std::span<const Argument>;
constexpr ErrorCode kBadRequest = ErrorCode::invalid_argument;
constexpr std::string_view kPrefix = "/streamdiffusion/";
/// Whole numbers beyond this are no longer exact as floats.
constexpr double kLargestExact = 9007199254740992.0;

/// What existing controllers call a parameter.
std::string_view table_name(std::string_view name) {
  if (name == "t_list") return "t_index_list";
  if (name == "sdmode") return "mode";
  return name;
}

std::string_view type_name(const Argument& argument) {
  constexpr std::string_view names[] = {"an integer", "a number", "true or false", "a text"};
  return names[argument.index()];
}

[[noreturn]] void refuse(std::string_view address, std::size_t position, const Argument& found,
                         std::string_view expected) {
  base::fail(kBadRequest, quote(address), ": argument ", position + 1, " is ", type_name(found),
             ", expected ", expected);
}

std::string number_text(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

/// Controllers send whole numbers as floats too.
std::string integer_json(std::string_view address, std::size_t position, const Argument& found) {
  if (const auto* integer = std::get_if<std::int64_t>(&found)) return std::to_string(*integer);
  const auto* number = std::get_if<double>(&found);
  const bool whole =
      number != nullptr && std::abs(*number) <= kLargestExact && std::trunc(*number) == *number;
  if (!whole) refuse(address, position, found, "a whole number");
  return std::to_string(static_cast<std::int64_t>(*number));
}

std::string number_json(std::string_view address, std::size_t position, const Argument& found) {
  if (const auto* integer = std::get_if<std::int64_t>(&found)) return std::to_string(*integer);
  const auto* number = std::get_if<double>(&found);
  if (number == nullptr || !std::isfinite(*number)) {
    refuse(address, position, found, "a finite number");
  }
  return number_text(*number);
}

std::string boolean_json(std::string_view address, const Argument& found) {
  if (const auto* boolean = std::get_if<bool>(&found)) return *boolean ? "true" : "false";
  const auto* integer = std::get_if<std::int64_t>(&found);
  const auto* number = std::get_if<double>(&found);
  const double value = integer != nullptr  ? static_cast<double>(*integer)
                       : number != nullptr ? *number
                                           : -1;
  if (value != 0 && value != 1) refuse(address, 0, found, "T, F, 0 or 1");
  return value == 1 ? "true" : "false";
}

std::string text_json(std::string_view address, std::size_t position, const Argument& found) {
  const auto* text = std::get_if<std::string>(&found);
  if (text == nullptr) refuse(address, position, found, "a text");
  return json::json_string(*text);
}

template <typename Item>
std::string list_json(std::string_view address, Arguments arguments, Item item) {
  std::string out = "[";
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (i > 0) out += ',';
    out += item(address, i, arguments[i]);
  }
  return out + ']';
}

/// One text that is JSON; nothing for other arguments.
std::optional<std::string> one_json(std::string_view address, Arguments arguments) {
  const auto* text = std::get_if<std::string>(&arguments[0]);
  if (arguments.size() != 1 || text == nullptr) return std::nullopt;
  json::Json::parse(*text, std::string(address), {.bytes = kMaxDatagramBytes});
  return *text;
}

/// An item and its weight in turns, or one text with the JSON of such pairs.
template <typename Item>
std::string pairs_json(std::string_view address, Arguments arguments, Item item) {
  if (const auto text = one_json(address, arguments)) return *text;
  base::require(arguments.size() % 2 == 0, kBadRequest, quote(address), " has ", arguments.size(),
                " arguments, expected each item and its weight in turns");
  std::string out = "[";
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    if (i > 0) out += ',';
    out += '[' + item(address, i, arguments[i]) + ',' +
           number_json(address, i + 1, arguments[i + 1]) + ']';
  }
  return out + ']';
}

/// The arguments as the JSON that a parameter of this type is read from.
struct AsJson {
  std::string_view address;
  Arguments arguments;

  const Argument& one() const {
    base::require(arguments.size() == 1, kBadRequest, quote(address), " has ", arguments.size(),
                  " arguments, expected one");
    return arguments[0];
  }
  std::string operator()(const params::Integer&) const { return integer_json(address, 0, one()); }
  std::string operator()(const params::Number&) const { return number_json(address, 0, one()); }
  std::string operator()(const params::Boolean&) const { return boolean_json(address, one()); }
  std::string operator()(const params::Choice&) const { return text_json(address, 0, one()); }
  std::string operator()(const params::Text&) const { return text_json(address, 0, one()); }
  std::string operator()(const params::IntegerList&) const {
    return list_json(address, arguments, integer_json);
  }
  std::string operator()(const params::NumberList&) const {
    return list_json(address, arguments, number_json);
  }
  std::string operator()(const params::PromptList&) const {
    return pairs_json(address, arguments, text_json);
  }
  std::string operator()(const params::SeedList&) const {
    return pairs_json(address, arguments, integer_json);
  }
  std::string operator()(const params::ControlSettingsList&) const {
    return list_of_objects("ControlNet");
  }
  std::string operator()(const params::ImagePromptList&) const {
    return list_of_objects("IP-Adapter");
  }
  std::string operator()(const params::LoraList&) const { return of_the_engine(); }
  std::string operator()(const params::ControlNetList&) const { return of_the_engine(); }
  std::string operator()(const params::IpAdapterList&) const { return of_the_engine(); }

 private:
  std::string list_of_objects(const char* network) const {
    const auto text = one_json(address, arguments);
    base::require(text.has_value(), kBadRequest, quote(address),
                  " takes one text, the JSON of a list with an object for each ", network);
    return *text;
  }
  [[noreturn]] std::string of_the_engine() const {
    base::fail(kBadRequest, quote(address), " cannot be changed while a stream runs");
  }
};

/// What is asked of the stream as a whole. Returns false for other names.
bool read_command(std::string_view name, const Message& message, Request& request) {
  if (name == "pause" || name == "play") {
    bool on = true;  // /pause 0 goes on, as a button that was released sends it
    if (!message.arguments.empty())
      on = boolean_json(message.address, message.arguments[0]) == "true";
    request.pause = (name == "pause") == on;
    return true;
  }
  request.status = name == "get_status";
  return request.status;
}

}  // namespace

std::string Request::change_text() const {
  std::string text = "{";
  for (const auto& [name, value] : change) {
    if (text.size() > 1) text += ',';
    text += json::json_string(name) + ':' + value;
  }
  return text + '}';
}

bool Request::joins(const Request& later) const {
  const auto only_sets = [](const Request& request) {
    return request.questions.empty() && !request.status && !request.pause;
  };
  return session == later.session && only_sets(*this) && only_sets(later);
}

void Request::join(Request&& later) {
  for (auto& [name, value] : later.change) change[name] = std::move(value);
}

Request read_request(const Message& message, std::span<const params::Parameter> rows) {
  Request request;
  std::string_view name = message.address;
  name.remove_prefix(name.starts_with(kPrefix) ? kPrefix.size()
                                               : std::min<std::size_t>(1, name.size()));
  if (message.address.starts_with(kPrefix)) {
    if (const std::size_t slash = name.find('/'); slash != std::string_view::npos) {
      request.session = name.substr(0, slash);
      name.remove_prefix(slash + 1);
    }
  }
  if (read_command(name, message, request)) return request;
  const auto row = std::ranges::find_if(
      rows, [&](const params::Parameter& candidate) { return candidate.name == table_name(name); });
  base::require(row != rows.end(), kBadRequest, "there is no parameter for the OSC address ",
                quote(message.address), ", expected ", kPrefix, "NAME, such as ", kPrefix, "seed");
  if (message.arguments.empty()) {
    request.questions.emplace_back(row->name);
  } else {
    request.change.emplace(row->name,
                           std::visit(AsJson{message.address, message.arguments}, row->type));
  }
  return request;
}

}  // namespace streamdiffusion::osc
