// The queue between two stages: bounded, with the caller's policy for what comes too fast.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "streamdiffusion/live.h"

namespace streamdiffusion::live {

/// Any number of threads may put and take.
template <typename T>
class Mailbox {
 public:
  explicit Mailbox(QueuePolicy policy)
      : blocks_(policy.kind == QueuePolicy::Kind::block),
        depth_(policy.kind == QueuePolicy::Kind::latest ? 1
                                                        : static_cast<std::size_t>(policy.depth)) {}

  /// Puts an item in. Under `block` it waits for room. Returns the item that was dropped: the oldest
  /// one, or this one if the mailbox is closed.
  std::optional<T> put(T item) {
    std::unique_lock lock(mutex_);
    if (blocks_) room_.wait(lock, [&] { return closed_ || items_.size() < depth_; });
    if (closed_) return item;
    std::optional<T> dropped;
    if (items_.size() == depth_) {
      dropped = std::move(items_.front());
      items_.pop_front();
    }
    items_.push_back(std::move(item));
    filled_.notify_one();
    return dropped;
  }

  /// Waits for the oldest item. Returns nothing once the mailbox is closed and empty.
  std::optional<T> take() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [&] { return closed_ || !items_.empty(); });
    return take_front();
  }

  /// The oldest item, or nothing if there is none now.
  std::optional<T> try_take() {
    const std::lock_guard lock(mutex_);
    return take_front();
  }

  /// Nothing more can be put in. What is in can still be taken. Wakes every thread that waits: a
  /// putter would wait for room for ever, and a taker for an item.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    filled_.notify_all();
    room_.notify_all();
  }

  bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

  /// Closes and empties the mailbox. Returns how many items were thrown away.
  std::size_t discard() {
    close();
    std::deque<T> items;  // destroyed after the lock is released
    const std::lock_guard lock(mutex_);
    items.swap(items_);
    return items.size();
  }

 private:
  std::optional<T> take_front() {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item = std::move(items_.front());
    items_.pop_front();
    room_.notify_one();
    return item;
  }

  const bool blocks_;
  const std::size_t depth_;
  mutable std::mutex mutex_;
  /// `filled_` is for those who take, `room_` for those who put under `block`. One item or one free
  /// slot wakes one thread.
  std::condition_variable filled_, room_;
  /// At most depth_.
  std::deque<T> items_;
  bool closed_ = false;
};

}  // namespace streamdiffusion::live
