"""The evaluator: two networks trained on real images only, and never on the held-out (concept,
style) pairs. A dual encoder like CLIP, trained by `text_encoder --name judge --seed 1`, tells which
of many prompts fits an image best. A small classifier, trained by this stage, tells its style.
Their scores on real images are the upper bound to which generated images are compared."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from . import runtime
from .augmentation import Augmenter, composite, usable_rows
from .captions import EMOJI_STYLES
from .images import ImageStore
from .model import Generator
from .optimizer import MuonAdamW
from .text_encoder import TextPretrainer

SIZE = 128  # side of the images that it sees, in pixels


class StyleClassifier(nn.Module):
    """Images [B, 3, 128, 128] in -1..1 to logits [B, styles]."""

    def __init__(self, widths=(16, 32, 64, 128)):
        super().__init__()
        layers, channels = [], 3
        for width in widths:
            layers += [nn.Conv2d(channels, width, 3, 2, 1), nn.GELU(),
                       nn.Conv2d(width, width, 3, 1, 1), nn.GroupNorm(8, width), nn.GELU()]
            channels = width
        self.body = nn.Sequential(*layers, nn.Conv2d(channels, len(EMOJI_STYLES), 1))

    def forward(self, images):
        """Logits, averaged over the positions."""
        return self.body(images).mean((2, 3))


class Evaluator:
    """Embeds images and prompts as unit vectors, and classifies styles. Its checkpoints are
    judge.pt and style.pt."""

    def __init__(self, args, device, autoencoder):
        state, style = (runtime.load_checkpoint(args.work / "checkpoints" / f"{name}.pt")
                        for name in ("judge", "style"))
        if state is None or style is None:
            raise SystemExit("no evaluator yet: run python -m pictogram.text_encoder --name judge "
                             "--seed 1, then python -m pictogram.evaluator")
        self.style_classifier = StyleClassifier().to(device)
        self.style_classifier.load_state_dict(style["model"])
        self.device, self.autoencoder, self.scaling_factor = device, autoencoder, state["scaling"]
        self.pretrainer = TextPretrainer(Generator(args.work, device), device)
        for module, stored in zip(self.pretrainer.modules, state["aligner"], strict=True):
            module.load_state_dict(stored)
        self.pretrainer.generator.text_encoder.load_state_dict(state["text"])
        self.images = state["step"] * state["batch"]

    @torch.no_grad()
    def embed_images(self, images, chunk=64):
        """(unit vectors [B, width], style labels [B]) of images in 0..1."""
        embeddings, styles = [], []
        for chunk_images in images.split(chunk):
            small = resize(chunk_images).to(self.device) * 2 - 1
            latents = self.autoencoder.encoder(small) * self.scaling_factor
            embeddings.append(self.pretrainer.latent_encoder(latents).float().cpu())
            styles.append(self.style_classifier(small).argmax(1).cpu())
        return torch.cat(embeddings), torch.cat(styles)

    @torch.no_grad()
    def embed_prompts(self, prompts, chunk=256):
        """Unit vectors [B, width] of prompts."""
        with runtime.autocast(self.device):
            return torch.cat([self.pretrainer.embed_prompts(prompts[i:i + chunk])[1].float().cpu()
                              for i in range(0, len(prompts), chunk)])


class ConceptEmbeddings:
    """Prompt embeddings of every concept in every emoji style: [concepts, styles, width]."""

    def __init__(self, evaluator, concepts):
        self.number = {concept: i for i, concept in enumerate(concepts)}
        prompts = [f"{concept}, {style}" for concept in concepts for style in EMOJI_STYLES]
        self.vectors = evaluator.embed_prompts(prompts).view(len(concepts), len(EMOJI_STYLES), -1)

    def matches(self, embeddings, pairs):
        """For images of (concept, style) pairs, each bool [B]: whether the concept is the best
        match of all in this style, whether it is among the five best, whether the style is right.
        """
        vectors, seen_styles = embeddings
        concepts = torch.tensor([self.number[concept] for concept, _ in pairs])
        styles = torch.tensor([EMOJI_STYLES.index(style) for _, style in pairs])
        by_concept = torch.einsum("bw,cbw->bc", vectors, self.vectors[:, styles])
        best = by_concept.topk(5, 1).indices == concepts[:, None]
        return best[:, 0], best.any(1), seen_styles == styles


def emoji_rows(rows):
    """Rows of the (concept, style) pairs that training may use: {concept: {style: row number}}."""
    concepts = {}
    for number, (row, usable) in enumerate(zip(rows, usable_rows(rows))):
        if usable and row["style"] in EMOJI_STYLES:
            concepts.setdefault(row["caption"], {}).setdefault(row["style"], number)
    return concepts


def frequent_rows(rows, count):
    """Row numbers of the concepts that exist in most styles, one style each, in turn."""
    concepts = emoji_rows(rows)
    names = sorted(concepts, key=lambda name: (-len(concepts[name]), name))
    step = max(1, sum(len(c) == len(EMOJI_STYLES) for c in concepts.values()) // count)
    chosen = names[::step][:count]
    return [list(concepts[name].values())[i % len(concepts[name])] for i, name in enumerate(chosen)]


def emoji_augmenter(store):
    """An Augmenter that samples the four emoji styles equally often."""
    rows = store.rows
    styled = np.array([row["style"] in EMOJI_STYLES for row in rows]) & usable_rows(rows)
    return Augmenter(store, SIZE, styled / styled.sum())


def resize(images):
    """Images [B, 3, S, S] at the evaluator's resolution."""
    return F.interpolate(images, size=(SIZE, SIZE), mode="area")


def random_blur(images):
    """Images blurred by a random amount, with a little noise, so that sharpness alone does not give
    the style away."""
    blurred = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)
    blend = torch.rand(len(images), 1, 1, 1, device=images.device)
    return torch.lerp(images, blurred, blend) + 0.03 * torch.randn_like(images)


def train(args):
    """The style classifier, on images newly placed, tinted and composited at each step."""
    device = runtime.prepare(args)
    store = ImageStore(args.data, args.work, device)
    augmenter = emoji_augmenter(store)
    classifier = StyleClassifier().to(device, memory_format=torch.channels_last)
    optimizer = MuonAdamW([classifier], args.rate)
    clock, meter = runtime.Clock(args), runtime.Meter(runtime.Log(args.work, "style"), args.batch)
    step = 0
    while not clock.finished(step):
        if clock.should_stop():
            raise SystemExit(3)  # takes minutes, so it starts over instead of resuming
        optimizer.set_learning_rate(runtime.learning_rate(args, step, clock))
        rng = np.random.default_rng((args.seed, 45, step))
        images, color, samples = augmenter.batch(args.batch, rng, pairs=0, first=step * args.batch)
        styles = torch.tensor([EMOJI_STYLES.index(store.rows[s.rows[0]]["style"]) for s in samples])
        logits = classifier(random_blur(composite(images, color)))
        loss = F.cross_entropy(logits, styles.to(device))
        loss.backward()
        optimizer.step()
        step += 1
        meter.add(loss.detach(), step=step)
    runtime.save_atomic({"model": classifier.state_dict(), "step": step, "batch": args.batch},
                        args.work / "checkpoints" / "style.pt")


def main():
    """Command line."""
    parser = runtime.parser(__doc__)
    runtime.add_schedule(parser, steps=600, rate=1e-3, cool=0.8)
    parser.add_argument("--batch", type=int, default=128)
    parser.set_defaults(seed=1)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
