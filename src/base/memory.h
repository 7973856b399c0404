// Memory that the allocator keeps after it was freed, and that the system has left.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

namespace streamdiffusion::base {

/// Gives it back to the system. To be called where much was freed that will not soon be needed
/// again: it takes milliseconds.
void trim_memory();

/// Bytes that this process can still take: what Linux calls available, or less where a control
/// group of this process grants less. Nothing where the system does not say. `root` stands for "/",
/// for tests.
std::optional<std::size_t> available_memory(const std::filesystem::path& root = "/");

/// Bytes that this process can never exceed, whatever else ends: the memory and swap of the
/// machine, or less where a control group of this process grants less.
std::optional<std::size_t> total_memory(const std::filesystem::path& root = "/");

}  // namespace streamdiffusion::base
