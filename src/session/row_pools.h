// The pools of an engine, one for each shape of the UNet that sessions have, and the thread that
// compiles their programs, so that no session's opening and no frame waits for it.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "session/row_pool.h"

namespace streamdiffusion::session {

class RowPools {
 public:
  RowPools(ExecutableCache& executables, base::TurnQueue& turns, Batching batching);
  ~RowPools();
  RowPools(const RowPools&) = delete;
  RowPools& operator=(const RowPools&) = delete;

  /// Whether rows of such a session may share calls: not with cached attention, which keeps what
  /// the rows of its own calls were, not with rows that were told to be apart, and not if they
  /// leave no seat for another's. Each reason is logged when it is first met.
  bool takes(const UNetKey& key);
  /// Why rows of such a session share no call; empty if they may.
  std::string why_alone(const UNetKey& key) const;
  /// The pool of a session's UNet.
  std::shared_ptr<RowPool> pool(const UNetKey& key);
  const Batching& batching() const { return context_.batching; }
  const RowPoolStats& stats() const { return context_.stats; }
  /// Until every pool that asked for it has its programs. For tests.
  void wait_until_reserved();

 private:
  void ask(std::shared_ptr<RowPool> pool);
  void work();
  void reserve(RowPool& pool) const;

  RowPoolContext context_;
  std::mutex mutex_;
  std::map<UNetKey, std::weak_ptr<RowPool>> pools_;
  /// Of sizes and adapters, under any LoRA scales.
  std::map<UNetKey, std::shared_ptr<RowCosts>> costs_;
  /// What takes() has logged.
  std::set<std::string> logged_;
  std::deque<std::shared_ptr<RowPool>> asked_;
  bool working_ = false;
  std::stop_source stop_;
  std::condition_variable_any changed_;
  /// Started when first asked.
  std::thread worker_;
};

}  // namespace streamdiffusion::session
