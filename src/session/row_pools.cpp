#include "session/row_pools.h"

#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/scheduling.h"
#include "base/thread.h"

namespace streamdiffusion::session {
namespace {

/// Clients that try all sizes leave no more than so many measurements.
constexpr std::size_t kKnownCosts = 256;

/// What all members of a pool have in common.
UNetKey shape_of(UNetKey key) {
  key.kv_rows.clear();
  key.prompts = 0;
  key.parallel = Parallel::ops;
  return key;
}

}  // namespace

RowPools::RowPools(ExecutableCache& executables, base::TurnQueue& turns, Batching batching)
    : context_{executables, turns, batching,
               [this](std::shared_ptr<RowPool> pool) { ask(std::move(pool)); }} {}

RowPools::~RowPools() {
  stop_.request_stop();
  if (worker_.joinable()) worker_.join();
}

std::string RowPools::why_alone(const UNetKey& key) const {
  const auto rows = static_cast<int>(key.kv_rows.size());
  if (context_.batching.max_rows == 0) return context_.batching.why_off;
  if (key.cached.frames > 0) return "cached attention keeps earlier frames";
  if (key.parallel == Parallel::rows) return "parallel is rows";
  if (rows < context_.batching.max_rows) return "";
  return base::concat("its ", rows, " rows leave no seat of the ", context_.batching.max_rows,
                      " of --batching");
}

bool RowPools::takes(const UNetKey& key) {
  if (context_.batching.max_rows == 0) return false;
  const std::string why = why_alone(key);
  if (why.empty()) return true;
  const std::lock_guard lock(mutex_);
  if (logged_.insert(why).second)
    base::warn("batching: a session shares no UNet call with others, because ", why);
  return false;
}

std::shared_ptr<RowPool> RowPools::pool(const UNetKey& key) {
  const UNetKey shape = shape_of(key);
  UNetKey size = shape;
  size.lora_scales.clear();
  const std::lock_guard lock(mutex_);
  std::erase_if(pools_, [](const auto& entry) { return entry.second.expired(); });
  if (auto known = pools_[shape].lock()) return known;
  if (costs_.size() >= kKnownCosts) costs_.clear();
  std::shared_ptr<RowCosts>& costs = costs_[size];
  if (!costs) costs = std::make_shared<RowCosts>();
  auto made = std::make_shared<RowPool>(context_, shape, costs);
  pools_[shape] = made;
  return made;
}

void RowPools::ask(std::shared_ptr<RowPool> pool) {
  const std::lock_guard lock(mutex_);
  asked_.push_back(std::move(pool));
  changed_.notify_all();
  if (worker_.joinable()) return;
  try {
    worker_ = base::start_thread([this] { work(); });
  } catch (const base::Error& error) {  // the frame that asked goes on
    base::warn("sessions take turns: ", error);
  }
}

void RowPools::work() {
  base::lower_priority();
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop_.get_token(), [&] { return !asked_.empty(); })) {
    std::shared_ptr<RowPool> pool = std::move(asked_.front());
    asked_.pop_front();
    working_ = true;
    lock.unlock();
    reserve(*pool);
    pool.reset();  // its programs may go with it
    lock.lock();
    working_ = false;
    changed_.notify_all();
  }
}

/// Whatever fails here, sessions go on in turns.
void RowPools::reserve(RowPool& pool) const {
  try {
    pool.reserve(stop_.get_token());
  } catch (const std::exception& error) {
    if (stop_.stop_requested()) return;
    base::warn("sessions take turns, because a program for rows of several was not made: ",
               base::words_of(error));
  }
}

void RowPools::wait_until_reserved() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return asked_.empty() && !working_; });
}

}  // namespace streamdiffusion::session
