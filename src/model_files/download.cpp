#include "model_files/download.h"

#include "base/clock.h"
#include "base/error.h"
#include "json/quote.h"
#include "model_files/check_configs.h"

namespace streamdiffusion::model_files {
namespace {

hub::Pulled pull(const hub::Settings& settings, const std::string& name,
                 const hub::PullOptions& options, const DownloadEvents& events) {
  const hub::OnProgress progress = [&](const hub::PullProgress& now) {
    events.progress(name, now);
  };
  if (const auto version = hub::parse_civitai_version(name))
    return hub::pull_civitai(settings, *version, options, progress, events.stopped);
  const auto repository = hub::parse_repository_name(name);
  base::require(repository.has_value(), ErrorCode::invalid_argument, json::quote(name),
                " is no name of a model, expected ORG/NAME, as stabilityai/sd-turbo, or "
                "civitai:NUMBER");
  hub::PullOptions checked = options;
  checked.check = [&](const std::filesystem::path& folder) {
    try {
      check_configs(folder);
    } catch (const Error& error) {
      base::fail(error.code(), error, "; its weights are not downloaded");
    }
  };
  return hub::pull(settings, *repository, checked, progress, events.stopped);
}

}  // namespace

hub::Pulled download(const hub::Settings& settings, const std::string& name,
                     const hub::PullOptions& options, const DownloadEvents& events) {
  const auto begin = base::Clock::now();
  hub::Pulled pulled = pull(settings, name, options, events);
  events.finished(name, pulled, base::seconds_since(begin));
  return pulled;
}

}  // namespace streamdiffusion::model_files
