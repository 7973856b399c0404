#include "server/osc_control.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "osc/answer.h"

namespace streamdiffusion::server {
namespace {

/// What clients may set, under any limits: those are checked when a value is set.
std::vector<params::Parameter> rows() {
  std::vector<params::Parameter> rows;
  std::ranges::copy_if(params::parameters(), std::back_inserter(rows),
                       [](const params::Parameter& row) { return row.in.server; });
  rows.push_back(params::parameter("model"));
  return rows;
}

void act_on(ClientSession& session, const osc::Request& request) {
  // Without a name: who refuses says that it is OSC.
  if (!request.change.empty()) session.patch(parse_client_json(request.change_text(), ""), true);
  if (request.pause) session.set_paused(*request.pause);
}

void answer(SessionRegistry& registry, const ClientSession* session, const osc::Request& request,
            const osc::Sender& sender) {
  if (request.status) {
    const nlohmann::json status{session == nullptr ? "idle" : session->describe().at("state"),
                                registry.active(), session == nullptr ? 0.0 : session->fps()};
    sender.send(osc::answer("status", status));
  }
  if (request.questions.empty() || session == nullptr) return;
  const nlohmann::json values = session->settings().at("params");
  for (const std::string& name : request.questions) {
    sender.send(osc::answer(name, values.value(name, nlohmann::json())));
  }
}

/// Runs on the network thread.
void handle(SessionRegistry& registry, const osc::Request& request, const osc::Sender& sender) {
  const auto sessions = registry.live(request.session);
  if (sessions.empty() && !request.status) {
    return sender.refuse(request.session.empty() ? "no session runs"
                                                 : "there is no live session " + request.session);
  }
  for (const auto& session : sessions) {
    try {
      act_on(*session, request);
    } catch (...) {
      sender.refuse(current_http_error().what());
    }
  }
  answer(registry, sessions.empty() ? nullptr : sessions.front().get(), request, sender);
}

}  // namespace

OscControl::OscControl(const osc::PortOptions& options, SessionRegistry& registry,
                       Executor& executor)
    : port_(options, rows(), [&](const osc::Request& request, const auto& sender) {
        executor.post([&registry, request, sender] { handle(registry, request, *sender); });
      }) {}

}  // namespace streamdiffusion::server
