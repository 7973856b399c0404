"""Many `streamdiffusion serve` on many machines, with Ray Serve: it starts, counts, places and replaces
servers. Frames never pass through Python: a client asks for a place, and then speaks to that server.

docs/scale.md describes it. `python3 -m streamdiffusion_ray --help` is the command."""
