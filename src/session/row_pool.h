// Rows of several sessions in one call of the UNet, between sessions of one shape: the same size,
// LoRA scales, ControlNets and numbers of style images. Steps, prompts, seeds and guidance may
// differ: a row brings what depends on them.
//
// A session that comes to the UNet offers its rows and takes another turn on the device. Whoever
// has the turn leads: it takes the rows that are offered then, runs one call, and gives the others
// their predictions. They find them when their turns come. So nobody ever waits for company.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <vector>

#include "base/turn_queue.h"
#include "session/batching.h"
#include "session/row_costs.h"
#include "session/row_pool_stats.h"
#include "session/seated_program.h"

namespace streamdiffusion::session {

class RowPool;

/// What the pools of an engine have in common.
struct RowPoolContext {
  ExecutableCache& executables;
  base::TurnQueue& turns;
  Batching batching;
  /// Has RowPool::reserve() called soon, on another thread. Never waits.
  std::function<void(std::shared_ptr<RowPool>)> ask_to_reserve;
  RowPoolStats stats = {};
};

class RowPool : public std::enable_shared_from_this<RowPool> {
 public:
  /// `shape`: the key of any session's UNet; its rows do not count. `costs` are those of its size.
  RowPool(RowPoolContext& context, const UNetKey& shape, std::shared_ptr<RowCosts> costs);

  /// Seats that calls have: at most `max_rows`, which is one of them.
  static std::vector<int> sizes(int max_rows);

  /// Compiles what calls of those need that are here and have run, and measures whether they pay.
  /// Until then they take turns. One call at a time. Throws as ExecutableCache.
  void reserve(const std::stop_token& stop);

  /// A session here, for as long as its UNet has this shape.
  class Member {
   public:
    /// `turns` and `unet` must outlive it.
    Member(std::shared_ptr<RowPool> pool, base::TurnQueue::Member& turns, const Program& unet);
    ~Member();
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

    /// To be called before the program of that lifetime runs.
    void schedule_changes() { ++rows_.schedule_version; }
    void prompts_change() { ++rows_.prompt_version; }
    /// Runs the frame program for the session's rows, alone or with those of others. Allocates
    /// nothing. Throws as Executable::run, and busy as a turn does. Returns the seconds that turns
    /// of others worked for these rows, less those that `turn` worked for others.
    double run(base::TurnQueue::Turn& turn, backend::Pause& pause);

   private:
    friend class RowPool;
    enum class Offer { none, waiting, taken, answered };
    int rows() const { return rows_.pieces.rows(); }
    void run_alone(base::TurnQueue::Turn& turn, backend::Pause& pause);
    /// Makes it count. Not before its first frame: a session may be kept for its programs alone.
    void begin();

    const std::shared_ptr<RowPool> pool_;
    base::TurnQueue::Member& turns_;
    BroughtRows rows_;
    bool begun_ = false;
    Offer offer_ = Offer::none;
    /// Of the call that it was in last.
    double from_others_ = 0;
  };

 private:
  /// Takes an offer back however its call ends.
  class Offered;

  // Off the frames' path:
  void measure_alone(int rows, const SharedExecutable& unet, const std::stop_token& stop);
  void add_program(int seats, const std::vector<int>& rows, const std::stop_token& stop);
  double measure(backend::Executable& unet, const std::stop_token& stop);
  SharedExecutable compile(int seats, const std::stop_token& stop);

  // With mutex_ held:
  /// Of the members that have run, ascending.
  std::vector<int> rows_of_members() const;
  std::vector<int> wanted_sizes(const std::vector<int>& rows) const;
  /// Whether any share of these rows could take a call of so many seats, as far as is known.
  bool may_pay(const std::vector<int>& rows, int seats) const;
  void update();
  /// Takes the rows of `leader` and of others that share a call with it. Null: it runs alone.
  SeatedProgram* take(Member& leader);

  // A call:
  void call(SeatedProgram& program, Member& leader, base::TurnQueue::Turn& turn,
            backend::Pause& pause);
  void enter(SeatedProgram& program);
  void leave(const SeatedProgram& program, Member& leader, base::TurnQueue::Turn& turn,
             double seconds);
  /// What choose_share() goes by.
  const RowCosts* costs() const { return context_.batching.measures ? costs_.get() : nullptr; }

  RowPoolContext& context_;
  const UNetKey shape_;
  const std::shared_ptr<RowCosts> costs_;
  std::mutex mutex_;
  std::vector<Member*> members_;
  /// The oldest first.
  std::vector<Member*> offers_;
  /// Those of the call in progress, the leader first, and how many rows each has.
  std::vector<Member*> taken_;
  std::vector<int> taken_rows_;
  /// By seats.
  std::map<int, std::unique_ptr<SeatedProgram>> programs_;
  std::vector<int> sizes_;
  /// Whether any members that are here would share a call.
  std::atomic<bool> shares_ = false;
};

}  // namespace streamdiffusion::session
