"""Adversarial training on latents: a critic conditioned on the prompt, and a style classifier.

The squared error alone asks for the mean of all images that a prompt may describe, which is a blur,
or for a mix of styles. The critic asks for latents that could be real, the classifier for the style
that the prompt names.

The attribute names of the modules (body, place, words, style) are checkpoint keys.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from . import runtime
from .architecture import AUTOENCODERS, TEXT_WIDTH, VARIANT
from .captions import STYLES
from .optimizer import set_learning_rate

WIDTHS = (64, 128, 192)
MIXED_STYLE = -1  # label of a sample whose images have several styles


def conv_backbone(bounded):
    """Layers from latents [B, C, h, w] to features [B, WIDTHS[-1], h / 4, w / 4]. With `bounded`,
    spectral normalization (Miyato et al. 2018) keeps every layer's gain at one or below."""
    layers, channels = [], AUTOENCODERS[VARIANT]["latents"]
    normalize = spectral_norm if bounded else lambda layer: layer
    for number, width in enumerate(WIDTHS):
        stride = 1 if number == 0 else 2
        layers += [normalize(nn.Conv2d(channels, width, 3, stride, 1)), nn.LeakyReLU(0.2),
                   normalize(nn.Conv2d(width, width, 3, 1, 1)), nn.LeakyReLU(0.2)]
        channels = width
    return nn.Sequential(*layers)


class Critic(nn.Module):
    """Latents [B, C, h, w] and prompt features [B, width] to a score [B]: how real each position
    looks, averaged, plus how well the whole matches the prompt (projection discriminator, Miyato
    and Koyama 2018)."""

    def __init__(self):
        super().__init__()
        self.body = conv_backbone(bounded=True)
        channels = WIDTHS[-1]
        self.place = spectral_norm(nn.Conv2d(channels, 1, 1))
        self.words = spectral_norm(nn.Linear(TEXT_WIDTH, channels))

    def forward(self, latents, words):
        """Larger means more real."""
        features = self.body(latents)
        realness = self.place(features).flatten(1).mean(1)
        return (realness + (self.words(words) * features.mean((2, 3))).sum(1)).float()


class LatentStyleClassifier(nn.Module):
    """Latents [B, C, h, w] to style logits [B, styles]. It learns from real latents only."""

    def __init__(self):
        super().__init__()
        self.body = conv_backbone(bounded=False)
        self.style = nn.Linear(WIDTHS[-1], len(STYLES))

    def forward(self, latents):
        """Logits in f32."""
        return self.style(self.body(latents).mean((2, 3))).float()


class Adversary:
    """The critic, the style classifier and their optimizer. Each generated sample is compared with
    the real one of the same prompt (relativistic pairing, Jolicoeur-Martineau 2018), so that no
    prompt is given up for another. `style_weight` is the weight of the style loss beside the
    critic's."""

    def __init__(self, rate, device, style_weight):
        self.device, self.style_weight = device, style_weight
        self.critic = Critic().to(device, memory_format=torch.channels_last)
        self.style_classifier = LatentStyleClassifier().to(
            device, memory_format=torch.channels_last)
        parameters = [*self.critic.parameters(), *self.style_classifier.parameters()]
        self.optimizer = torch.optim.AdamW(parameters, lr=rate, betas=(0.0, 0.99), fused=True)

    def style_loss(self, latents, styles):
        """Cross-entropy of the style classifier [B]; zero where the style is MIXED_STYLE."""
        with runtime.autocast(self.device):
            logits = self.style_classifier(latents.contiguous(memory_format=torch.channels_last))
        return F.cross_entropy(logits, styles, ignore_index=MIXED_STYLE, reduction="none")

    def margins(self, real, generated, words):
        """Score of the real latents minus that of the generated ones [B]."""
        count = len(real)
        latents = torch.cat([real, generated]).contiguous(memory_format=torch.channels_last)
        with runtime.autocast(self.device):
            realness = self.critic(latents, torch.cat([words, words]))
        return realness[:count] - realness[count:]

    def generator_loss(self, real, generated, words, styles):
        """(loss of the generator [B], style loss of that [B]). Gradients reach `generated` only."""
        self.critic.requires_grad_(False)
        self.style_classifier.requires_grad_(False)
        style_loss = self.style_loss(generated, styles)
        realness_loss = F.softplus(self.margins(real, generated, words))
        return realness_loss + self.style_weight * style_loss, style_loss.detach()

    def update(self, real, generated, words, styles):
        """One step of both networks. Returns the critic's accuracy."""
        self.critic.requires_grad_(True)
        self.style_classifier.requires_grad_(True)
        margins = self.margins(real, generated.detach(), words)
        (F.softplus(-margins).mean() + self.style_loss(real, styles).mean()).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return (margins > 0).float().mean()

    def set_learning_rate(self, rate):
        """For the coming step."""
        set_learning_rate(self.optimizer, rate)

    def state_dict(self):
        """For a checkpoint."""
        return {"critic": self.critic.state_dict(), "reader": self.style_classifier.state_dict(),
                "optimiser": self.optimizer.state_dict()}

    def load_state_dict(self, state):
        """From a checkpoint."""
        self.critic.load_state_dict(state["critic"])
        self.style_classifier.load_state_dict(state["reader"])
        self.optimizer.load_state_dict(state["optimiser"])
