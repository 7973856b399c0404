// Lets other sessions have their turns in the middle of a run.
#pragma once

#include "backend/backend.h"
#include "base/turn_queue.h"

namespace streamdiffusion::session {

class PauseForOthers : public backend::Pause {
 public:
  explicit PauseForOthers(base::TurnQueue::Turn& turn) : turn_(turn) {}
  bool wanted() const override { return turn_.wanted(); }
  void pause() override { turn_.pause(); }

 private:
  base::TurnQueue::Turn& turn_;
};

}  // namespace streamdiffusion::session
