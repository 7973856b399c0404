"""Augmented samples: images placed over backgrounds, recolored, with what their captions need."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from . import backgrounds, captions
from .images import over, place, tensor_like

GOLDEN = (5 ** 0.5 - 1) / 2
FULL_SCALE = 0.94  # largest scale of a single image without a random pose
VIVID = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "teal")
TINTS = (*VIVID, "brown", "black", "gray", "white")
POSE_CODES = 4  # numbers of a seed that set the pose: mirrored, scale, x, y


@dataclass
class Sample:
    """What a caption is composed from later: row numbers, new colors, the background's name.

    With `random_pose` the sample is placed or mirrored in a way that neither the prompt nor the
    seed determines. Otherwise its pose follows from `pose_code`, standard normal numbers.
    """
    rows: tuple
    colors: tuple
    background: str | None
    random_pose: bool = False
    pose_code: tuple = (0.0,) * POSE_CODES


def sampling_weights(rows, usable):
    """Probability of each row: avatars 12 %, clipart 6 %, emoji the rest."""
    kind = np.array([{"dicebear": 0, "openclipart": 1}.get(r["source"], 2) for r in rows])
    weights = np.zeros(len(rows))
    for value, share in ((0, 0.12), (1, 0.06), (2, 0.82)):
        chosen = usable & (kind == value)
        weights[chosen] = share / max(1, chosen.sum())
    return weights / weights.sum()


def usable_rows(rows):
    """Bool [rows]: False for the held-out (caption, style) pairs."""
    held_out = captions.held_out_pairs()
    return np.array([(r["caption"], r["style"]) not in held_out for r in rows])


def tint(rgba, target):
    """Premultiplied images [B, 4, H, W] in the color `target` ([B, 3]). Pixels of mean brightness
    get that color, darker ones darker shades, brighter ones brighter shades. Where an object has
    one main hue, vivid parts of another hue (the leaf of an apple) keep theirs."""
    alpha = rgba[:, 3:]
    rgb = (rgba[:, :3] / alpha.clamp_min(1e-3)).clamp(0, 1)
    brightness = torch.einsum("bchw,c->bhw", rgb, rgb.new_tensor((0.3, 0.59, 0.11)))[:, None]
    total = alpha.sum((2, 3), keepdim=True).clamp_min(1)
    mean = ((brightness * alpha).sum((2, 3), keepdim=True) / total).clamp(0.1, 0.9)
    target = target[:, :, None, None]
    darker = target * (brightness / mean).clamp(max=1)
    lighter = ((brightness - mean) / (1 - mean)).clamp(0, 1)
    tinted = darker + (1 - darker) * lighter * 0.9
    chroma = rgb - rgb.mean(1, keepdim=True)
    chroma_norm = chroma.norm(dim=1, keepdim=True)
    main_hue = (chroma * alpha).sum((2, 3), keepdim=True)
    total_chroma = (chroma_norm * alpha).sum((2, 3), keepdim=True).clamp_min(1e-3)
    single_hue = main_hue.norm(dim=1, keepdim=True) / total_chroma
    along_main = (chroma * F.normalize(main_hue, dim=1)).sum(1, keepdim=True)
    hue_agreement = along_main / chroma_norm.clamp_min(1e-3)
    kept = torch.sigmoid((0.2 - hue_agreement) * 12) * torch.sigmoid((chroma_norm - 0.25) * 20)
    kept = kept * torch.sigmoid((single_hue - 0.6) * 20)
    return torch.cat([(tinted * (1 - kept) + rgb * kept) * alpha, alpha], 1)


def recolor(rgba, rows, share, rng):
    """Give a share of the images a new color. Returns the colors' names (None where unchanged)."""
    changed = [i for i, row in enumerate(rows) if rng.random() < share
               and row["source"] != "dicebear" and not captions.has_color(row["caption"])]
    names = [None] * len(rows)
    for i in changed:
        choice = VIVID if captions.shows_people(rows[i]["caption"]) else TINTS
        names[i] = choice[int(rng.integers(len(choice)))]
    if changed:
        target = np.stack([backgrounds.named_color(names[i], rng) for i in changed])
        rgba[changed] = tint(rgba[changed], torch.from_numpy(target).to(rgba.device))
    return names


class Augmenter:
    """Makes batches of augmented images with what is needed to caption them."""

    def __init__(self, store, size, weights):
        self.store = store
        self.size = size
        self.weights = weights
        self.usable = np.flatnonzero(weights)
        self.cumulative = np.cumsum(weights[self.usable])

    def pick_rows(self, count, rng, first=None):
        """Row numbers by weight. With `first` they are those of the samples numbered from it:
        multiples of the golden ratio fill the unit interval evenly (a Kronecker sequence), so all
        rows get their turn."""
        positions = rng.random(count) if first is None else (first + np.arange(count)) * GOLDEN % 1
        drawn = np.searchsorted(self.cumulative, positions * self.cumulative[-1])
        return self.usable[np.minimum(drawn, len(self.usable) - 1)]

    def load_recolored(self, numbers, rng, recolored):
        """Premultiplied images, a share of them recolored, and their new colors."""
        rows = [self.store.rows[n] for n in numbers]
        rgba = self.store.premultiplied(numbers)
        return rgba, recolor(rgba, rows, recolored, rng)

    def place_single(self, rgba, numbers, random_pose, pose_code, rng):
        """One object an image, large and central, or as its pose code says. With a random pose it
        is often small and off center."""
        count = len(numbers)
        mirrored = np.where(random_pose, rng.random(count) < 0.5, pose_code[:, 0] > 0)
        for i in np.flatnonzero(mirrored):
            if captions.may_mirror(self.store.rows[numbers[i]]["caption"]):
                rgba[i] = rgba[i].flip(2)
        small = rng.random(count) < 0.4
        scale = np.where(small, rng.uniform(0.45, 0.75, count), rng.uniform(0.8, 1.0, count))
        uniform = 0.5 + 0.5 * np.tanh(0.8 * pose_code)  # about uniform in 0..1
        own_background = has_own_background(rgba).cpu().numpy()
        scale = np.where(random_pose, scale, FULL_SCALE - 0.16 * uniform[:, 1])
        scale = np.where(own_background, 1.0, scale)
        margin = np.where(random_pose, 1.02 - scale, FULL_SCALE - scale)
        margin = np.where(own_background, 0.0, margin)
        random_offset = rng.uniform(-1, 1, (count, 2))
        offset = np.where(random_pose[:, None], random_offset, 2 * uniform[:, 2:] - 1)
        return place(rgba, self.size, tensor_like(rgba, scale),
                     tensor_like(rgba, offset * margin[:, None]))

    def place_pair(self, first, second):
        """Two objects side by side."""
        scale, offset = np.full(len(first), 0.5), np.tile((0.48, 0.0), (len(first), 1))
        left = place(first, self.size, tensor_like(first, scale), tensor_like(first, -offset))
        right = place(second, self.size, tensor_like(first, scale), tensor_like(first, offset))
        return left + right * (1 - left[:, 3:])

    def batch(self, count, rng, pairs=0.06, recolored=0.3, random_pose=0.35, first=None):
        """(premultiplied [B, 4, S, S], background colors [B, 3, 1, 1], list of Sample)."""
        numbers = self.pick_rows(count, rng, first)
        rgba, colors = self.load_recolored(numbers, rng, recolored)
        random_pose_mask = rng.random(count) < random_pose
        pose_code = rng.standard_normal((count, POSE_CODES))
        images = self.place_single(rgba, numbers, random_pose_mask, pose_code, rng)
        samples = [Sample((int(n),), (c,), None, bool(f), tuple(z))
                   for n, c, f, z in zip(numbers, colors, random_pose_mask, pose_code)]
        paired = [i for i in range(count) if rng.random() < pairs and not random_pose_mask[i]
                  and self.store.rows[numbers[i]]["source"] not in ("dicebear", "openclipart")]
        if paired:
            others = self.pick_partners(numbers[paired], rng)
            second, second_colors = self.load_recolored(others, rng, recolored)
            images[paired] = self.place_pair(rgba[paired], second)
            for slot, i in enumerate(paired):
                samples[i] = Sample((int(numbers[i]), int(others[slot])),
                                    (colors[i], second_colors[slot]), None)
        color = np.ones((count, 3), np.float32)
        for i in range(count):
            if rng.random() < 0.65:
                samples[i].background = backgrounds.NAMES[int(rng.integers(len(backgrounds.NAMES)))]
                color[i] = backgrounds.named_color(samples[i].background, rng)
            else:
                samples[i].background = "white"
        return images, torch.from_numpy(color)[:, :, None, None].to(images.device), samples

    def pick_partners(self, numbers, rng):
        """A second object of the same style for each."""
        result = []
        for n in numbers:
            style = self.store.rows[n]["style"]
            while True:
                other = int(self.pick_rows(1, rng)[0])
                if self.store.rows[other]["style"] == style and other != n:
                    break
            result.append(other)
        return np.array(result)


def has_own_background(rgba):
    """Whether each image brings its own background, bool [B]. Such images keep their full size."""
    return rgba[:, 3].flatten(1).amin(1) > 0.99


def centered(store, numbers, size):
    """The rows' images as large and central as training shows them, premultiplied [B, 4, S, S]."""
    images = store.premultiplied(numbers)
    scale = torch.where(has_own_background(images), 1.0, FULL_SCALE)
    return place(images, size, scale, torch.zeros(len(images), 2, device=scale.device))


def composite(images, color):
    """RGB in -1..1 over the backgrounds."""
    return over(images, color).clamp(0, 1) * 2 - 1
