"""The judge: a small network that names concept and style of a picture. It is trained on real
pictures only, never on the held-out (concept, style) pairs; its own score on those is the ceiling
that generated pictures are compared with."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from . import runtime
from .captions import STYLES, held_out_pairs
from .scenes import SceneMaker, finished, usable_rows

SIZE = 96


class Judge(nn.Module):
    """Five strided stages, mean pooling, one head for concepts and one for styles."""

    def __init__(self, concepts, width=48):
        super().__init__()
        layers, channels = [], 3
        for out in (width, width * 2, width * 3, width * 4, width * 6):
            layers += [nn.Conv2d(channels, out, 3, 2, 1, bias=False), nn.BatchNorm2d(out),
                       nn.ReLU(), nn.Conv2d(out, out, 3, 1, 1, bias=False),
                       nn.BatchNorm2d(out), nn.ReLU()]
            channels = out
        self.body = nn.Sequential(*layers)
        self.concept = nn.Linear(channels, concepts)
        self.style = nn.Linear(channels, len(STYLES))

    def features(self, pictures):
        """[B, F] of pictures in -1..1, any size."""
        if pictures.shape[-1] != SIZE:
            pictures = F.interpolate(pictures, size=(SIZE, SIZE), mode="bilinear", antialias=True)
        return self.body(pictures).mean((2, 3))

    def forward(self, pictures):
        """(concept logits, style logits)."""
        features = self.features(pictures)
        return self.concept(features), self.style(features)


def concept_table(rows):
    """Concepts that occur in at least two usable pictures outside the avatars: name -> class."""
    count = {}
    for row, usable in zip(rows, usable_rows(rows)):
        if usable and row["source"] != "dicebear":
            count[row["caption"]] = count.get(row["caption"], 0) + 1
    names = sorted((n for n in count if count[n] >= 2), key=lambda n: (-count[n], n))
    return {name: number for number, name in enumerate(names)}


def training_batch(maker, table, rng, count=48):
    """(pictures, concept or -100, style)."""
    pictures, colour, samples = maker.batch(count, rng, pairs=0.0, recoloured=0.1)
    rows = [maker.store.rows[s.rows[0]] for s in samples]
    concepts = torch.tensor([table.get(r["caption"], -100) for r in rows])
    styles = torch.tensor([STYLES.index(r["style"]) for r in rows])
    return finished(pictures, colour), concepts, styles


def train_judge(store, args, device, steps):
    """A judge after `steps` updates, resumed from WORK/checkpoints/judge.pt."""
    table = concept_table(store.rows)
    weights = usable_rows(store.rows).astype(float)
    weights[[r["source"] == "dicebear" for r in store.rows]] *= 0.3
    maker = SceneMaker(store, SIZE, weights)
    torch.manual_seed(args.seed)
    judge = Judge(len(table)).to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(judge.parameters(), lr=2e-3, weight_decay=0.05)
    path, step = args.work / "checkpoints" / "judge.pt", 0
    state = runtime.load_checkpoint(path)
    if state is not None:
        judge.load_state_dict(state["judge"])
        optimiser.load_state_dict(state["optimiser"])
        step = state["step"]
    log, clock = runtime.Log(args.work, "judge"), runtime.Clock(args.minutes)
    total, right = 0.0, 0.0
    while step < steps and not clock.must_stop():
        rng = np.random.default_rng((args.seed, 6, step))
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * min(1, (step + 1) / 100, max(0.01, (steps - step) / (0.5 * steps)))
        pictures, concepts, styles = (x.to(device) for x in training_batch(maker, table, rng))
        with runtime.autocast(device):
            concept, style = judge(pictures.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(concept.float(), concepts, label_smoothing=0.1) \
            + 0.3 * F.cross_entropy(style.float(), styles)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        step += 1
        known = concepts >= 0
        total += loss.item()
        right += (concept.argmax(1)[known] == concepts[known]).float().mean().item()
        if step % 100 == 0:
            log(step=step, loss=total / 100, training_top1=right / 100)
            total, right = 0.0, 0.0
        if clock.must_save() or step == steps or clock.must_stop():
            runtime.save_atomic({"judge": judge.state_dict(), "step": step,
                                 "optimiser": optimiser.state_dict()}, path)
    return judge.eval(), table, step


@torch.no_grad()
def verdicts(judge, pictures, chunk=32):
    """(concept logits, style logits, features) of pictures in 0..1."""
    parts = []
    device = next(judge.parameters()).device
    for part in pictures.split(chunk):
        features = judge.features((part * 2 - 1).to(device))
        parts.append([x.float().cpu() for x in
                      (judge.concept(features), judge.style(features), features)])
    return [torch.cat(column) for column in zip(*parts)]


def held_out_rows(rows):
    """Numbers of the rows of held-out pairs."""
    pairs = held_out_pairs()
    return [i for i, r in enumerate(rows) if (r["caption"], r["style"]) in pairs]
