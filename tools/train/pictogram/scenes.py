"""Augmented samples: which pictures, placed how, over what, in which colour, and what to call it."""

from dataclasses import dataclass

import numpy as np
import torch

from . import backgrounds, captions
from .pictures import over, place


GOLDEN = (5 ** 0.5 - 1) / 2
POSED = 0.94  # scale of a picture that is not loose: centred, with a small margin


@dataclass
class Sample:
    """What a caption can be composed from later: row numbers, new colours, background's name.

    A loose sample is placed or mirrored in a way that no prompt tells.
    """
    rows: tuple
    colours: tuple
    background: str | None
    loose: bool = False


def sampling_weights(rows, usable):
    """Probability of each row: avatars 12 %, clipart 6 %, the rest is emoji."""
    kind = np.array([{"dicebear": 0, "openclipart": 1}.get(r["source"], 2) for r in rows])
    weights = np.zeros(len(rows))
    for value, share in ((0, 0.12), (1, 0.06), (2, 0.82)):
        chosen = usable & (kind == value)
        weights[chosen] = share / max(1, chosen.sum())
    return weights / weights.sum()


def usable_rows(rows):
    """Everything except the held-out (caption, style) pairs."""
    held_out = captions.held_out_pairs()
    return np.array([(r["caption"], r["style"]) not in held_out for r in rows])


def rotate_hue(rgb, turns):
    """Colours [B, 3, H, W] turned by `turns` ([B], 1 = full circle) about the grey axis."""
    angle = turns * 2 * np.pi
    cos, sin = torch.cos(angle), torch.sin(angle) * (1 / 3) ** 0.5
    third = (1 - cos) / 3
    matrix = torch.stack([torch.stack([cos + third, third - sin, third + sin], 1),
                          torch.stack([third + sin, cos + third, third - sin], 1),
                          torch.stack([third - sin, third + sin, cos + third], 1)], 1)
    return torch.einsum("bij,bjhw->bihw", matrix, rgb)


def main_colour(rgba):
    """Name of the commonest saturated colour of one premultiplied picture, or None."""
    alpha = rgba[3]
    rgb = rgba[:3] / alpha.clamp_min(1e-3)
    seen = rgb[:, (alpha > 0.7)]
    if seen.shape[1] < 50:
        return None
    saturated = (seen.amax(0) - seen.amin(0)) > 0.25
    if saturated.float().mean() < 0.4:
        return None
    names = list(backgrounds.NAMED)
    table = torch.tensor(list(backgrounds.NAMED.values())) / 255.0
    nearest = torch.cdist(seen[:, saturated].T, table).argmin(1)
    votes = torch.bincount(nearest, minlength=len(names))
    if votes.max() < 0.5 * votes.sum():
        return None
    return names[int(votes.argmax())]


def recolour(rgba, rows, share, rng):
    """Some pictures get a new hue; returns the colours' names (None where unchanged)."""
    names = [None] * len(rows)
    turns = np.zeros(len(rows), np.float32)
    for i, row in enumerate(rows):
        if rng.random() < share and row["source"] != "dicebear" \
                and not captions.has_colour(row["caption"]):
            turns[i] = rng.uniform(0.08, 0.92)
    changed = np.flatnonzero(turns)
    if len(changed):
        part = rgba[changed]
        turned = rotate_hue(part[:, :3], torch.from_numpy(turns[changed]))
        turned = torch.cat([torch.minimum(turned.clamp_min(0), part[:, 3:]), part[:, 3:]], 1)
        for slot, i in enumerate(changed):
            names[i] = main_colour(turned[slot, :, ::4, ::4])
            if names[i]:
                rgba[i] = turned[slot]
    return names


class SceneMaker:
    """Draws batches of augmented pictures with what is needed to caption them."""

    def __init__(self, store, size, weights):
        self.store = store
        self.size = size
        self.weights = weights
        self.pool = np.flatnonzero(weights)
        self.cumulative = np.cumsum(weights[self.pool])

    def pick(self, count, rng, first=None):
        """Row numbers by weight; as the samples numbered from `first`, all rows get their turn:
        multiples of the golden ratio fill the circle evenly, however many they are."""
        places = rng.random(count) if first is None else (first + np.arange(count)) * GOLDEN % 1
        draws = np.searchsorted(self.cumulative, places * self.cumulative[-1])
        return self.pool[np.minimum(draws, len(self.pool) - 1)]

    def subjects(self, numbers, rng, recoloured):
        """Premultiplied pictures, recoloured now and then, and their new colours."""
        rows = [self.store.rows[n] for n in numbers]
        rgba = self.store.premultiplied(numbers)
        return rgba, recolour(rgba, rows, recoloured, rng)

    def placed(self, rgba, numbers, loose, rng):
        """One object a picture: large and central, but loose ones often mirrored, small, aside."""
        count = len(numbers)
        for i in np.flatnonzero(loose & (rng.random(count) < 0.5)):
            if captions.may_mirror(self.store.rows[numbers[i]]["caption"]):
                rgba[i] = rgba[i].flip(2)
        small = rng.random(count) < 0.4
        scale = np.where(small, rng.uniform(0.45, 0.75, count), rng.uniform(0.8, 1.0, count))
        opaque = rgba[:, 3].flatten(1).amin(1).numpy() > 0.99
        scale = np.where(opaque, 1.0, np.where(loose, scale, POSED))
        free = (loose & ~opaque)[:, None]
        shift = np.where(free, rng.uniform(-1, 1, (count, 2)) * (1.02 - scale)[:, None], 0.0)
        return place(rgba, self.size, torch.from_numpy(scale).float(),
                     torch.from_numpy(shift).float())

    def pair(self, first, second):
        """Two objects side by side."""
        scale = torch.full((len(first),), 0.5)
        left = place(first, self.size, scale, torch.tensor([[-0.48, 0.0]]).expand(len(first), 2))
        right = place(second, self.size, scale, torch.tensor([[0.48, 0.0]]).expand(len(first), 2))
        return left + right * (1 - left[:, 3:])

    def batch(self, count, rng, pairs=0.06, recoloured=0.1, loose=0.35, first=None):
        """(premultiplied [B, 4, S, S], background colours [B, 3, 1, 1], list of Sample)."""
        numbers = self.pick(count, rng, first)
        rgba, colours = self.subjects(numbers, rng, recoloured)
        free = rng.random(count) < loose
        pictures = self.placed(rgba, numbers, free, rng)
        samples = [Sample((int(n),), (c,), None, bool(f))
                   for n, c, f in zip(numbers, colours, free)]
        double = [i for i in range(count) if rng.random() < pairs and not free[i]
                  and self.store.rows[numbers[i]]["source"] not in ("dicebear", "openclipart")]
        if double:
            others = self.companions(numbers[double], rng)
            second, second_colours = self.subjects(others, rng, recoloured)
            pictures[double] = self.pair(rgba[double], second)
            for slot, i in enumerate(double):
                samples[i] = Sample((int(numbers[i]), int(others[slot])),
                                    (colours[i], second_colours[slot]), None)
        colour = np.ones((count, 3), np.float32)
        for i in range(count):
            if rng.random() < 0.65:
                samples[i].background = backgrounds.NAMES[int(rng.integers(len(backgrounds.NAMES)))]
                colour[i] = backgrounds.named_colour(samples[i].background, rng)
            else:
                samples[i].background = "white"
        return pictures, torch.from_numpy(colour)[:, :, None, None], samples

    def companions(self, numbers, rng):
        """A second object of the same style for each."""
        result = []
        for n in numbers:
            style = self.store.rows[n]["style"]
            while True:
                other = int(self.pick(1, rng)[0])
                if self.store.rows[other]["style"] == style and other != n:
                    break
            result.append(other)
        return np.array(result)


def posed(store, numbers, size):
    """The rows' pictures as training shows them when nothing is loose: premultiplied [B, 4, S, S]."""
    numbers = np.asarray(numbers)
    maker = SceneMaker(store, size, np.ones(len(store.rows)))
    return maker.placed(store.premultiplied(numbers), numbers, np.zeros(len(numbers), bool),
                        np.random.default_rng(0))


def finished(pictures, colour):
    """RGB in -1..1 over the backgrounds."""
    return over(pictures, colour).clamp(0, 1) * 2 - 1
