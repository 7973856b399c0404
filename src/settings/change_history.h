// What a front end asked a live session for, by change. A change that cannot be prepared or applied
// is taken back by the session; the next one must start from the settings that hold.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <utility>

#include "streamdiffusion/live.h"

namespace streamdiffusion::settings {

template <typename T>
class ChangeHistory {
 public:
  explicit ChangeHistory(T start) { asked_.emplace(0, std::move(start)); }

  /// What holds, or is being prepared.
  const T& now() const { return asked_.at(now_); }
  /// What change `number` of the session, as LiveSession::change() returned it, asked for.
  void add(std::uint64_t number, T asked) {
    asked_.insert_or_assign(number, std::move(asked));
    now_ = number;
  }
  /// Goes back where the session did, and forgets what it cannot go back to. Returns whether now()
  /// is another one.
  bool follow(const LiveChanges& session) {
    if (!asked_.contains(session.current)) return false;
    std::erase_if(asked_, [&](const auto& each) {
      const auto numbers = {session.current, session.prepared, session.applied};
      return std::ranges::find(numbers, each.first) == numbers.end();
    });
    return std::exchange(now_, session.current) != session.current;
  }

 private:
  std::map<std::uint64_t, T> asked_;
  std::uint64_t now_ = 0;
};

}  // namespace streamdiffusion::settings
