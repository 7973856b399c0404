#include "session/latent_space.h"

#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "base/lower_case.h"

namespace streamdiffusion::session {
namespace {

using base::ErrorCode;
using base::require;

/// The innermost name of a path that tells a tiny autoencoder ("models--madebyollin--taesdxl" of a
/// cache is not the last one), or what its config says it was loaded from; else empty.
std::string tiny_name(const std::filesystem::path& folder, const json::Json& config) {
  const std::string origin = base::lower_case(config.string_or("_name_or_path", ""));
  if (origin.find("taesd") != std::string::npos) return origin;
  std::string found;
  for (const auto& part : std::filesystem::absolute(folder).lexically_normal()) {
    const std::string name = base::lower_case(part.string());
    if (name.find("taesd") != std::string::npos) found = name;
  }
  return found;
}

void check_tiny(const std::string& vae, const json::Json& config, bool sdxl) {
  const std::string name = tiny_name(vae, config);
  if (name.empty()) return;
  const bool of_sdxl = is_tiny_of_sdxl(name);
  require(of_sdxl == sdxl, ErrorCode::invalid_argument, "vae ", vae, ": \"", name, "\" is for ",
          of_sdxl ? "SDXL models" : "Stable Diffusion 1 and 2", ", and this model ",
          sdxl ? "is of SDXL's family; expected taesdxl" : "is not SDXL; expected taesd",
          " (with the other one, colors are wrong)");
}

void check_scale(const std::string& vae, const json::Json& config, double own) {
  constexpr double kStableDiffusion = 0.18215;  // diffusers' default
  const double other = config.number_or("scaling_factor", kStableDiffusion);
  require(std::abs(own - other) < 1e-4, ErrorCode::invalid_argument, "vae ", vae,
          ": \"scaling_factor\" is ", other, ", that of the model's own autoencoder is ", own,
          "; expected an autoencoder of the same latents");
}

}  // namespace

bool is_tiny_of_sdxl(std::string_view name) {
  return name.find("taesdxl") != std::string_view::npos;
}

void check_latent_space(const std::string& vae, const json::Json& config,
                        std::optional<double> own_scale, bool sdxl) {
  const std::string type = config.string_or("_class_name", "AutoencoderKL");
  if (type == "AutoencoderTiny") {
    check_tiny(vae, config, sdxl);
  } else if (own_scale) {
    check_scale(vae, config, *own_scale);
  }
}

}  // namespace streamdiffusion::session
