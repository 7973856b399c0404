#include "server/sessions/session_registry.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace streamdiffusion::server {

SessionRegistry::SessionRegistry(ServerContext context)
    : context_(context), gate_(std::make_shared<TaskGate>(context.executor)) {}

SessionRegistry::~SessionRegistry() {
  gate_->close();
}

std::shared_ptr<ClientSession> SessionRegistry::connect(
    const std::string& id, Protocol protocol, std::weak_ptr<ClientConnection> connection) {
  if (sessions_.contains(id)) {
    throw HttpError(409, "conflict", "a session with this id is connected, expected another id");
  }
  if (!accepting_) throw HttpError(503, "draining", "the server is shutting down");
  const bool slot_free = used_slots_ < context_.limits.sessions && queue_.empty();
  if (!slot_free && waiting() >= context_.limits.waiting) {
    throw HttpError(503, "full",
                    base::concat("all ", context_.limits.sessions, " sessions are in use and ",
                                 waiting(), " clients wait; try again later"));
  }
  auto handle = std::make_shared<const ClientSession*>();
  auto session = std::make_shared<ClientSession>(
      context_, id, protocol, std::move(connection), gate_,
      ClientSession::Events{.left_queue = [this, handle] { leave_queue(*handle); },
                            .slot_free =
                                [this, handle] {
                                  with_slot_.erase(*handle);
                                  release_slot();
                                }});
  *handle = session.get();
  sessions_.emplace(id, session);
  queue_.push_back(session);
  if (slot_free) {
    admit_next();
  } else {
    session->send_wait_position(waiting(), context_.limits.sessions);
  }
  return session;
}

void SessionRegistry::disconnect(const std::shared_ptr<ClientSession>& session) {
  const auto it = sessions_.find(session->id());
  if (it != sessions_.end() && it->second == session) sessions_.erase(it);
  session->on_closed();
}

void SessionRegistry::leave_queue(const ClientSession* session) {
  const auto left =
      std::erase_if(queue_, [=](const auto& waiting) { return waiting.get() == session; });
  if (left > 0) send_wait_positions();
}

void SessionRegistry::acquire_slot() {
  if (!accepting_) throw HttpError(503, "draining", "the server is shutting down");
  if (used_slots_ >= context_.limits.sessions || !queue_.empty()) {
    throw HttpError(
        503, "full",
        base::concat("all ", context_.limits.sessions, " sessions are in use; try again later"));
  }
  ++used_slots_;
}

void SessionRegistry::release_slot() {
  --used_slots_;
  admit_next();
}

void SessionRegistry::admit_next() {
  bool admitted = false;
  while (accepting_ && used_slots_ < context_.limits.sessions && !queue_.empty()) {
    const auto session = queue_.front();
    queue_.pop_front();
    ++used_slots_;
    admitted = true;
    with_slot_.emplace(session.get(), session);
    session->admit();
  }
  if (admitted) send_wait_positions();
}

void SessionRegistry::send_wait_positions() {
  int position = 0;
  for (const auto& session : queue_)
    session->send_wait_position(++position, context_.limits.sessions);
}

std::shared_ptr<ClientSession> SessionRegistry::find_or_null(const std::string& id) const {
  const auto it = sessions_.find(id);
  return it == sessions_.end() ? nullptr : it->second;
}

std::shared_ptr<ClientSession> SessionRegistry::find(const std::string& id) const {
  auto session = find_or_null(id);
  if (!session) throw HttpError(404, "not_found", "there is no session with this id");
  return session;
}

nlohmann::json SessionRegistry::list() const {
  nlohmann::json sessions = nlohmann::json::array();
  for (const auto& [id, session] : sessions_) sessions.push_back(session->describe());
  return {{"sessions", sessions}};
}

std::vector<std::shared_ptr<ClientSession>> SessionRegistry::live(const std::string& id) const {
  std::vector<std::shared_ptr<ClientSession>> list;
  for (const auto& [name, session] : sessions_) {
    const bool wanted = id.empty() || id == name;
    if (wanted && session->state() == ClientSession::State::live) list.push_back(session);
  }
  return list;
}

EncodedImagePtr SessionRegistry::newest_image() const {
  EncodedImagePtr newest;
  for (const auto& [id, session] : sessions_) {
    const EncodedImagePtr image = session->newest_image();
    if (image && (!newest || image->finished > newest->finished)) newest = image;
  }
  return newest;
}

std::vector<std::shared_ptr<ClientSession>> SessionRegistry::all() const {
  std::vector<std::shared_ptr<ClientSession>> list;
  for (const auto& [id, session] : sessions_) list.push_back(session);
  return list;
}

void SessionRegistry::tick() {
  for (const auto& session : all()) {
    session->disconnected() ? disconnect(session) : session->tick();
  }
  update_metrics();
}

void SessionRegistry::update_metrics() {
  double fps = 0;
  for (const auto& [id, session] : sessions_) {
    session->update_metrics();
    fps += session->fps();
  }
  context_.metrics.fps(fps);
  context_.models.for_each_loaded(
      [&](StreamFactory& factory) { context_.metrics.shared_calls(factory.new_shared_calls()); });
  context_.metrics.sessions(used_slots_, waiting());
}

void SessionRegistry::start_lame_duck(Milliseconds within) {
  if (!accepting_) return;
  accepting_ = false;
  queue_.clear();
  for (const auto& session : all()) session->announce_end(within);
}

void SessionRegistry::drain() {
  if (draining_) return;
  accepting_ = false;
  draining_ = true;
  queue_.clear();
  for (const auto& session : all()) session->drain();
}

void SessionRegistry::end_all() {
  for (const auto& session : all()) session->end(1001, "the server is shutting down");
}

}  // namespace streamdiffusion::server
