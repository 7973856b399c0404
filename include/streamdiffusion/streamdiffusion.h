// The whole public interface.
#pragma once

#include "streamdiffusion/control.h"
#include "streamdiffusion/engine.h"
#include "streamdiffusion/error.h"
#include "streamdiffusion/frame.h"
#include "streamdiffusion/image.h"
#include "streamdiffusion/known_words.h"
#include "streamdiffusion/live.h"
#include "streamdiffusion/options.h"
#include "streamdiffusion/session.h"
