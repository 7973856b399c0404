// All clients: those with a place, and those who wait for one in the order in which they came.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "server/client.h"

namespace streamdiffusion::server {

class Room {
 public:
  explicit Room(House house) : house_(house) {}

  /// A new client, which has its place or waits. Throws Refusal 409 for an id in use, 503 for a
  /// full waiting room or while draining.
  std::shared_ptr<Client> enter(const std::string& id, Dialect dialect, Link& link);
  /// The connection of a client is closed.
  void leave(const std::shared_ptr<Client>& client);

  /// A place for a single image. Throws Refusal 503.
  void take_place();
  void free_place();

  /// Throws Refusal 404.
  std::shared_ptr<Client> find(const std::string& id) const;
  nlohmann::json list() const;
  int active() const { return taken_; }
  int waiting() const { return static_cast<int>(queue_.size()); }

  /// Twice a second.
  void tick();
  /// Brings the metrics up to date.
  void count();
  /// No client comes in any more; those that are in finish.
  void drain();
  bool draining() const { return draining_; }
  /// Ends all that is left.
  void end_all();
  bool empty() const { return taken_ == 0 && clients_.empty(); }

 private:
  void admit_next();
  void tell_positions();
  void refuse_when_full() const;
  std::vector<std::shared_ptr<Client>> all() const;

  House house_;
  /// By id; those waiting among them.
  std::map<std::string, std::shared_ptr<Client>> clients_;
  std::deque<std::shared_ptr<Client>> queue_;
  int taken_ = 0;
  bool draining_ = false;
};

}  // namespace streamdiffusion::server
