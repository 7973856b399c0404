// Sizes of files and downloads for a person.
#pragma once

#include <cstdint>
#include <string>

namespace streamdiffusion::base {

/// In decimal units, as disks and web pages give them: "2.52 GB", "335 MB", "1.20 kB", "0 B".
std::string size_text(std::uint64_t bytes);

}  // namespace streamdiffusion::base
