// Builds the tree from the events of nlohmann's SAX parser. That parser does not recurse, so the
// limits checked here bound both stack and memory for any text.
#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "base/git_lfs.h"
#include "base/input_file.h"
#include "json/json_tree.h"
#include "json/quote.h"

namespace streamdiffusion::json {

using base::ErrorCode;
using base::fail;

class Json::Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  Builder(Document& document, const JsonLimits& limits) : document_(document), limits_(limits) {}

  bool null() override { return add({}), true; }
  bool boolean(bool value) override { return add({.kind = Kind::boolean, .boolean = value}), true; }
  bool number_integer(number_integer_t value) override {
    return add({.kind = Kind::integer, .integer = value, .number = static_cast<double>(value)}),
           true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value <= static_cast<number_unsigned_t>(INT64_MAX)) {
      return number_integer(static_cast<number_integer_t>(value));
    }
    return number_float(static_cast<double>(value), {});
  }
  bool number_float(number_float_t value, const string_t& /*text*/) override {
    return add({.kind = Kind::number, .number = value}), true;
  }
  bool string(string_t& value) override {
    return add({.kind = Kind::string, .text = std::move(value)}), true;
  }
  bool binary(binary_t& /*value*/) override { return false; }  // JSON text has no binary values

  bool start_object(std::size_t /*unknown*/) override { return open(Kind::object); }
  bool start_array(std::size_t /*unknown*/) override { return open(Kind::array); }
  bool key(string_t& value) override {
    open_.back()->keys.push_back(std::move(value));
    return true;
  }
  bool end_object() override {
    sort_members(*open_.back());
    open_.pop_back();
    return true;
  }
  bool end_array() override {
    open_.pop_back();
    return true;
  }
  bool parse_error(std::size_t position, const std::string& /*last_token*/,
                   const nlohmann::detail::exception& error) override {
    std::string_view detail = error.what();
    // nlohmann's messages begin with the exception's name in brackets.
    detail.remove_prefix(std::min(detail.find("] ") + 2, detail.size()));
    constexpr std::string_view opening = "parse error at ";
    if (detail.starts_with(opening)) detail.remove_prefix(opening.size());
    fail(ErrorCode::corrupt_file, document_.file, ": not valid JSON (byte ", position,
         "): ", printable(detail, 200));
  }

 private:
  // The address stays valid while the value is open, since until then only its own descendants are
  // added.
  Node* add(Node node) {
    if (++values_ > limits_.values) {
      fail(ErrorCode::corrupt_file, document_.file, ": more than ", limits_.values, " JSON values");
    }
    if (open_.empty()) {
      document_.root = std::move(node);
      return &document_.root;
    }
    return &open_.back()->items.emplace_back(std::move(node));
  }

  bool open(Kind kind) {
    if (open_.size() >= static_cast<std::size_t>(limits_.depth)) {
      fail(ErrorCode::corrupt_file, document_.file, ": JSON is nested deeper than ", limits_.depth);
    }
    open_.push_back(add({.kind = kind}));
    return true;
  }

  void sort_members(Node& object) const {
    const auto unsorted =
        std::adjacent_find(object.keys.begin(), object.keys.end(), std::greater_equal<>());
    if (unsorted == object.keys.end()) return;
    std::vector<std::size_t> order(object.keys.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return object.keys[a] < object.keys[b]; });
    std::vector<std::string> keys;
    std::vector<Node> items;
    keys.reserve(order.size());
    items.reserve(order.size());
    for (const std::size_t i : order) {
      keys.push_back(std::move(object.keys[i]));
      items.push_back(std::move(object.items[i]));
    }
    if (const auto duplicate = std::adjacent_find(keys.begin(), keys.end());
        duplicate != keys.end()) {
      fail(ErrorCode::corrupt_file, document_.file, ": key ", quote(*duplicate), " appears twice");
    }
    object.keys = std::move(keys);
    object.items = std::move(items);
  }

  Document& document_;
  const JsonLimits& limits_;
  std::vector<Node*> open_;
  std::size_t values_ = 0;
};

Json Json::parse(std::string_view text, std::string file, const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    fail(ErrorCode::corrupt_file, file, ": JSON text of ", text.size(), " bytes, expected at most ",
         limits.bytes);
  }
  base::refuse_lfs_pointer(std::as_bytes(std::span(text)), file);
  auto document = std::make_shared<Document>();
  document->file = std::move(file);
  document->null_is_absent = limits.null_is_absent;
  Builder builder(*document, limits);
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  const Node* root = &document->root;
  return {std::move(document), root};
}

Json Json::read(const std::filesystem::path& file, const JsonLimits& limits) {
  const auto bytes = base::read_file(file, limits.bytes);
  return parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, file.string(), limits);
}

std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace streamdiffusion::json
