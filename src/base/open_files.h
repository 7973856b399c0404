// How many files a process may have open; connections are files too.
#pragma once

#include <cstddef>

namespace streamdiffusion::base {

/// Raises the limit as far as the process may (setrlimit(2)); gives the limit that holds then.
std::size_t raise_open_file_limit();

/// How many are open now.
std::size_t count_open_files();

}  // namespace streamdiffusion::base
