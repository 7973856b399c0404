// setpriority(2) and sched_setattr(2) for the calling thread. Failures are ignored on purpose: both
// calls only make a busy machine smoother.
#include "base/scheduling.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace streamdiffusion::base {
namespace {

constexpr int kNice = 10;
/// Nanoseconds; Linux gives no shorter slice.
constexpr std::uint64_t kTimeslice = 100'000;

/// The argument of sched_setattr(2), which the C library does not declare.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = 0;  // SCHED_OTHER
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;
};

}  // namespace

void lower_priority() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
}

void set_short_timeslice() {
  SchedulingAttributes attributes;
  attributes.nice = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
  attributes.runtime = kTimeslice;
  ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace streamdiffusion::base
