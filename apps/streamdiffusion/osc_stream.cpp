#include "osc_stream.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "osc/answer.h"
#include "setup.h"

namespace streamdiffusion::app {
namespace {

/// The output has one size, and frames come from the input.
constexpr std::array<std::string_view, 4> kFixed{"width", "height", "mode", "jpeg_quality"};

std::vector<params::Parameter> rows() {
  std::vector<params::Parameter> rows;
  std::ranges::copy_if(params::parameters(), std::back_inserter(rows), [](const auto& row) {
    return row.change != params::Change::engine && row.group != params::Group::run &&
           std::ranges::find(kFixed, row.name) == kFixed.end();
  });
  return rows;
}

}  // namespace

void add_osc_flags(Flags& flags, osc::PortOptions& options) {
  flags.group("Control by OSC");
  flags.text("--osc", options.listen,
             "UDP port whose messages change the stream: /prompt, /seed, /streamdiffusion/NAME; "
             "without HOST for this machine alone",
             {.value = "[HOST:]PORT"});
  flags.text("--osc-reply", options.reply,
             "Where its answers go, instead of to who asked; needed for other machines",
             {.value = "[HOST:]PORT"});
  flags.flag("--osc-insecure", options.insecure,
             "Listen for OSC beyond this machine; everyone can then change the stream");
}

void check_osc(const osc::PortOptions& options) {
  const bool off = options.listen.empty();
  warn_without_effect(off && !options.reply.empty(), "--osc-reply", "without --osc");
  warn_without_effect(off && options.insecure, "--osc-insecure", "without --osc");
  if (!off) osc::check(options);
}

OscStream::OscStream(const osc::PortOptions& options, LiveSession& live,
                     const params::Settings& settings)
    : live_(live),
      parameters_([&] {
        live::NamedParameters parameters(live.engine(), live::NamedParameters::Files::refuse);
        parameters.keep(settings);
        return parameters;
      }()),
      port_(options, rows(),
            [this](const osc::Request& request, const auto& sender) { handle(request, *sender); }) {
}

void OscStream::handle(const osc::Request& request, const osc::Sender& sender) {
  base::require(request.session.empty(), ErrorCode::invalid_argument,
                "there is one stream, and no session ", request.session,
                "; expected an address without a session");
  parameters_.follow(live_);
  if (!request.change.empty()) {
    params::Settings next = parameters_.with(request.change_text().c_str());
    const std::uint64_t number = live_.change(next.live);
    parameters_.keep(std::move(next), number);
  }
  if (request.pause) *request.pause ? live_.pause() : live_.resume();
  if (request.status) {
    const double seconds = live_.call_seconds();
    const bool paused = live_.state() == LiveState::paused;
    sender.send(
        osc::answer("status", {paused ? "paused" : "live", 1, seconds > 0 ? 1 / seconds : 0}));
  }
  if (request.questions.empty()) return;
  const auto values = nlohmann::json::parse(parameters_.values());
  for (const std::string& name : request.questions) {
    sender.send(osc::answer(name, values.value(name, nlohmann::json())));
  }
}

}  // namespace streamdiffusion::app
