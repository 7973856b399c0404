// The parameters of a stream as clients see them: JSON Schema, validation and text, all out of
// params/table.h.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/json.h"
#include "params/table.h"
#include "params/without_effect.h"
#include "server/options.h"
#include "server/protocol/http_error.h"
#include "server/stream_factory.h"

namespace streamdiffusion::server {

/// What was wrong with an image that is used all the same.
struct ImageWarning {
  /// What the client calls the image.
  std::string param, message;
};

/// What a client has set. Options that are unset follow the model's own defaults.
struct Parameters {
  LiveSettings live;
  std::string model;
  int jpeg_quality = params::Settings().jpeg_quality;
  /// The names of the parameters that the client has set so far.
  std::set<std::string, std::less<>> given = {};
  /// What the last message asked for in vain.
  std::vector<std::string> ignored = {};
  /// Of the images that came with the last message.
  std::vector<ImageWarning> image_warnings = {};
};

/// The image that a client's text stands for. Adds to the warnings as decode_image() does.
using ReadStyleImage =
    std::function<std::shared_ptr<const Image>(const std::string&, std::vector<std::string>&)>;

/// JSON of a client: bounded in size, depth and number of values. Throws HttpError 400.
json::Json parse_client_json(std::string_view text, const std::string& name);

class ParameterTable {
 public:
  /// `models` are the names that a stream may change to, the factory's own among them; empty for
  /// that one alone.
  ParameterTable(const StreamFactory& factory, const Limits& limits,
                 const std::vector<std::string>& models = {});

  /// A JSON Schema object; the names are its properties.
  nlohmann::json schema() const;
  Parameters defaults() const;
  /// What a stream of another model goes on with in this one: its prompts, mode, seed, fit and
  /// quality. All else are this model's defaults.
  Parameters carried_over(const Parameters& other) const;
  /// `now` with the members of an object applied. Throws HttpError 400 naming the parameter, what
  /// was found and what was expected.
  /// A style image of an IP-Adapter is refused unless its text can be read.
  Parameters apply(const json::Json& object, const Parameters& now,
                   const ReadStyleImage& read_style_image = {}) const;
  /// Throws HttpError 400 for more work than a stream of this server may have.
  void check_work(const Parameters& parameters) const;
  /// apply() from an address's query; other names are refused unless they stand in `ignored`.
  Parameters apply(const std::map<std::string, std::string>& query,
                   const std::vector<std::string>& ignored, const Parameters& now) const;
  /// Every parameter, defaults filled in.
  nlohmann::json write(const Parameters& parameters) const;
  /// An array of objects with `message`: words that the model does not know (with `word` and
  /// `near`); with `param` what was wrong with images, what else there is to say of the prompts,
  /// and parameters that do nothing on such `images`.
  nlohmann::json warnings(const Parameters& parameters,
                          const params::ImageTraits& images = {}) const;
  /// What the answer to a request for one image says of it: X-Seed, and X-Warnings, a JSON array of
  /// texts, if there are warnings. The last one may say how many more there are.
  std::vector<std::pair<std::string, std::string>> image_header(const Parameters& parameters,
                                                                bool lossless) const;

 private:
  const params::Parameter* find(std::string_view name) const;

  const StreamFactory& factory_;
  std::vector<params::Parameter> rows_;
  const std::int64_t work_limit_;
};

}  // namespace streamdiffusion::server
