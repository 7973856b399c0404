"""Muon for the hidden matrices and kernels, AdamW for the rest, as one object.

Muon (Jordan et al. 2024) steps along the nearest orthogonal matrix of the momentum, so that every
direction of a layer learns equally fast; kernels count as matrices [out, in*h*w]."""

import torch

from .runtime import multiplies_bf16

A, B, C = 3.4445, -4.7750, 2.0315  # of the Newton-Schulz polynomial


def orthogonal(matrix, rounds=5):
    """Newton-Schulz iteration towards the nearest orthogonal matrix, batched.

    A matrix at least twice as wide as high is iterated through its small Gram matrix, in float32:
    half the time, and a quarter of the error of bf16 throughout, which is what the others get.
    """
    x = matrix.bfloat16() if multiplies_bf16(matrix.device) else matrix.float()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    x = by_gram(x, rounds) if x.shape[-1] >= 2 * x.shape[-2] else directly(x, rounds)
    return (x.mT if tall else x).to(matrix.dtype)


def directly(x, rounds):
    """p(x) = (A + B xx' + C (xx')^2) x, `rounds` times."""
    for _ in range(rounds):
        square = x @ x.mT
        x = A * x + (B * square + C * square @ square) @ x
    return x


def by_gram(x, rounds):
    """The same: all factors commute with xx', so that their product is formed first.

    xx' must not be rounded to bf16: its small eigenvalues would turn negative, and grow tenfold a
    round.
    """
    gram = x.float() @ x.float().mT
    product = identity = torch.eye(gram.shape[-1], device=x.device)
    for _ in range(rounds):
        factor = A * identity + B * gram + C * (gram @ gram)
        gram = factor @ gram @ factor
        product = factor @ product
    return product.to(x.dtype) @ x


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised; step scaled to the size of an Adam step (0.2 root mean square)."""

    def __init__(self, parameters, lr, momentum=0.95, weight_decay=0.01):
        super().__init__(parameters, {"lr": lr, "momentum": momentum,
                                      "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        """One update; parameters of the same shape are orthogonalised together."""
        for group in self.param_groups:
            shapes = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    shapes.setdefault(parameter.shape, []).append(parameter)
            for parameters in shapes.values():
                self._update(parameters, group)

    def _update(self, parameters, group):
        for parameter in parameters:
            if not self.state[parameter]:
                self.state[parameter]["momentum"] = torch.zeros_like(parameter)
        momenta = [self.state[parameter]["momentum"] for parameter in parameters]
        gradients = [parameter.grad for parameter in parameters]
        torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
        ahead = torch._foreach_lerp(gradients, momenta, group["momentum"])
        update = orthogonal(torch.stack(ahead).flatten(2))
        scale = 0.2 * max(update.shape[1:]) ** 0.5
        changes = [change.view_as(p) for change, p in zip(update, parameters)]
        torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(parameters, changes, alpha=-group["lr"] * scale)


def set_rate(optimiser, rate):
    """The rate of the coming step."""
    for group in optimiser.param_groups:
        group["lr"] = rate


class Both:
    """The two optimisers behind one interface."""

    def __init__(self, modules, rate, matrices="muon", weight_decay=0.01):
        hidden, other = [], []
        for module in modules:
            for name, parameter in module.named_parameters():
                edge = "conv_in" in name or "conv_out" in name or "embedding" in name
                kept = matrices == "muon" and parameter.ndim >= 2 and not edge
                (hidden if kept else other).append(parameter)
        self.parts = [torch.optim.AdamW(other, lr=rate, betas=(0.9, 0.99), fused=True,
                                        weight_decay=weight_decay)]
        if hidden:
            self.parts.append(Muon(hidden, rate, weight_decay=weight_decay))
        self.parameters = hidden + other

    def set_rate(self, rate):
        """The rate of the coming step, for all."""
        for part in self.parts:
            set_rate(part, rate)

    def step(self, clip=1.0):
        """Clip, update, clear."""
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, clip)
        for part in self.parts:
            part.step()
            part.zero_grad()
        return norm

    def state_dict(self):
        """For a checkpoint."""
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states):
        """From a checkpoint."""
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)
