#include "base/thread.h"

#include <mutex>
#include <system_error>

#include "base/error.h"

namespace streamdiffusion::base {
namespace {

std::mutex hook_mutex;
std::function<void()>& hook() {
  static std::function<void()> installed;
  return installed;
}

}  // namespace

std::thread start_thread(std::function<void()> body) {
  {
    const std::lock_guard lock(hook_mutex);
    if (hook()) hook()();
  }
  try {
    return std::thread(std::move(body));
  } catch (const std::system_error& error) {
    fail(ErrorCode::busy, "the system starts no more threads: ", error.code().message());
  }
}

void set_thread_hook(std::function<void()> hook_to_set) {
  const std::lock_guard lock(hook_mutex);
  hook() = std::move(hook_to_set);
}

}  // namespace streamdiffusion::base
