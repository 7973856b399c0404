"""A network that tells real latents from made ones, knowing the words. The squared error alone asks
for the mean of all that words may mean, which is mush; this asks for something that could be real."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from . import runtime
from .architecture import AUTOENCODERS, TEXT_WIDTH, VARIANT
from .optimiser import set_rate

WIDTHS = (64, 128, 192)


class Critic(nn.Module):
    """Latents [B, C, h, w] and word features [B, width] to [B]: how real each place looks, on
    average, and how well all of it goes with the words. Every layer's gain is at most one."""

    def __init__(self):
        super().__init__()
        layers, channels = [], AUTOENCODERS[VARIANT]["latents"]
        for number, width in enumerate(WIDTHS):
            stride = 1 if number == 0 else 2
            layers += [spectral_norm(nn.Conv2d(channels, width, 3, stride, 1)), nn.LeakyReLU(0.2),
                       spectral_norm(nn.Conv2d(width, width, 3, 1, 1)), nn.LeakyReLU(0.2)]
            channels = width
        self.body = nn.Sequential(*layers)
        self.place = spectral_norm(nn.Conv2d(channels, 1, 1))
        self.words = spectral_norm(nn.Linear(TEXT_WIDTH, channels))

    def forward(self, latents, words):
        """Larger for what looks more real."""
        features = self.body(latents)
        places = self.place(features).flatten(1).mean(1)
        return (places + (self.words(words) * features.mean((2, 3))).sum(1)).float()


class Adversary:
    """The critic and its optimiser. Each made picture is compared with the real one of the same
    words (relativistic pairing: Jolicoeur-Martineau 2018), so that no word is given up for another."""

    def __init__(self, rate, device):
        self.device = device
        self.critic = Critic().to(device, memory_format=torch.channels_last)
        self.optimiser = torch.optim.AdamW(self.critic.parameters(), lr=rate, betas=(0.0, 0.99),
                                           fused=True)

    def margins(self, real, made, words):
        """How much more real the real ones look, [B]."""
        count = len(real)
        both = torch.cat([real, made]).contiguous(memory_format=torch.channels_last)
        with runtime.autocast(self.device):
            looks = self.critic(both, torch.cat([words, words]))
        return looks[:count] - looks[count:]

    def loss(self, real, made, words):
        """What the generator pays, [B]; gradients reach `made` alone."""
        self.critic.requires_grad_(False)
        return F.softplus(self.margins(real, made, words))

    def learn(self, real, made, words):
        """One update of the critic; returns how often it was right."""
        self.critic.requires_grad_(True)
        margins = self.margins(real, made.detach(), words)
        F.softplus(-margins).mean().backward()
        self.optimiser.step()
        self.optimiser.zero_grad()
        return (margins > 0).float().mean()

    def set_rate(self, rate):
        """Of the coming step."""
        set_rate(self.optimiser, rate)

    def state_dict(self):
        """For a checkpoint."""
        return {"critic": self.critic.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load_state_dict(self, state):
        """From a checkpoint."""
        self.critic.load_state_dict(state["critic"])
        self.optimiser.load_state_dict(state["optimiser"])
