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

  /// Puts an item in. Under `block` it waits until an item is taken. Returns the item that was
  /// dropped: the oldest one, or this one if the mailbox is closed.
  std::optional<T> put(T item) {
    std::unique_lock lock(mutex_);
    if (blocks_) not_full_.wait(lock, [&] { return closed_ || items_.size() < depth_; });
    if (closed_) return item;
    std::optional<T> dropped;
    if (items_.size() == depth_) {
      dropped = std::move(items_.front());
      items_.pop_front();
    }
    items_.push_back(std::move(item));
    not_empty_.notify_one();
    return dropped;
  }

  /// Waits for the oldest item. Returns nothing once the mailbox is closed and empty.
  std::optional<T> take() {
    std::unique_lock lock(mutex_);
    not_empty_.wait(lock, [&] { return closed_ || !items_.empty(); });
    return take_front();
  }

  /// The oldest item, or nothing if there is none now.
  std::optional<T> try_take() {
    const std::lock_guard lock(mutex_);
    return take_front();
  }

  /// Nothing more can be put in. What is in can still be taken. Wakes every thread that waits: a
  /// producer would wait for ever until an item is taken, and a consumer for an item.
  void close() {
    const std::lock_guard lock(mutex_);
    shut();
  }

  bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

  /// Closes and empties the mailbox. `count` gets how many items were thrown away before anybody
  /// finds it closed.
  template <typename Count>
  void discard(const Count& count) {
    std::deque<T> items;  // destroyed after the lock is released
    const std::lock_guard lock(mutex_);
    items.swap(items_);
    count(items.size());
    shut();
  }

 private:
  void shut() {
    closed_ = true;
    not_empty_.notify_all();
    not_full_.notify_all();
  }

  std::optional<T> take_front() {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item = std::move(items_.front());
    items_.pop_front();
    not_full_.notify_one();
    return item;
  }

  const bool blocks_;
  const std::size_t depth_;
  mutable std::mutex mutex_;
  /// `not_empty_` is for consumers, `not_full_` for producers under `block`. One item or one free
  /// slot wakes one thread.
  std::condition_variable not_empty_, not_full_;
  /// At most depth_.
  std::deque<T> items_;
  bool closed_ = false;
};

}  // namespace streamdiffusion::live
