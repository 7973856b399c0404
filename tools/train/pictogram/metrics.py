"""Image metrics: PSNR and SSIM of images in 0..1."""

import torch
import torch.nn.functional as F


def psnr(a, b):
    """[B] in decibels."""
    return -10 * torch.log10((a - b).square().flatten(1).mean(1).clamp_min(1e-10))


def ssim(a, b, window=11, sigma=1.5):
    """[B] structural similarity with a Gaussian window (Wang et al. 2004), mean over channels."""
    position = torch.arange(window, dtype=a.dtype, device=a.device) - window // 2
    kernel = torch.exp(-position.square() / (2 * sigma ** 2))
    kernel = (kernel / kernel.sum())
    kernel = (kernel[:, None] * kernel[None]).expand(a.shape[1], 1, window, window).contiguous()

    def blur(x):
        return F.conv2d(x, kernel, groups=x.shape[1])

    mean_a, mean_b = blur(a), blur(b)
    var_a = blur(a * a) - mean_a.square()
    var_b = blur(b * b) - mean_b.square()
    covariance = blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01 ** 2, 0.03 ** 2
    score = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)
             / ((mean_a.square() + mean_b.square() + c1) * (var_a + var_b + c2)))
    return score.flatten(1).mean(1)
