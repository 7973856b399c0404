#include "server/sessions/session_registry.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace streamdiffusion::server {

SessionRegistry::SessionRegistry(ServerContext context)
    : context_(context), gate_(std::make_shared<TaskGate>(context.executor)) {}

SessionRegistry::~SessionRegistry() {
  gate_->close();
}

void SessionRegistry::require_place() const {
  if (!accepting_) throw HttpError(503, "draining", "the server is shutting down");
  if (waiting() < context_.limits.waiting) return;
  const bool slots = used_slots_ >= context_.limits.sessions;
  throw HttpError(503, "full",
                  slots
                      ? base::concat("all ", context_.limits.sessions, " sessions are in use and ",
                                     waiting(), " clients wait; try again later")
                      : base::concat("the device has no time for one more stream, and ", waiting(),
                                     " clients wait; try again later"));
}

std::shared_ptr<ClientSession> SessionRegistry::connect(const std::string& id, Protocol protocol,
                                                        std::weak_ptr<ClientConnection> connection,
                                                        Owner owner) {
  if (sessions_.contains({owner, id})) {
    throw HttpError(409, "conflict", "a session with this id is connected, expected another id");
  }
  auto handle = std::make_shared<const ClientSession*>();
  auto session = std::make_shared<ClientSession>(
      context_, id, protocol, std::move(connection), gate_, owner,
      ClientSession::Events{.left_queue = [this, handle] { leave_queue(*handle); },
                            .slot_free =
                                [this, handle] {
                                  with_slot_.erase(*handle);
                                  release_slot(*handle);
                                }});
  *handle = session.get();
  enter(*session);
  sessions_.emplace(Name{owner, id}, session);
  queue_.push_back(session);
  admit_next();
  if (session->state() == ClientSession::State::waiting) {
    session->send_wait_position(waiting(), context_.limits.sessions);
  }
  return session;
}

/// Throws where there is no place for it, with nothing changed.
void SessionRegistry::enter(const ClientSession& session) {
  Admission& admission = context_.admission;
  const bool runs = queue_.empty() && accepting_ && used_slots_ < context_.limits.sessions;
  if (!runs) require_place();
  admission.arrive(&session, session.owner());
  try {
    if (session.room() == Admission::Room::token_has_none) session.check_start();
    if (runs && session.room() == Admission::Room::device_has_none) require_place();
  } catch (...) {
    admission.leave(&session);
    throw;
  }
}

void SessionRegistry::disconnect(const std::shared_ptr<ClientSession>& session) {
  const auto it = sessions_.find({session->owner(), session->id()});
  if (it != sessions_.end() && it->second == session) sessions_.erase(it);
  session->on_closed();
}

void SessionRegistry::leave_queue(const ClientSession* session) {
  context_.admission.leave(session);
  const auto left =
      std::erase_if(queue_, [=](const auto& waiting) { return waiting.get() == session; });
  if (left == 0) return;
  admit_next();  // the device may have time for those behind it
  send_wait_positions();
}

void SessionRegistry::acquire_slot(Admission::Stream stream, Owner owner) {
  if (!accepting_) throw HttpError(503, "draining", "the server is shutting down");
  // Who waits for room of its own token keeps nobody back.
  const bool others_first = std::ranges::any_of(queue_, [](const auto& waiting) {
    return waiting->room() != Admission::Room::token_has_none;
  });
  if (used_slots_ >= context_.limits.sessions || others_first) {
    throw HttpError(503, "full",
                    used_slots_ >= context_.limits.sessions
                        ? base::concat("all ", context_.limits.sessions,
                                       " sessions are in use; try again later")
                        : "clients wait until the device has time for them; try again later");
  }
  context_.admission.arrive(stream, owner);
  ++used_slots_;
}

void SessionRegistry::release_slot(Admission::Stream stream) {
  context_.admission.leave(stream);
  --used_slots_;
  admit_next();
}

/// Whose token has no room now is passed over, and keeps its place. Whom the device has no time for
/// is not, so that it does not wait for ever.
std::shared_ptr<ClientSession> SessionRegistry::take_next() {
  if (!accepting_ || used_slots_ >= context_.limits.sessions) return nullptr;
  for (auto next = queue_.begin(); next != queue_.end(); ++next) {
    const Admission::Room room = (*next)->room();
    if (room == Admission::Room::device_has_none) return nullptr;
    if (room == Admission::Room::token_has_none) continue;
    const auto session = *next;
    queue_.erase(next);
    return session;
  }
  return nullptr;
}

void SessionRegistry::admit_next() {
  bool admitted = false;
  while (const auto session = take_next()) {
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

std::shared_ptr<ClientSession> SessionRegistry::find_or_null(const std::string& id,
                                                             Owner owner) const {
  const auto it = sessions_.find({owner, id});
  return it == sessions_.end() ? nullptr : it->second;
}

std::shared_ptr<ClientSession> SessionRegistry::find(const std::string& id, Owner owner) const {
  auto session = find_or_null(id, owner);
  if (!session) throw HttpError(404, "not_found", "there is no session with this id");
  return session;
}

nlohmann::json SessionRegistry::list(Owner owner) const {
  nlohmann::json sessions = nlohmann::json::array();
  for (const auto& [name, session] : sessions_) {
    if (name.owner == owner) sessions.push_back(session->describe());
  }
  return {{"sessions", sessions}};
}

std::vector<std::shared_ptr<ClientSession>> SessionRegistry::live(const std::string& id) const {
  std::vector<std::shared_ptr<ClientSession>> list;
  for (const auto& [name, session] : sessions_) {
    const bool wanted = id.empty() || id == name.id;
    if (wanted && session->state() == ClientSession::State::live) list.push_back(session);
  }
  return list;
}

EncodedImagePtr SessionRegistry::newest_image(Owner owner) const {
  EncodedImagePtr newest;
  for (const auto& [name, session] : sessions_) {
    if (name.owner != owner) continue;
    const EncodedImagePtr image = session->newest_image();
    if (image && (!newest || image->finished > newest->finished)) newest = image;
  }
  return newest;
}

std::vector<std::shared_ptr<ClientSession>> SessionRegistry::all() const {
  std::vector<std::shared_ptr<ClientSession>> list;
  for (const auto& [name, session] : sessions_) list.push_back(session);
  return list;
}

void SessionRegistry::tick() {
  for (const auto& session : all()) {
    session->disconnected() ? disconnect(session) : session->tick();
  }
  admit_next();  // streams may have become lighter
  update_metrics();
}

void SessionRegistry::update_metrics() {
  double fps = 0;
  for (const auto& [name, session] : sessions_) {
    session->update_metrics();
    fps += session->fps();
  }
  context_.metrics.fps(fps);
  context_.models.for_each_loaded(
      [&](StreamFactory& factory) { context_.metrics.shared_calls(factory.new_shared_calls()); });
  context_.metrics.sessions(used_slots_, waiting());
  if (context_.admission.by_cost()) context_.metrics.device_load(context_.admission.used());
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
