"""A network that tells real latents from made ones, knowing the words, and one that reads their style.
The squared error alone asks for the mean of all that words may mean, which is mush, and between all
styles; these ask for something that could be real, and in the style that was named."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from . import runtime
from .architecture import AUTOENCODERS, TEXT_WIDTH, VARIANT
from .captions import STYLES
from .optimizer import set_learning_rate

WIDTHS = (64, 128, 192)
MIXED_STYLE = -1  # style of a picture that has several


def conv_backbone(bounded):
    """Latents [B, C, h, w] to features [B, widths' last, h / 4, w / 4]; `bounded`: every layer's gain
    is at most one."""
    layers, channels = [], AUTOENCODERS[VARIANT]["latents"]
    normalize = spectral_norm if bounded else lambda layer: layer
    for number, width in enumerate(WIDTHS):
        stride = 1 if number == 0 else 2
        layers += [normalize(nn.Conv2d(channels, width, 3, stride, 1)), nn.LeakyReLU(0.2),
                   normalize(nn.Conv2d(width, width, 3, 1, 1)), nn.LeakyReLU(0.2)]
        channels = width
    return nn.Sequential(*layers)


class Critic(nn.Module):
    """Latents [B, C, h, w] and word features [B, width] to [B]: how real each place looks, on
    average, and how well all of it goes with the words."""

    def __init__(self):
        super().__init__()
        self.body = conv_backbone(bounded=True)
        channels = WIDTHS[-1]
        self.place = spectral_norm(nn.Conv2d(channels, 1, 1))
        self.words = spectral_norm(nn.Linear(TEXT_WIDTH, channels))

    def forward(self, latents, words):
        """Larger for what looks more real."""
        features = self.body(latents)
        places = self.place(features).flatten(1).mean(1)
        return (places + (self.words(words) * features.mean((2, 3))).sum(1)).float()


class LatentStyleClassifier(nn.Module):
    """Latents [B, C, h, w] to the logits of their styles [B, styles]; learns from real ones alone."""

    def __init__(self):
        super().__init__()
        self.body = conv_backbone(bounded=False)
        self.style = nn.Linear(WIDTHS[-1], len(STYLES))

    def forward(self, latents):
        """Logits in f32."""
        return self.style(self.body(latents).mean((2, 3))).float()


class Adversary:
    """The critic, the reader and their optimiser. Each made picture is compared with the real one of
    the same words (relativistic pairing: Jolicoeur-Martineau 2018), so that no word is given up for
    another; `style` is what a misread style costs beside it."""

    def __init__(self, rate, device, style_weight):
        self.device, self.style_weight = device, style_weight
        self.critic = Critic().to(device, memory_format=torch.channels_last)
        self.style_classifier = LatentStyleClassifier().to(device, memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW([*self.critic.parameters(), *self.style_classifier.parameters()],
                                           lr=rate, betas=(0.0, 0.99), fused=True)

    def style_loss(self, latents, styles):
        """How far the reader is from the styles [B]; nothing for those of several."""
        with runtime.autocast(self.device):
            logits = self.style_classifier(latents.contiguous(memory_format=torch.channels_last))
        return F.cross_entropy(logits, styles, ignore_index=MIXED_STYLE, reduction="none")

    def margins(self, real, generated, words):
        """How much more real the real ones look, [B]."""
        count = len(real)
        latents = torch.cat([real, generated]).contiguous(memory_format=torch.channels_last)
        with runtime.autocast(self.device):
            realness = self.critic(latents, torch.cat([words, words]))
        return realness[:count] - realness[count:]

    def generator_loss(self, real, generated, words, styles):
        """What the generator pays, [B], and how far the reader is from its styles, [B]; gradients reach
        `made` alone."""
        self.critic.requires_grad_(False)
        self.style_classifier.requires_grad_(False)
        style_loss = self.style_loss(generated, styles)
        return F.softplus(self.margins(real, generated, words)) + self.style_weight * style_loss, style_loss.detach()

    def update(self, real, generated, words, styles):
        """One update of both; returns how often the critic was right."""
        self.critic.requires_grad_(True)
        self.style_classifier.requires_grad_(True)
        margins = self.margins(real, generated.detach(), words)
        (F.softplus(-margins).mean() + self.style_loss(real, styles).mean()).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return (margins > 0).float().mean()

    def set_learning_rate(self, rate):
        """Of the coming step."""
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
