#include "base/turn_queue.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/clock.h"
#include "base/error.h"

namespace streamdiffusion::base {
namespace {

constexpr const char* kStopped = "stopped before its turn on the device was over";

}  // namespace

TurnQueue::TurnQueue(std::function<double()> clock, std::chrono::milliseconds grace)
    : clock_(clock ? std::move(clock) : [] { return seconds_of(Clock::now()); }), grace_(grace) {}

TurnQueue::Member::Member(TurnQueue& queue, std::uint64_t group) : queue_(queue) {
  const std::lock_guard lock(queue_.mutex_);
  group_ = &queue_.group(group);
  queue_.members_.push_back(this);
}

TurnQueue::Member::~Member() {
  const std::lock_guard lock(queue_.mutex_);
  std::erase(queue_.members_, this);
  if (queue_.expected_ != this) return;
  queue_.expected_ = nullptr;
  queue_.grant();
}

void TurnQueue::Member::weigh(double weight) {
  const std::lock_guard lock(queue_.mutex_);
  weight_ = weight;
}

TurnQueue::Turn::Turn(Member& member, std::stop_token stop)
    : member_(member), stop_(std::move(stop)) {
  std::unique_lock lock(member_.queue_.mutex_);
  require(!stop_.stop_requested(), ErrorCode::busy, kStopped);
  member_.resource_ = nullptr;
  // Who was away gets no credit for it.
  Group& group = *member_.group_;
  if (!member_.queue_.asks(group)) group.start = std::max(group.start, member_.queue_.now_);
  member_.start_ = std::max(member_.end_, group.now);
  wait(lock, false);
}

TurnQueue::Turn::~Turn() {
  if (!held_) return;
  const std::lock_guard lock(member_.queue_.mutex_);
  member_.queue_.release(member_);
}

void TurnQueue::Turn::use(const void* resource) {
  std::unique_lock lock(member_.queue_.mutex_);
  require(!stop_.stop_requested(), ErrorCode::busy, kStopped);
  member_.resource_ = resource;
  if (!member_.queue_.blocked(member_)) return;
  member_.queue_.account(member_);
  wait(lock, false);
}

void TurnQueue::Turn::again(const void* resource) {
  std::unique_lock lock(member_.queue_.mutex_);
  require(!stop_.stop_requested(), ErrorCode::busy, kStopped);
  member_.resource_ = resource;
  member_.queue_.account(member_);
  wait(lock, false);
}

double TurnQueue::Turn::used() const {
  const std::lock_guard lock(member_.queue_.mutex_);
  return member_.used_ + (member_.queue_.clock_() - member_.granted_);
}

void TurnQueue::Turn::charge(Member& other, double seconds) {
  const std::lock_guard lock(member_.queue_.mutex_);
  count(member_, -seconds);
  count(other, seconds);
}

bool TurnQueue::Turn::wanted() const {
  return member_.queue_.waiting() > 0 || stop_.stop_requested();
}

void TurnQueue::Turn::pause() {
  std::unique_lock lock(member_.queue_.mutex_);
  require(!stop_.stop_requested(), ErrorCode::busy, kStopped);
  member_.queue_.account(member_);
  wait(lock, true);
}

void TurnQueue::Turn::wait(std::unique_lock<std::mutex>& lock, bool paused) {
  const double before = member_.queue_.clock_();
  member_.paused_ = paused;
  held_ = member_.queue_.wait(lock, member_, stop_);
  member_.paused_ = false;
  require(held_, ErrorCode::busy, kStopped);
  waited_ += member_.granted_ - before;
}

TurnQueue::Group& TurnQueue::group(std::uint64_t number) {
  std::erase_if(groups_, [&](const auto& known) {
    const auto is_in = [&](const Member* member) { return member->group_ == &known.second; };
    return known.second.start <= now_ && std::ranges::none_of(members_, is_in);
  });
  return groups_[number];
}

bool TurnQueue::asks(const Group& group) const {
  return std::ranges::any_of(members_, [&](const Member* member) {
    return member->group_ == &group && (member->waiting_ || member == holder_);
  });
}

bool TurnQueue::precedes(const Member& a, const Member& b) {
  return std::tie(a.group_->start, a.start_) < std::tie(b.group_->start, b.start_);
}

bool TurnQueue::wait(std::unique_lock<std::mutex>& lock, Member& member,
                     const std::stop_token& stop) {
  const auto mine = [&] { return !member.waiting_; };
  member.waiting_ = true;
  member.watches_ = false;
  member.ticket_ = next_ticket_++;
  waiting_count_.fetch_add(1, std::memory_order_relaxed);
  grant();
  while (!mine() && !stop.stop_requested()) {
    if (!std::exchange(member.watches_, false)) {
      member.turn_.wait(lock, stop, [&] { return mine() || member.watches_; });
      continue;
    }
    if (member.turn_.wait_for(lock, stop, grace_, mine)) break;
    expected_ = nullptr;  // did not come
    grant();
  }
  if (mine()) return true;
  member.waiting_ = false;
  member.paused_ = false;
  waiting_count_.fetch_sub(1, std::memory_order_relaxed);
  expected_ = nullptr;  // nobody else may be watching
  grant();              // someone may have waited for its resource
  return false;
}

void TurnQueue::count(Member& member, double seconds) {
  member.used_ += seconds;
  member.start_ += seconds / member.weight_;
  member.group_->start += seconds;
}

void TurnQueue::account(Member& member) {
  count(member, clock_() - member.granted_);
  member.end_ = member.start_;
  holder_ = nullptr;
}

void TurnQueue::release(Member& member) {
  account(member);
  Member* following = next();
  if (following == nullptr) return;
  if (!precedes(member, *following)) return grant();
  expected_ = &member;
  following->watches_ = true;
  following->turn_.notify_one();
}

void TurnQueue::grant() {
  Member* member = holder_ == nullptr ? next() : nullptr;
  if (member == nullptr) return;
  if (expected_ != nullptr && !expected_->waiting_ && precedes(*expected_, *member)) return;
  expected_ = nullptr;
  holder_ = member;
  now_ = std::max(now_, member->group_->start);
  member->group_->now = std::max(member->group_->now, member->start_);
  member->waiting_ = false;
  member->granted_ = clock_();
  waiting_count_.fetch_sub(1, std::memory_order_relaxed);
  member->turn_.notify_one();
}

bool TurnQueue::blocked(const Member& member) const {
  return std::ranges::any_of(members_, [&](const Member* other) {
    return other != &member && other->paused_ && member.resource_ != nullptr &&
           other->resource_ == member.resource_;
  });
}

TurnQueue::Member* TurnQueue::next() const {
  Member* first = nullptr;
  for (Member* member : members_) {
    if (!member->waiting_ || blocked(*member)) continue;
    const auto order = [](const Member* m) {
      return std::tie(m->group_->start, m->start_, m->ticket_);
    };
    if (first == nullptr || order(member) < order(first)) first = member;
  }
  return first;
}

}  // namespace streamdiffusion::base
