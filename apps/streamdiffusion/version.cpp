#include "version.h"

#include "backend/built_backends.h"
#include "base/join.h"
#include "commit.h"

namespace streamdiffusion::app {

std::string version_text(const std::string& program) {
  const std::string commit = kCommit;
  return program + " " SD_VERSION + (commit.empty() ? "" : "\ncommit " + commit) + "\nbackends " +
         base::joined(backend::built_backends()) + "\nlicense Apache-2.0";
}

}  // namespace streamdiffusion::app
