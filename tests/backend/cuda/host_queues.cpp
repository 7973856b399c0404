#include "backend/cuda/host_queues.h"

#include <algorithm>
#include <stdexcept>

namespace streamdiffusion::backend::cuda::test {

void HostQueues::push(Queue queue, Work work) {
  add(queue, {.work = std::move(work)});
}

void HostQueues::record(Queue queue, std::shared_ptr<Passed> event, Work note) {
  const int record = ++event->recorded;
  add(queue, {.work = std::move(note), .passes = std::move(event), .record = record});
}

void HostQueues::wait_for(Queue queue, std::shared_ptr<Passed> event) {
  const int record = event->recorded;
  add(queue, {.work = [] {}, .waits_for = std::move(event), .record = record});
}

void HostQueues::add(Queue queue, Item item) {
  const std::lock_guard lock(mutex_);
  queues_[static_cast<std::size_t>(queue)].push_back(std::move(item));
  run_some(queue);
}

void HostQueues::run_some(Queue added) {
  const bool copies = added != Queue::compute;
  const auto run = [&](auto which) {
    for (bool any = true; any;) {
      any = false;
      for (std::size_t q = 0; q < kQueues; ++q)
        while (which(static_cast<Queue>(q)) && step(queues_[q])) any = true;
    }
  };
  switch (order_) {
    case WorkOrder::late:
      return;
    case WorkOrder::early:
      return run([](Queue) { return true; });
    case WorkOrder::early_copies:
      if (copies) run([](Queue q) { return q != Queue::compute; });
      return;
    case WorkOrder::late_copies:
      if (!copies) run([](Queue q) { return q == Queue::compute; });
      return;
    case WorkOrder::random:
      for (auto times = random_() % 4; times > 0; --times) step(queues_[random_() % kQueues]);
      return;
  }
}

bool HostQueues::step(Items& items) {
  if (items.empty()) return false;
  const Item& front = items.front();
  if (front.waits_for && front.waits_for->passed < front.record) return false;
  const Item item = std::move(items.front());
  items.pop_front();
  item.work();
  if (item.passes) item.passes->passed = item.record;
  return true;
}

void HostQueues::pass(const std::shared_ptr<Passed>& event) {
  const std::lock_guard lock(mutex_);
  pass(*event, event->recorded);
}

void HostQueues::pass(const Passed& event, int record) {
  const auto holds = [&](const Items& items) {
    return std::ranges::any_of(items, [&](const Item& item) {
      return item.passes.get() == &event && item.record == record;
    });
  };
  while (event.passed < record) {
    const auto items = std::ranges::find_if(queues_, holds);
    if (items == queues_.end()) throw std::logic_error("an event that was never recorded");
    if (step(*items)) continue;
    const Item& waiting = items->front();
    pass(*waiting.waits_for, waiting.record);
  }
}

void HostQueues::finish() {
  const std::lock_guard lock(mutex_);
  for (Items& items : queues_) {
    while (!items.empty()) {
      if (!step(items)) pass(*items.front().waits_for, items.front().record);
    }
  }
}

void HostQueues::drop() {
  const std::lock_guard lock(mutex_);
  for (Items& items : queues_) {
    for (const Item& item : items)
      if (item.passes) item.passes->passed = item.record;
    items.clear();
  }
}

std::size_t HostQueues::size() const {
  const std::lock_guard lock(mutex_);
  std::size_t size = 0;
  for (const Items& items : queues_) size += items.size();
  return size;
}

}  // namespace streamdiffusion::backend::cuda::test
