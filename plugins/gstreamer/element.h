// The element `streamdiffusion`: raw video in, the images that a model makes of it out.
#pragma once

#include <gst/gst.h>

GType gst_streamdiffusion_get_type();
