#include "base/scheduling.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace streamdiffusion::base {
namespace {

constexpr int kNice = 10;
constexpr std::uint64_t kSlice = 100'000;  // nanoseconds, the shortest that Linux gives

/// sched_setattr(2); the C library has no name for it.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = 0;  // SCHED_OTHER
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;
};

}  // namespace

void step_back() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
}

void prefer_short_slices() {
  SchedulingAttributes attributes;
  attributes.nice = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
  attributes.runtime = kSlice;
  ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace streamdiffusion::base
