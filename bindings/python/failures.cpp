#include "failures.h"

#include <deque>
#include <map>
#include <mutex>
#include <utility>

namespace streamdiffusion::python {
namespace {

struct Kept {
  std::mutex mutex;
  std::uintptr_t last = 0;
  /// By the numbers of the Failures that are alive.
  std::map<std::uintptr_t, std::deque<Failure>> by_number;
};

/// Never freed: a thread of the library may end after the module.
Kept& kept() {
  static Kept& all = *new Kept;
  return all;
}

}  // namespace

Failures::Failures() {
  const std::lock_guard lock(kept().mutex);
  number_ = ++kept().last;
  kept().by_number[number_];
}

Failures::~Failures() {
  const std::lock_guard lock(kept().mutex);
  kept().by_number.erase(number_);
}

void Failures::keep(const streamdiffusion_error* error, int has_frame, std::uint64_t frame_id,
                    void* user) {
  Failure failure{streamdiffusion_error_status(error),
                  streamdiffusion_error_message(error),
                  streamdiffusion_error_parameter(error),
                  {}};
  if (has_frame != 0) failure.frame_id = frame_id;
  const std::lock_guard lock(kept().mutex);
  const auto found = kept().by_number.find(reinterpret_cast<std::uintptr_t>(user));
  if (found != kept().by_number.end()) found->second.push_back(std::move(failure));
}

void* Failures::user() const {
  return reinterpret_cast<void*>(number_);
}

std::optional<Failure> Failures::take() {
  const std::lock_guard lock(kept().mutex);
  std::deque<Failure>& waiting = kept().by_number[number_];
  if (waiting.empty()) return std::nullopt;
  Failure oldest = std::move(waiting.front());
  waiting.pop_front();
  return oldest;
}

}  // namespace streamdiffusion::python
