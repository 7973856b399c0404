// What the environment says of the hub: the variables of Python's huggingface_hub, so that both
// programs use one cache, one token and one mirror.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace streamdiffusion::hub {

struct Settings {
  /// HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else $HF_HOME/hub; HF_HOME is ~/.cache/huggingface
  /// unless set.
  std::filesystem::path cache;
  /// Where files that are no repository's are kept: $XDG_CACHE_HOME/streamdiffusion.
  std::filesystem::path own_cache;
  /// HF_ENDPOINT without a final "/".
  std::string endpoint = "https://huggingface.co";
  std::string civitai = "https://civitai.com";
  /// Empty: none. Sent to the endpoint alone, and over plain HTTP only to this machine.
  std::string token, civitai_token;
  /// HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE: nothing is asked of any server.
  bool offline = false;
  /// Files are moved into the snapshot instead of linked (HF_HUB_DISABLE_SYMLINKS).
  bool symlinks = true;
  /// Seconds until a connection stands, and without a byte before a transfer is given up.
  double connect_seconds = 10, silence_seconds = 10;
  /// Seconds before the first repetition of a request; it doubles with each.
  double retry_seconds = 0.5;
};

/// A variable's value; empty where it is unset or empty.
using Environment = std::function<std::optional<std::string>(const char* name)>;

/// Throws invalid_argument naming the variable whose value cannot be used: an endpoint that is no
/// http:// or https:// address, a time that is no number, or no home for a cache.
Settings read_settings(const Environment& environment);
/// Of this process.
Settings read_settings();

/// Whether an address is of this machine: localhost, 127.x.x.x or [::1].
bool is_loopback_address(std::string_view url);

}  // namespace streamdiffusion::hub
