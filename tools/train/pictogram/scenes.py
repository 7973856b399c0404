"""Augmented samples: which pictures, placed how, over what, in which colour, and what to call it."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from . import backgrounds, captions
from .pictures import on, over, place

GOLDEN = (5 ** 0.5 - 1) / 2
POSED = 0.94  # scale of a picture on its own that is not loose; at most, where a seed poses it
VIVID = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "teal")
TINTS = (*VIVID, "brown", "black", "gray", "white")
CODES = 4  # numbers of a seed that say how a thing is posed: mirrored, how large, where


@dataclass
class Sample:
    """What a caption can be composed from later: row numbers, new colours, background's name.

    A loose sample is placed or mirrored in a way that neither prompt nor seed tells; another's pose
    follows from its code, standard normal numbers.
    """
    rows: tuple
    colours: tuple
    background: str | None
    loose: bool = False
    code: tuple = (0.0,) * CODES


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


def tinted(rgba, target):
    """Premultiplied pictures [B, 4, H, W] as if they were of colour `target` ([B, 3]): what is as
    bright as the thing in the mean gets that colour, darker parts darker shades, lighter ones
    lighter. Where a thing has one main hue, vivid parts of another hue (the leaf of an apple) stay."""
    alpha = rgba[:, 3:]
    rgb = (rgba[:, :3] / alpha.clamp_min(1e-3)).clamp(0, 1)
    brightness = torch.einsum("bchw,c->bhw", rgb, rgb.new_tensor((0.3, 0.59, 0.11)))[:, None]
    total = alpha.sum((2, 3), keepdim=True).clamp_min(1)
    mean = ((brightness * alpha).sum((2, 3), keepdim=True) / total).clamp(0.1, 0.9)
    target = target[:, :, None, None]
    darker = target * (brightness / mean).clamp(max=1)
    lighter = ((brightness - mean) / (1 - mean)).clamp(0, 1)
    made = darker + (1 - darker) * lighter * 0.9
    chroma = rgb - rgb.mean(1, keepdim=True)
    vivid = chroma.norm(dim=1, keepdim=True)
    main = (chroma * alpha).sum((2, 3), keepdim=True)
    single = main.norm(dim=1, keepdim=True) / (vivid * alpha).sum((2, 3), keepdim=True).clamp_min(1e-3)
    agree = (chroma * F.normalize(main, dim=1)).sum(1, keepdim=True) / vivid.clamp_min(1e-3)
    kept = torch.sigmoid((0.2 - agree) * 12) * torch.sigmoid((vivid - 0.25) * 20)
    kept = kept * torch.sigmoid((single - 0.6) * 20)
    return torch.cat([(made * (1 - kept) + rgb * kept) * alpha, alpha], 1)


def recolour(rgba, rows, share, rng):
    """Some pictures get a new colour; returns the colours' names (None where unchanged)."""
    changed = [i for i, row in enumerate(rows) if rng.random() < share
               and row["source"] != "dicebear" and not captions.has_colour(row["caption"])]
    names = [None] * len(rows)
    for i in changed:
        choice = VIVID if captions.shows_people(rows[i]["caption"]) else TINTS
        names[i] = choice[int(rng.integers(len(choice)))]
    if changed:
        target = np.stack([backgrounds.named_colour(names[i], rng) for i in changed])
        rgba[changed] = tinted(rgba[changed], torch.from_numpy(target).to(rgba.device))
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

    def placed(self, rgba, numbers, loose, code, rng):
        """One object a picture: large and central, or as its code says; loose ones often small, aside."""
        count = len(numbers)
        mirrored = np.where(loose, rng.random(count) < 0.5, code[:, 0] > 0)
        for i in np.flatnonzero(mirrored):
            if captions.may_mirror(self.store.rows[numbers[i]]["caption"]):
                rgba[i] = rgba[i].flip(2)
        small = rng.random(count) < 0.4
        scale = np.where(small, rng.uniform(0.45, 0.75, count), rng.uniform(0.8, 1.0, count))
        level = 0.5 + 0.5 * np.tanh(0.8 * code)  # about evenly in 0..1
        opaque = filling(rgba).cpu().numpy()
        scale = np.where(opaque, 1.0, np.where(loose, scale, POSED - 0.16 * level[:, 1]))
        room = np.where(opaque, 0.0, np.where(loose, 1.02 - scale, POSED - scale))
        place_in = np.where(loose[:, None], rng.uniform(-1, 1, (count, 2)), 2 * level[:, 2:] - 1)
        return place(rgba, self.size, on(rgba, scale), on(rgba, place_in * room[:, None]))

    def pair(self, first, second):
        """Two objects side by side."""
        scale, aside = np.full(len(first), 0.5), np.tile((0.48, 0.0), (len(first), 1))
        left = place(first, self.size, on(first, scale), on(first, -aside))
        right = place(second, self.size, on(first, scale), on(first, aside))
        return left + right * (1 - left[:, 3:])

    def batch(self, count, rng, pairs=0.06, recoloured=0.3, loose=0.35, first=None):
        """(premultiplied [B, 4, S, S], background colours [B, 3, 1, 1], list of Sample)."""
        numbers = self.pick(count, rng, first)
        rgba, colours = self.subjects(numbers, rng, recoloured)
        free = rng.random(count) < loose
        code = rng.standard_normal((count, CODES))
        pictures = self.placed(rgba, numbers, free, code, rng)
        samples = [Sample((int(n),), (c,), None, bool(f), tuple(z))
                   for n, c, f, z in zip(numbers, colours, free, code)]
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
        return pictures, torch.from_numpy(colour)[:, :, None, None].to(pictures.device), samples

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


def filling(rgba):
    """Whether each picture brings its own background, bool [B]: it is never made smaller."""
    return rgba[:, 3].flatten(1).amin(1) > 0.99


def posed(store, numbers, size):
    """The rows' pictures as large and central as training shows them: premultiplied [B, 4, S, S]."""
    pictures = store.premultiplied(numbers)
    scale = torch.where(filling(pictures), 1.0, POSED)
    return place(pictures, size, scale, torch.zeros(len(pictures), 2, device=scale.device))


def finished(pictures, colour):
    """RGB in -1..1 over the backgrounds."""
    return over(pictures, colour).clamp(0, 1) * 2 - 1
