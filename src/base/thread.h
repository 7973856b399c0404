// Starts threads, with the library's own error where the system starts no more of them.
#pragma once

#include <functional>
#include <thread>

namespace streamdiffusion::base {

/// A thread that runs `body`. Throws busy, with nothing started, if the system refuses it.
std::thread start_thread(std::function<void()> body);

/// For tests: called before each start. What it throws, start_thread() throws. Thread-safe.
void set_thread_hook(std::function<void()> hook);

}  // namespace streamdiffusion::base
