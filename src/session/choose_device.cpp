#include "session/choose_device.h"

#include "backend/backend.h"
#include "base/log.h"

namespace streamdiffusion::session {

std::string choose_device(const EngineOptions& options) {
  if (options.device != "auto") return options.device;
  const backend::AutomaticDevice automatic = backend::automatic_device();
  if (!automatic.missing.empty())
    base::log(base::LogLevel::notice,
              base::concat("this machine has an NVIDIA card that cannot be used: ",
                           automatic.missing, "; running on the ", automatic.name, " device"));
  if (automatic.name == "cuda" && options.dtype == DataType::int8) {
    base::log(base::LogLevel::notice,
              "dtype int8 runs on the cpu device, as the cuda device does not have it");
    return automatic.without_card;
  }
  if (automatic.name != "cuda" && options.tune)
    base::log(
        base::LogLevel::notice,
        base::concat("tune has no effect: it times the kernels of a card, and this runs on the ",
                     automatic.name, " device"));
  return automatic.name;
}

}  // namespace streamdiffusion::session
