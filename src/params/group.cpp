// The titles of the sections of `--help` and of the page.
#include "params/table.h"

namespace streamdiffusion::params {

const char* to_string(Group group) {
  switch (group) {
    case Group::engine:
      return "Engine";
    case Group::steps:
      return "Steps";
    case Group::prompt:
      return "Prompt";
    case Group::guidance:
      return "Guidance";
    case Group::control:
      return "ControlNets";
    case Group::image_prompt:
      return "IP-Adapters";
    case Group::image:
      return "Image";
    case Group::filter:
      return "Similarity filter";
    case Group::run:
      return "Input and output";
  }
  return "";
}

}  // namespace streamdiffusion::params
