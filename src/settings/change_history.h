// What a front end asked a live session for, by change. A change that cannot be prepared is taken
// back by the session; the next one must start from the settings that hold, not from those.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

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
  /// Goes back where the session did. `number` is its current_change(); while it is reconfiguring,
  /// an earlier one may still come back. Returns whether now() is another one.
  bool follow(std::uint64_t number, bool reconfiguring) {
    if (!asked_.contains(number)) return false;
    if (!reconfiguring)
      std::erase_if(asked_, [&](const auto& each) { return each.first != number; });
    return std::exchange(now_, number) != number;
  }

 private:
  std::map<std::uint64_t, T> asked_;
  std::uint64_t now_ = 0;
};

}  // namespace streamdiffusion::settings
