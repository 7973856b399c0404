#include "server/room.h"

#include <algorithm>
#include <cmath>

namespace streamdiffusion::server {

std::shared_ptr<Client> Room::enter(const std::string& id, Dialect dialect, Link& link) {
  if (clients_.contains(id)) {
    throw Refusal(409, "conflict", "a session with this id is connected, expected another id");
  }
  if (draining_) throw Refusal(503, "draining", "the server is ending");
  const bool place = taken_ < house_.limits.sessions && queue_.empty();
  if (!place && waiting() >= house_.limits.waiting) {
    throw Refusal(503, "full",
                  base::concat("all ", house_.limits.sessions, " places are taken and ", waiting(),
                               " clients wait; try again later"));
  }
  auto client = std::make_shared<Client>(house_, id, dialect, link, [this] { free_place(); });
  clients_.emplace(id, client);
  queue_.push_back(client);
  if (place) {
    admit_next();
  } else {
    client->wait(waiting(), house_.limits.sessions);
  }
  return client;
}

void Room::leave(const std::shared_ptr<Client>& client) {
  const auto it = clients_.find(client->id());
  if (it != clients_.end() && it->second == client) clients_.erase(it);
  const auto before = queue_.size();
  std::erase(queue_, client);
  client->closed();
  if (queue_.size() != before) tell_positions();
}

void Room::take_place() {
  if (draining_) throw Refusal(503, "draining", "the server is ending");
  if (taken_ >= house_.limits.sessions || !queue_.empty()) {
    throw Refusal(
        503, "full",
        base::concat("all ", house_.limits.sessions, " places are taken; try again later"));
  }
  ++taken_;
}

void Room::free_place() {
  --taken_;
  admit_next();
}

void Room::admit_next() {
  bool moved = false;
  while (!draining_ && taken_ < house_.limits.sessions && !queue_.empty()) {
    const auto client = queue_.front();
    queue_.pop_front();
    ++taken_;
    moved = true;
    client->admit();
  }
  if (moved) tell_positions();
}

void Room::tell_positions() {
  int position = 0;
  for (const auto& client : queue_) client->wait(++position, house_.limits.sessions);
}

std::shared_ptr<Client> Room::find(const std::string& id) const {
  const auto it = clients_.find(id);
  if (it == clients_.end()) {
    throw Refusal(404, "not_found", "there is no session with this id");
  }
  return it->second;
}

nlohmann::json Room::list() const {
  nlohmann::json sessions = nlohmann::json::array();
  for (const auto& [id, client] : clients_) sessions.push_back(client->describe());
  return {{"sessions", sessions}};
}

std::vector<std::shared_ptr<Client>> Room::all() const {
  std::vector<std::shared_ptr<Client>> list;
  for (const auto& [id, client] : clients_) list.push_back(client);
  return list;
}

void Room::tick() {
  for (const auto& client : all()) client->tick();
  count();
}

void Room::count() {
  double fps = 0;
  for (const auto& [id, client] : clients_) {
    client->count();
    fps += client->fps();
  }
  house_.metrics.fps(fps);
  house_.metrics.sessions(taken_, waiting());
}

void Room::drain() {
  if (draining_) return;
  draining_ = true;
  queue_.clear();
  for (const auto& client : all()) client->drain();
}

void Room::end_all() {
  for (const auto& client : all()) client->end(1001, "the server is ending");
}

}  // namespace streamdiffusion::server
