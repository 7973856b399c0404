"""The judge: the dual encoder of align.py, trained with a seed of its own (`align --name judge --seed
1`) on real pictures alone and never on the held-out (concept, style) pairs. It says which of many
prompts goes best with a picture; its own score on real pictures is the ceiling that made ones are
compared with."""

import torch
import torch.nn.functional as F

from . import runtime
from .align import Aligner
from .captions import EMOJI_STYLES
from .model import Generator
from .scenes import usable_rows

SIZE = 128  # pixels that it looks at


class Judge:
    """Unit vectors of pictures and of prompts."""

    def __init__(self, args, device, autoencoder):
        state = runtime.load_checkpoint(args.work / "checkpoints" / "judge.pt")
        if state is None:
            raise SystemExit("no judge yet: python -m pictogram.align --name judge --seed 1")
        self.device, self.autoencoder, self.scaling = device, autoencoder, state["scaling"]
        self.aligner = Aligner(Generator(args.work, device), device)
        for module, stored in zip(self.aligner.modules, state["aligner"], strict=True):
            module.load_state_dict(stored)
        self.aligner.generator.text.load_state_dict(state["text"])
        self.images = state["step"] * state["batch"]

    @torch.no_grad()
    def see(self, pictures, chunk=64):
        """[B, width] of pictures in 0..1."""
        seen = []
        for part in pictures.split(chunk):
            small = F.interpolate(part, size=(SIZE, SIZE), mode="area").to(self.device)
            latents = self.autoencoder.encoder(small * 2 - 1) * self.scaling
            seen.append(self.aligner.pictures(latents).float().cpu())
        return torch.cat(seen)

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
        """(concept is the best, among the five best, style is the best), each bool [B], of what was
        seen for (concept, style) pairs: concepts are compared in the style, styles for the concept."""
        concepts = torch.tensor([self.number[concept] for concept, _ in pairs])
        styles = torch.tensor([EMOJI_STYLES.index(style) for _, style in pairs])
        by_concept = torch.einsum("bw,cbw->bc", seen, self.vectors[:, styles])
        by_style = torch.einsum("bw,bsw->bs", seen, self.vectors[concepts])
        best = by_concept.topk(5, 1).indices == concepts[:, None]
        return best[:, 0], best.any(1), by_style.argmax(1) == styles


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
