"""Stage 4: the text encoder alone, so that words mean pictures before the denoiser reads them.

Two small helpers, thrown away afterwards, say what the words should know: one embeds the latents of
the picture, and must find it among the batch's by the mean of the token features; one paints the
clean latents from the token features by cross-attention, as the denoiser will have to in its first
step. A denoiser step costs as much as ten of these."""


import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from . import runtime
from .architecture import AUTOENCODERS, TEXT_WIDTH, VARIANT
from .base import start
from .captions import compose, held_out_rows
from .optimiser import Both
from .pictures import PictureStore
from .preview import PROMPTS, decode
from .scenes import Sample, finished, posed
from .sheet import save_sheet

LATENTS = AUTOENCODERS[VARIANT]["latents"]
HEADS = TEXT_WIDTH // 32
READ = 24  # tokens: the encoder looks back only, so that the padding beyond changes nothing here


class PictureEncoder(nn.Module):
    """Latents [B, C, 8, 8] to unit vectors [B, width]."""

    def __init__(self, width=TEXT_WIDTH):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(LATENTS, 96, 3, 1, 1), nn.GELU(), nn.Conv2d(96, 160, 3, 2, 1), nn.GELU(),
            nn.Conv2d(160, 192, 3, 2, 1), nn.GELU(), nn.Flatten(), nn.Linear(192 * 4, width))

    def forward(self, latents):
        """The embedding."""
        return F.normalize(self.body(latents).float(), dim=-1)


class Block(nn.Module):
    """Cross-attention to the tokens, self-attention over the grid, a wide layer."""

    def __init__(self, width):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.read = nn.MultiheadAttention(width, HEADS, batch_first=True)
        self.mix = nn.MultiheadAttention(width, HEADS, batch_first=True)
        self.wide = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(),
                                  nn.Linear(4 * width, width))

    def forward(self, grid, tokens):
        """[B, 16, width] and [B, T, width]."""
        grid = grid + self.read(self.norms[0](grid), tokens, tokens, need_weights=False)[0]
        own = self.norms[1](grid)
        grid = grid + self.mix(own, own, own, need_weights=False)[0]
        return grid + self.wide(self.norms[2](grid))


class Painter(nn.Module):
    """Token features [B, T, width] to latents [B, C, 8, 8], in patches of two by two."""

    def __init__(self, width=TEXT_WIDTH, blocks=2):
        super().__init__()
        self.grid = nn.Parameter(torch.randn(1, 16, width) * 0.5)
        self.blocks = nn.ModuleList(Block(width) for _ in range(blocks))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, 4 * LATENTS)

    def forward(self, tokens):
        """The mean of the pictures that the words may mean."""
        grid = self.grid.expand(len(tokens), -1, -1)
        for block in self.blocks:
            grid = block(grid, tokens)
        patches = self.out(self.norm(grid)).float().transpose(1, 2).unflatten(2, (4, 4))
        return F.pixel_shuffle(patches, 2)


class Aligner:
    """The text encoder of a generator with its two helpers."""

    def __init__(self, generator, device):
        self.generator = generator
        self.pictures = PictureEncoder().to(device)
        self.painter = Painter().to(device)
        self.scale = nn.ParameterList([nn.Parameter(torch.tensor(2.5))]).to(device)
        self.modules = [generator.text, self.pictures, self.painter, self.scale]

    def read(self, prompts):
        """Token features and their mean as a unit vector."""
        tokens = self.generator.context(prompts, READ)
        return tokens, F.normalize(tokens.float().mean(1), dim=-1)

    def losses(self, prompts, clean, same):
        """(contrastive, painted); `same` [B, B] marks samples that are as good as each other."""
        with runtime.autocast(self.generator.device):
            tokens, words = self.read(prompts)
            painted = self.painter(tokens)
            seen = self.pictures(clean)
        logits = words @ seen.T * self.scale[0].exp()
        target = same / same.sum(1, keepdim=True)
        contrastive = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
        return contrastive, F.mse_loss(painted, clean)


def posed_batch(cache, rows, count, rng, scaling):
    """(prompts, clean latents, same [B, B]) of samples whose prompts tell all."""
    picks = [i for i in rng.integers(0, len(cache), 2 * count) if not cache.samples[i][3]][:count]
    chosen = [cache.samples[i][:3] for i in picks]
    prompts = [compose([rows[n] for n in s[0]], s[1], s[2], rng) for s in chosen]
    numbers = {s: i for i, s in enumerate(dict.fromkeys(chosen))}
    keys = torch.tensor([numbers[s] for s in chosen])
    return prompts, cache.clean[picks].float() * scaling, (keys[:, None] == keys).float()


@torch.no_grad()
def held_out(generator, autoencoder, args):
    """(prompts, latents) of the held-out pairs on white: words known, this picture never seen."""
    store = PictureStore(args.data, args.work, generator.device)
    numbers = held_out_rows(store.rows)
    samples = [Sample((int(n),), (None,), "white") for n in numbers]
    prompts = [f"{store.rows[s.rows[0]]['caption']}, {store.rows[s.rows[0]]['style']}"
               for s in samples]
    white = torch.ones(len(numbers), 3, 1, 1, device=generator.device)
    pictures = finished(posed(store, numbers, args.size), white)
    latents = torch.cat([autoencoder.encoder(part) for part in pictures.split(32)])
    return prompts, latents.float() * generator.scaling


@torch.no_grad()
def figures(aligner, prompts, latents):
    """How often a prompt finds its picture among these (first, first five), and paints it."""
    with runtime.autocast(aligner.generator.device):
        tokens, words = aligner.read(prompts)
        painted, seen = aligner.painter(tokens), aligner.pictures(latents)
    best = (words @ seen.T).topk(5, 1).indices
    right = best == torch.arange(len(prompts), device=best.device)[:, None]
    return {"top1": right[:, 0].float().mean().item(), "top5": right.any(1).float().mean().item(),
            "painted": F.mse_loss(painted, latents).item()}


@torch.no_grad()
def text_sheet(aligner, autoencoder, held, path):
    """What the painter draws for the usual prompts, then for held-out pairs above the real ones."""
    prompts, latents = held
    with runtime.autocast(aligner.generator.device):
        usual = aligner.painter(aligner.read(list(PROMPTS))[0])
        unseen = aligner.painter(aligner.read(prompts[:16])[0])
    save_sheet(decode(autoencoder, torch.cat([usual, unseen, latents[:16]]),
                      aligner.generator.scaling), path)


def train(args):
    """The whole stage."""
    device = runtime.prepare(args)
    generator, cache, autoencoder = start(args, device)
    rows = cache.rows
    aligner = Aligner(generator, device)
    average = runtime.Average([generator.text], 0.998)
    optimiser = Both(aligner.modules, args.rate, args.optimiser)
    path, step, spent = args.work / "checkpoints" / f"{args.name}.pt", 0, 0.0
    state = runtime.load_checkpoint(path)
    if state is not None:
        for module, stored in zip(aligner.modules, state["aligner"], strict=True):
            module.load_state_dict(stored)
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        step, spent = state["step"], state["seconds"]
    held = held_out(generator, autoencoder, args)
    log, clock = runtime.Log(args.work, args.name), runtime.Clock(args)
    meter = runtime.Meter(log, args.batch)
    threads = runtime.Threads(args)

    def save():
        with average.applied():
            text_sheet(aligner, autoencoder, held, args.work / "sheets" / f"{args.name}.png")
            log(step=step, images=step * args.batch,
                **{f"held_out_{k}": v for k, v in figures(aligner, *held).items()})
            text = {k: v.clone() for k, v in generator.text.state_dict().items()}
        runtime.save_atomic({
            "stage": "text", "text": text, "aligner": [m.state_dict() for m in aligner.modules],
            "average": average.state_dict(), "optimiser": optimiser.state_dict(), "step": step,
            "scaling": generator.scaling, "batch": args.batch, "seconds": spent + clock.seconds()}, path)
        meter.reset()

    while not clock.finished(step) and not clock.must_stop():
        threads.adapt()
        optimiser.set_rate(runtime.learning_rate(args, step, clock))
        rng = np.random.default_rng((args.seed, 41, step))
        prompts, clean, same = posed_batch(cache, rows, args.batch, rng, generator.scaling)
        contrastive, painted = aligner.losses(prompts, clean, same.to(device))
        (args.contrast * contrastive + painted).backward()
        optimiser.step()
        step += 1
        average.update(step)
        meter.add(painted.detach(), step=step, images=step * args.batch,
                  contrastive=contrastive.detach(), scale=aligner.scale[0].detach().exp())
        if clock.must_save():
            save()
    save()
    return 0 if clock.finished(step) else 3


def main():
    """Command line."""
    parser = runtime.parser(__doc__)
    runtime.add_schedule(parser, steps=3000, rate=1e-3, cool=0.8)
    parser.add_argument("--name", default="text", help="of the checkpoint; another for trials")
    parser.add_argument("--size", type=int, default=128, help="side of the pictures")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--contrast", type=float, default=0.1, help="weight beside the painting")
    parser.add_argument("--optimiser", choices=("muon", "adamw"), default="muon")
    parser.add_argument("--concepts", type=int, default=0, help="only so many, for a small proof")
    raise SystemExit(train(parser.parse_args()))


if __name__ == "__main__":
    main()
