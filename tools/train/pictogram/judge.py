"""The judge, two networks trained on real pictures alone and never on the held-out (concept, style)
pairs. The dual encoder of align.py (`align --name judge --seed 1`) says which of many prompts goes best
with a picture, and a small classifier (this stage) in which style it is. Their own scores on real
pictures are the ceiling that made ones are compared with."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from . import runtime
from .align import Aligner
from .captions import EMOJI_STYLES
from .model import Generator
from .optimiser import Both
from .pictures import PictureStore
from .scenes import SceneMaker, finished, usable_rows

SIZE = 128  # pixels that it looks at


class StyleEye(nn.Module):
    """Pictures [B, 3, 128, 128] in -1..1 to logits [B, styles]: each place votes."""

    def __init__(self, widths=(16, 32, 64, 128)):
        super().__init__()
        layers, before = [], 3
        for width in widths:
            layers += [nn.Conv2d(before, width, 3, 2, 1), nn.GELU(), nn.Conv2d(width, width, 3, 1, 1),
                       nn.GroupNorm(8, width), nn.GELU()]
            before = width
        self.body = nn.Sequential(*layers, nn.Conv2d(before, len(EMOJI_STYLES), 1))

    def forward(self, pictures):
        """Mean over the places."""
        return self.body(pictures).mean((2, 3))


class Judge:
    """Unit vectors of pictures and of prompts."""

    def __init__(self, args, device, autoencoder):
        state, style = (runtime.load_checkpoint(args.work / "checkpoints" / f"{name}.pt")
                        for name in ("judge", "style"))
        if state is None or style is None:
            raise SystemExit("no judge yet: python -m pictogram.align --name judge --seed 1, "
                             "python -m pictogram.judge")
        self.style_eye = StyleEye().to(device)
        self.style_eye.load_state_dict(style["model"])
        self.device, self.autoencoder, self.scaling = device, autoencoder, state["scaling"]
        self.aligner = Aligner(Generator(args.work, device), device)
        for module, stored in zip(self.aligner.modules, state["aligner"], strict=True):
            module.load_state_dict(stored)
        self.aligner.generator.text.load_state_dict(state["text"])
        self.images = state["step"] * state["batch"]

    @torch.no_grad()
    def see(self, pictures, chunk=64):
        """(unit vectors [B, width], number of the style [B]) of pictures in 0..1."""
        seen, styles = [], []
        for part in pictures.split(chunk):
            small = smaller(part).to(self.device) * 2 - 1
            latents = self.autoencoder.encoder(small) * self.scaling
            seen.append(self.aligner.pictures(latents).float().cpu())
            styles.append(self.style_eye(small).argmax(1).cpu())
        return torch.cat(seen), torch.cat(styles)

    @torch.no_grad()
    def read(self, prompts, chunk=256):
        """[B, width] of prompts."""
        with runtime.autocast(self.device):
            return torch.cat([self.aligner.read(prompts[i:i + chunk])[1].float().cpu()
                              for i in range(0, len(prompts), chunk)])


class Names:
    """Every concept in every emoji style, as the judge reads them: [concepts, styles, width]."""

    def __init__(self, judge, concepts):
        self.number = {concept: i for i, concept in enumerate(concepts)}
        prompts = [f"{concept}, {style}" for concept in concepts for style in EMOJI_STYLES]
        self.vectors = judge.read(prompts).view(len(concepts), len(EMOJI_STYLES), -1)

    def verdicts(self, seen, pairs):
        """(concept is the best of all in this style, among the five best, style is right), each bool
        [B], of what was seen for (concept, style) pairs."""
        vectors, seen_styles = seen
        concepts = torch.tensor([self.number[concept] for concept, _ in pairs])
        styles = torch.tensor([EMOJI_STYLES.index(style) for _, style in pairs])
        by_concept = torch.einsum("bw,cbw->bc", vectors, self.vectors[:, styles])
        best = by_concept.topk(5, 1).indices == concepts[:, None]
        return best[:, 0], best.any(1), seen_styles == styles


def emoji_rows(rows):
    """Row numbers of (concept, style) pairs that training may use: {concept: {style: number}}."""
    concepts = {}
    for number, (row, usable) in enumerate(zip(rows, usable_rows(rows))):
        if usable and row["style"] in EMOJI_STYLES:
            concepts.setdefault(row["caption"], {}).setdefault(row["style"], number)
    return concepts


def frequent_rows(rows, count):
    """Row numbers of the concepts that exist in the most styles, one style each, in turn."""
    concepts = emoji_rows(rows)
    names = sorted(concepts, key=lambda name: (-len(concepts[name]), name))
    step = max(1, sum(len(c) == len(EMOJI_STYLES) for c in concepts.values()) // count)
    chosen = names[::step][:count]
    return [list(concepts[name].values())[i % len(concepts[name])] for i, name in enumerate(chosen)]


def emoji_maker(store):
    """Draws pictures of the four styles, each as often as any other."""
    rows = store.rows
    styled = np.array([row["style"] in EMOJI_STYLES for row in rows]) & usable_rows(rows)
    return SceneMaker(store, SIZE, styled / styled.sum())


def smaller(pictures):
    """What the judge looks at, of pictures [B, 3, S, S]."""
    return F.interpolate(pictures, size=(SIZE, SIZE), mode="area")


def softened(pictures):
    """Pictures blurred more or less, and with a little noise: no style is told by sharpness alone."""
    blurred = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)
    share = torch.rand(len(pictures), 1, 1, 1, device=pictures.device)
    return torch.lerp(pictures, blurred, share) + 0.03 * torch.randn_like(pictures)


def train(args):
    """The style classifier, on pictures posed, tinted and put over backgrounds afresh at each step."""
    device = runtime.prepare(args)
    store = PictureStore(args.data, args.work, device)
    maker = emoji_maker(store)
    eye = StyleEye().to(device, memory_format=torch.channels_last)
    optimiser = Both([eye], args.rate)
    clock, meter = runtime.Clock(args), runtime.Meter(runtime.Log(args.work, "style"), args.batch)
    step = 0
    while not clock.finished(step):
        if clock.must_stop():
            raise SystemExit(3)  # minutes of work: it starts anew
        optimiser.set_rate(runtime.learning_rate(args, step, clock))
        rng = np.random.default_rng((args.seed, 45, step))
        pictures, colour, samples = maker.batch(args.batch, rng, pairs=0, first=step * args.batch)
        styles = torch.tensor([EMOJI_STYLES.index(store.rows[s.rows[0]]["style"]) for s in samples])
        logits = eye(softened(finished(pictures, colour)))
        loss = F.cross_entropy(logits, styles.to(device))
        loss.backward()
        optimiser.step()
        step += 1
        meter.add(loss.detach(), step=step)
    runtime.save_atomic({"model": eye.state_dict(), "step": step, "batch": args.batch},
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
