// All sessions: those that have a slot, and those that wait for one in order of arrival. An id is
// its token's own: those who send another token can neither see nor occupy it.
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

  /// A new session, which has a slot or waits for one. Throws HttpError 409 for an id that its
  /// token uses already, 503 if the queue is full or the server is draining, and 403 or 429 where
  /// its token has no room for it.
  std::shared_ptr<ClientSession> connect(const std::string& id, Protocol protocol,
                                         std::weak_ptr<ClientConnection> connection,
                                         Owner owner = 0);
  /// To be called when the session's connection is closed. tick() calls it for connections that
  /// were destroyed without it.
  void disconnect(const std::shared_ptr<ClientSession>& session);

  /// Takes a slot for a single image. Throws HttpError 503, and 429 as connect() does.
  void acquire_slot(Admission::Stream stream, Owner owner);
  void release_slot(Admission::Stream stream);

  std::shared_ptr<ClientSession> find_or_null(const std::string& id, Owner owner) const;
  /// Of clients with this token. Throws HttpError 404.
  std::shared_ptr<ClientSession> find(const std::string& id, Owner owner) const;
  /// Those of clients with this token.
  nlohmann::json list(Owner owner) const;
  /// The live sessions of this id, one for each token; all of them for an empty id.
  std::vector<std::shared_ptr<ClientSession>> live(const std::string& id = {}) const;
  /// The last image that any of these sessions delivered, or null.
  EncodedImagePtr newest_image(Owner owner) const;
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
  /// Throws HttpError 503 where nobody may wait any more.
  void require_place() const;
  void enter(const ClientSession& session);
  /// The first that waits and can run now; null where there is none.
  std::shared_ptr<ClientSession> take_next();
  void admit_next();
  void leave_queue(const ClientSession* session);
  void send_wait_positions();
  /// A copy, so that a session may leave while the list is walked.
  std::vector<std::shared_ptr<ClientSession>> all() const;

  ServerContext context_;
  struct Name {
    Owner owner = 0;
    std::string id;
    auto operator<=>(const Name&) const = default;
  };
  /// Including those that wait.
  std::map<Name, std::shared_ptr<ClientSession>> sessions_;
  std::deque<std::shared_ptr<ClientSession>> queue_;
  /// Those that have a slot, until the last thread of their stream has ended.
  std::map<const ClientSession*, std::shared_ptr<ClientSession>> with_slot_;
  const std::shared_ptr<TaskGate> gate_;
  int used_slots_ = 0;
  bool accepting_ = true, draining_ = false;
};

}  // namespace streamdiffusion::server
