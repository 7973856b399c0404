// The parameters of a stream: one table that is their JSON Schema, their validation and their text.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "json/json.h"
#include "server/options.h"
#include "server/protocol/http_error.h"
#include "server/stream_factory.h"

namespace streamdiffusion::server {

/// What a client has set. Options that are unset follow the model's own defaults.
struct Parameters {
  LiveSettings live;
  std::string model;
  int jpeg_quality = 85;
};

/// JSON of a client: bounded in size, depth and number of values. Throws HttpError 400.
json::Json parse_client_json(std::string_view text, const std::string& name);

class ParameterTable {
 public:
  ParameterTable(const StreamFactory& factory, const Limits& limits);

  /// A JSON Schema object; the names are its properties.
  nlohmann::json schema() const;
  Parameters defaults() const;
  /// `now` with the members of an object applied. Throws HttpError 400 naming the parameter, what was
  /// found and what was expected.
  Parameters apply(const json::Json& object, const Parameters& now) const;
  /// The same from an address's query; other names are refused unless they stand in `ignored`.
  Parameters apply(const std::map<std::string, std::string>& query,
                   const std::vector<std::string>& ignored, const Parameters& now) const;
  /// Every parameter, defaults filled in.
  nlohmann::json write(const Parameters& parameters) const;
  /// Of all prompts.
  nlohmann::json warnings(const Parameters& parameters) const;

  /// What one message asks for, gathered before its parts are brought together.
  struct Change {
    Parameters next;
    std::optional<double> strength;
    std::optional<int> steps;
    bool t_index_list = false, cfg_type = false, mode = false;
  };
  struct View {
    const Parameters& given;
    SessionOptions full;
    const ServedModel& info;
  };
  struct Spec {
    std::string name;
    nlohmann::json schema;
    std::function<void(const json::Json&, Change&)> read;
    std::function<nlohmann::json(const View&)> write;
  };

 private:
  const Spec* find(std::string_view name) const;
  void settle(Change& change, const Parameters& now) const;

  const StreamFactory& factory_;
  std::vector<Spec> specs_;
};

/// `count` places of a schedule of `length` from `first` on, evenly spread, the end left out.
std::vector<int> spread_steps(int first, int count, int length);

}  // namespace streamdiffusion::server
