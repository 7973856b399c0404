// Downloads one file: resumed, verified, and moved to its name when it is whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "hub/api.h"
#include "hub/http_client.h"
#include "hub/listing.h"

namespace streamdiffusion::hub {

struct Download {
  RemoteFile file;
  /// Where it comes from, and what is sent along.
  std::string url, token;
  /// Where it goes, where it is kept until it is whole, and what is locked meanwhile.
  std::filesystem::path target, partial, lock;
  /// Named in messages: "stabilityai/sd-turbo/unet/config.json".
  std::string name;
  /// Throws what an answer that is no success means.
  Refuse refuse;
};

/// Told of the bytes that are there now and were not before; negative when they have to be fetched
/// again. `received` says whether they came over the network.
using OnBytes = std::function<void(std::int64_t bytes, bool received)>;

/// Waits while another process downloads the same file. Continues what an earlier attempt left. A
/// content with another hash than the listing's is fetched once more and then refused, and nothing
/// of it is kept. Throws Interrupted, io, corrupt_file, and what `refuse` throws; what is good of
/// the file stays for the next attempt.
void download(HttpClient& client, const Settings& settings, const Download& wanted,
              const OnBytes& on_bytes, const Stopped& stopped);

}  // namespace streamdiffusion::hub
