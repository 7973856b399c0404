#include "base/hub_folder.h"

namespace streamdiffusion::base {
namespace {

constexpr std::string_view kPrefix = "models--", kSeparator = "--";

}  // namespace

std::string hub_folder(std::string_view repository) {
  std::string folder(kPrefix);
  for (const char c : repository) c == '/' ? folder += kSeparator : folder += c;
  return folder;
}

std::string hub_repository(std::string_view folder) {
  if (!folder.starts_with(kPrefix)) return {};
  std::string repository(folder.substr(kPrefix.size()));
  const std::size_t at = repository.find(kSeparator);
  if (at != std::string::npos) repository.replace(at, kSeparator.size(), "/");
  return repository;
}

std::string model_name(const std::filesystem::path& path) {
  const std::filesystem::path full = std::filesystem::absolute(path).lexically_normal();
  const std::filesystem::path last = full.has_filename() ? full : full.parent_path();
  if (last.extension() == ".safetensors") return last.stem().string();
  for (const std::filesystem::path& part : last) {
    std::string repository = hub_repository(part.string());
    if (!repository.empty()) return repository;
  }
  return last.filename().string();
}

}  // namespace streamdiffusion::base
