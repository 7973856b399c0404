"""The noise schedule and the LCM sampler (Luo et al. 2023). x is [B, C, h, w], t int64 [B]."""

import torch

from .architecture import alphas_cumprod

SIGMA_DATA = 0.5
GUIDANCE = 2.0  # scale of full guidance in text-to-image mode, with an empty negative prompt


class Schedule:
    """alpha = sqrt(alpha_bar) and sigma = sqrt(1 - alpha_bar) of every timestep, on one device."""

    def __init__(self, device="cpu"):
        alpha_bar = alphas_cumprod().to(device)
        self.alpha = alpha_bar.sqrt()
        self.sigma = (1 - alpha_bar).sqrt()

    def coefficients(self, t):
        """(alpha, sigma), each [B, 1, 1, 1]."""
        return self.alpha[t][:, None, None, None], self.sigma[t][:, None, None, None]

    def add_noise(self, x0, noise, t):
        """x_t."""
        alpha, sigma = self.coefficients(t)
        return alpha * x0 + sigma * noise

    def velocity(self, x_t, x0, t):
        """The v that leads from x_t to x0 exactly, even where x_t was made from other latents: the
        solution of x0 = alpha x_t - sigma v (v prediction, Salimans and Ho 2022)."""
        alpha, sigma = self.coefficients(t)
        return (alpha * x_t - x0) / sigma

    def predict_x0(self, x_t, v, t):
        """x0 = alpha x_t - sigma v."""
        alpha, sigma = self.coefficients(t)
        return alpha * x_t - sigma * v

    def consistency_function(self, x_t, v, t):
        """LCM's f(x, t) = c_skip x + c_out x0."""
        scaled = (10.0 * t.float())[:, None, None, None]
        c_skip = SIGMA_DATA ** 2 / (scaled ** 2 + SIGMA_DATA ** 2)
        c_out = scaled / (scaled ** 2 + SIGMA_DATA ** 2).sqrt()
        return c_skip * x_t + c_out * self.predict_x0(x_t, v, t)


def timestep_of(index, steps=50):
    """The engine's timestep of an entry of t_index_list."""
    return 999 - 20 * int(index * 50 // steps)


def classifier_free_guidance(denoise, x, t, context, negative_context, scale):
    """v with classifier-free guidance (Ho and Salimans 2022). With scale 1 the conditional
    prediction alone."""
    if scale == 1 or negative_context is None:
        return denoise(x, t, context)
    v = denoise(torch.cat([x, x]), torch.cat([t, t]),
                torch.cat([negative_context.expand_as(context), context]))
    v_uncond, v_cond = v.chunk(2)
    return v_uncond + scale * (v_cond - v_uncond)


@torch.no_grad()
def sample_lcm(denoise, schedule, context, noises, t_index_list, init_latents=None,
               negative_context=None, scale=1.0):
    """The engine's sampling loop. `noises` is [n, B, C, h, w]; `init_latents` is the input of
    img2img or None."""
    x0 = torch.zeros_like(noises[0]) if init_latents is None else init_latents
    for number, index in enumerate(t_index_list):
        t = torch.full((len(context),), timestep_of(index), device=context.device)
        if init_latents is None and number == 0:
            x = noises[0]
        else:
            x = schedule.add_noise(x0, noises[number], t)
        v = classifier_free_guidance(denoise, x, t, context, negative_context, scale)
        x0 = schedule.consistency_function(x, v, t)
    return x0
