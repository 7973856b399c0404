// Reads page.json and checks every value, so that the page can rely on it.
#include "server/page_hints.h"

#include <vector>

#include "base/input_file.h"
#include "json/json.h"
#include "params/limits.h"

namespace streamdiffusion::server {
namespace {

using json::Json;

constexpr std::size_t kMaxBytes = std::size_t{1} << 20U, kMaxValues = 100000;

void check_texts(const Json& object, std::string_view key) {
  if (const auto list = object.find(key)) (void)list->strings();
}

double share(const Json& value) {
  const double number = value.number();
  if (number < 0 || number > 1) value.refuse("a number from 0 to 1");
  return number;
}

void check_camera(const Json& camera) {
  camera.allow_only({"prompt", "strength", "concepts", "note"});
  for (const char* key : {"prompt", "note"}) {
    if (const auto text = camera.find(key)) (void)text->string();
  }
  if (const auto strength = camera.find("strength")) share(*strength);
  check_texts(camera, "concepts");
}

/// Two numbers of 0..1.
std::pair<double, double> read_pair(const Json& value) {
  if (!value.is(Json::Kind::array) || value.size() != 2) value.refuse("two numbers from 0 to 1");
  return {share(value[0]), share(value[1])};
}

void check_strength(const Json& strength) {
  strength.allow_only({"curve", "best"});
  if (const auto best = strength.find("best")) {
    const auto [from, to] = read_pair(*best);
    if (from > to) best->refuse("the smaller number first");
  }
  const auto curve = strength.find("curve");
  if (!curve) return;
  if (!curve->is(Json::Kind::array) || curve->size() < 2) curve->refuse("at least two pairs");
  std::pair<double, double> before{-1, -1};
  for (std::size_t i = 0; i < curve->size(); ++i) {
    const auto now = read_pair((*curve)[i]);
    if (now.first <= before.first || now.second <= before.second) {
      (*curve)[i].refuse("larger numbers than in the pair before");
    }
    before = now;
  }
}

void check_thumbnails(const Json& thumbnails) {
  if (!thumbnails.is(Json::Kind::object)) thumbnails.refuse("an object of data: addresses");
  for (std::size_t i = 0; i < thumbnails.size(); ++i) {
    const Json address = thumbnails.member(i).second;
    if (!address.string().starts_with("data:image/")) address.refuse("data:image/...");
  }
}

void check_tables(const Json& tables) {
  if (!tables.is(Json::Kind::object)) tables.refuse("an object of objects of strings");
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const Json table = tables.member(i).second;
    if (!table.is(Json::Kind::object)) table.refuse("an object of strings");
    for (std::size_t k = 0; k < table.size(); ++k) (void)table.member(k).second.string();
  }
}

/// Empty where there is no such file, or no folder.
std::string read_text(const std::filesystem::path& folder, const std::filesystem::path& file) {
  if (folder.empty() || !base::is_there(file)) return {};
  const std::vector<std::byte> bytes = base::read_file(file, kMaxBytes);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Json parse(const std::string& text, const std::filesystem::path& file) {
  return Json::parse(text, file.string(), {.bytes = kMaxBytes, .values = kMaxValues, .depth = 8});
}

}  // namespace

std::string read_page_hints(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "page.json";
  std::string text = read_text(folder, file);
  if (text.empty()) return "{}";
  const Json hints = parse(text, file);
  hints.allow_only(
      {"concepts", "opening", "camera", "strength", "thumbnails", "trained_side", "translations"});
  for (const char* key : {"concepts", "opening"}) check_texts(hints, key);
  if (const auto camera = hints.find("camera")) check_camera(*camera);
  if (const auto strength = hints.find("strength")) check_strength(*strength);
  if (const auto thumbnails = hints.find("thumbnails")) check_thumbnails(*thumbnails);
  if (const auto texts = hints.find("translations")) check_tables(*texts);
  if (const auto side = hints.find("trained_side"))
    (void)side->integer(params::kMinSide, params::kMaxSide);
  return text;
}

std::string read_page_words(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "words.json";
  std::string text = read_text(folder, file);
  if (text.empty()) return "{}";
  check_tables(parse(text, file));
  return text;
}

}  // namespace streamdiffusion::server
