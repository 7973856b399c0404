"""The schedule's arithmetic and the samplers; x is [B, C, h, w], t int64 [B]."""

import torch

from .architecture import alphas_cumprod

SIGMA_DATA = 0.5
GUIDANCE = 2.0  # of words alone: full, with an empty negative prompt


class Schedule:
    """a = sqrt(abar), b = sqrt(1 - abar) of every timestep, on one device."""

    def __init__(self, device="cpu"):
        abar = alphas_cumprod().to(device)
        self.a = abar.sqrt()
        self.b = (1 - abar).sqrt()

    def at(self, t):
        """(a, b), each [B, 1, 1, 1]."""
        return self.a[t][:, None, None, None], self.b[t][:, None, None, None]

    def noised(self, x0, noise, t):
        """x_t."""
        a, b = self.at(t)
        return a * x0 + b * noise

    def velocity(self, x_t, x0, t):
        """The v that leads from x_t to x0 exactly, also where x_t was made from something else:
        x0 = a x - b v."""
        a, b = self.at(t)
        return (a * x_t - x0) / b

    def x0_of(self, x_t, v, t):
        """The picture that v points to."""
        a, b = self.at(t)
        return a * x_t - b * v

    def consistency(self, x_t, v, t):
        """LCM's f(x, t) = c_skip x + c_out x0."""
        scaled = (10.0 * t.float())[:, None, None, None]
        c_skip = SIGMA_DATA ** 2 / (scaled ** 2 + SIGMA_DATA ** 2)
        c_out = scaled / (scaled ** 2 + SIGMA_DATA ** 2).sqrt()
        return c_skip * x_t + c_out * self.x0_of(x_t, v, t)


def timestep_of(index, steps=50):
    """The engine's timestep for an entry of t_index_list."""
    return 999 - 20 * int(index * 50 // steps)


def guided(denoise, x, t, context, empty, scale):
    """v with classifier-free guidance; one call when scale is 1."""
    if scale == 1 or empty is None:
        return denoise(x, t, context)
    both = denoise(torch.cat([x, x]), torch.cat([t, t]),
                   torch.cat([empty.expand_as(context), context]))
    without, with_text = both.chunk(2)
    return without + scale * (with_text - without)


@torch.no_grad()
def sample_lcm(denoise, schedule, context, noises, indices, start=None, empty=None, scale=1.0):
    """The engine's loop: `noises` [n, B, C, h, w], `start` the latents of an input or None."""
    x0 = torch.zeros_like(noises[0]) if start is None else start
    for number, index in enumerate(indices):
        t = torch.full((len(context),), timestep_of(index), device=context.device)
        if start is None and number == 0:
            x = noises[0]
        else:
            x = schedule.noised(x0, noises[number], t)
        v = guided(denoise, x, t, context, empty, scale)
        x0 = schedule.consistency(x, v, t)
    return x0
