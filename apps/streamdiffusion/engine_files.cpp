#include "engine_files.h"

#include "base/file_url.h"
#include "weights/included_model.h"

namespace streamdiffusion::app {
namespace {

/// A pipeline's components are folders of its folder.
constexpr int kDeepest = 1;

void add(const std::string& name, std::vector<std::filesystem::path>& files) {
  if (name.empty()) return;
  const std::filesystem::path path = base::path_of(name);
  files.push_back(path);
  std::error_code error;
  std::filesystem::recursive_directory_iterator at(path, error);
  for (; !error && at != std::filesystem::recursive_directory_iterator(); at.increment(error)) {
    files.push_back(at->path());
    if (at.depth() >= kDeepest) at.disable_recursion_pending();
  }
}

}  // namespace

std::string included_model() {
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  return weights::included_model(program.parent_path());
}

std::vector<std::filesystem::path> engine_files(const EngineOptions& options) {
  std::vector<std::filesystem::path> files;
  add(options.model.empty() ? included_model() : options.model, files);
  for (const std::string& component : {options.vae, options.unet, options.text_encoder,
                                       options.text_encoder_2, options.calibration}) {
    add(component, files);
  }
  for (const Lora& lora : options.lora_dict) add(lora.file, files);
  for (const ControlNet& net : options.controlnets) add(net.model, files);
  for (const IpAdapter& adapter : options.ip_adapters) {
    add(adapter.file, files);
    add(adapter.image_encoder, files);
    for (const auto& image : adapter.prompt.files) add(image, files);
  }
  return files;
}

}  // namespace streamdiffusion::app
