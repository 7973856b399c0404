#include "model_files/ip_adapter_names.h"

#include <filesystem>
#include <optional>

#include "base/error.h"
#include "hub/name.h"
#include "model_files/model_files.h"
#include "session/ip_adapter_files.h"

namespace streamdiffusion::model_files {
namespace {

namespace fs = std::filesystem;

/// The files of one repository of the hub.
class Repository {
 public:
  Repository(hub::RepositoryName name, const DownloadEvents& events)
      : name_(std::move(name)), events_(events) {}

  fs::path file(const std::string& path) const {
    hub::RepositoryName one = name_;
    one.file = path;
    return with_file("ip_adapter", hub::to_string(one), events_);
  }
  std::string encoder(const std::string& folder) const {
    (void)file(folder + "/config.json");
    return file(folder + "/model.safetensors").parent_path().string();
  }
  /// The encoder that fits an adapter; empty if there is none, which the engine reports.
  std::string encoder_of(const std::string& adapter) const {
    for (const fs::path& folder : session::image_encoder_folders(name_.file)) {
      try {
        if (session::image_encoder_fits(adapter, file(folder / "config.json").parent_path())) {
          return encoder(folder);
        }
      } catch (const Error& error) {
        if (error.code() != ErrorCode::not_found) throw;
      }
    }
    return {};
  }

 private:
  hub::RepositoryName name_;
  const DownloadEvents& events_;
};

/// Nothing for a path.
std::optional<hub::RepositoryName> name_in(const std::string& text) {
  std::error_code ignored;
  if (text.empty() || fs::exists(text, ignored)) return std::nullopt;
  return hub::parse_repository_name(text);
}

}  // namespace

void find_ip_adapter_files(IpAdapter& adapter, const DownloadEvents& events) {
  if (const auto name = name_in(adapter.image_encoder); name && !name->file.empty()) {
    adapter.image_encoder = Repository(*name, events).encoder(name->file);
  }
  const auto name = name_in(adapter.file);
  if (!name) return;
  base::require(!name->file.empty(), ErrorCode::invalid_argument, events.spelled("ip_adapter"), " ",
                adapter.file,
                " is no file here, so it is a repository; expected one adapter of it, such as ",
                name->id, "/models/ip-adapter_sd15.safetensors for Stable Diffusion 1.5, or ",
                name->id, "/sdxl_models/ip-adapter_sdxl_vit-h.safetensors for SDXL");
  const Repository repository(*name, events);
  adapter.file = repository.file(name->file).string();
  if (adapter.image_encoder.empty()) adapter.image_encoder = repository.encoder_of(adapter.file);
}

}  // namespace streamdiffusion::model_files
