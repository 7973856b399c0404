// All sessions: those that have a slot, and those that wait for one in order of arrival.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "server/sessions/client_session.h"

namespace streamdiffusion::server {

class SessionRegistry {
 public:
  explicit SessionRegistry(ServerContext context);
  ~SessionRegistry();
  SessionRegistry(const SessionRegistry&) = delete;
  SessionRegistry& operator=(const SessionRegistry&) = delete;

  /// A new session, which has a slot or waits for one. Throws HttpError 409 for an id in use, and
  /// 503 if the queue is full or the server is draining.
  std::shared_ptr<ClientSession> connect(const std::string& id, Protocol protocol,
                                         std::weak_ptr<ClientConnection> connection);
  /// To be called when the session's connection is closed. tick() calls it for connections that
  /// were destroyed without it.
  void disconnect(const std::shared_ptr<ClientSession>& session);

  /// Takes a slot for a single image. Throws HttpError 503.
  void acquire_slot();
  void release_slot();

  std::shared_ptr<ClientSession> find_or_null(const std::string& id) const;
  /// Throws HttpError 404.
  std::shared_ptr<ClientSession> find(const std::string& id) const;
  nlohmann::json list() const;
  /// The live session of this id, if there is one; all of them for an empty id.
  std::vector<std::shared_ptr<ClientSession>> live(const std::string& id = {}) const;
  /// The last image that any session delivered, or null.
  EncodedImagePtr newest_image() const;
  int active() const { return used_slots_; }
  int waiting() const { return static_cast<int>(queue_.size()); }

  /// Called twice a second.
  void tick();
  void update_metrics();
  /// Accepts no new session, and tells all clients to move to another server within this time.
  /// Those that wait are closed; those that run go on.
  void start_lame_duck(Milliseconds within);
  bool accepting() const { return accepting_; }
  /// Accepts no new session and lets those that run finish their frames.
  void drain();
  bool draining() const { return draining_; }
  /// Ends all sessions at once.
  void end_all();
  bool empty() const { return used_slots_ == 0 && sessions_.empty(); }

 private:
  void admit_next();
  void leave_queue(const ClientSession* session);
  void send_wait_positions();
  /// A copy, so that a session may leave while the list is walked.
  std::vector<std::shared_ptr<ClientSession>> all() const;

  ServerContext context_;
  /// By id, including those that wait.
  std::map<std::string, std::shared_ptr<ClientSession>> sessions_;
  std::deque<std::shared_ptr<ClientSession>> queue_;
  /// Those that have a slot, until the last thread of their stream has ended.
  std::map<const ClientSession*, std::shared_ptr<ClientSession>> with_slot_;
  const std::shared_ptr<TaskGate> gate_;
  int used_slots_ = 0;
  bool accepting_ = true, draining_ = false;
};

}  // namespace streamdiffusion::server
