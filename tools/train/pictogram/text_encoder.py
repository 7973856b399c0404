"""Stage 4: the text encoder alone, before the denoiser reads it.

Two auxiliary networks, discarded afterwards, train it. A latent encoder embeds the image's latents
and is trained with a contrastive loss as in CLIP (Radford et al. 2021) against the mean token
features. A latent predictor predicts the clean latents from the token features by cross-attention,
as the denoiser must in its first step. A step of the denoiser costs as much as ten of these.

The attribute names of the modules (body, norms, read, mix, wide, ...) are checkpoint keys.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from . import runtime
from .architecture import AUTOENCODERS, TEXT_WIDTH, VARIANT
from .augmentation import Sample, centered, composite
from .base import load_components
from .captions import compose_prompt, held_out_rows
from .contact_sheet import save_sheet
from .images import ImageStore
from .optimizer import MuonAdamW
from .preview import PROMPTS, decode

LATENTS = AUTOENCODERS[VARIANT]["latents"]
HEADS = TEXT_WIDTH // 32
# The text encoder's attention is causal, so leaving out the padding beyond changes nothing here.
USED_TOKENS = 24


class LatentEncoder(nn.Module):
    """Latents [B, C, 8, 8] to unit vectors [B, width]."""

    def __init__(self, width=TEXT_WIDTH):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(LATENTS, 96, 3, 1, 1), nn.GELU(), nn.Conv2d(96, 160, 3, 2, 1), nn.GELU(),
            nn.Conv2d(160, 192, 3, 2, 1), nn.GELU(), nn.Flatten(), nn.Linear(192 * 4, width))

    def forward(self, latents):
        """The embedding."""
        return F.normalize(self.body(latents).float(), dim=-1)


class CrossAttentionBlock(nn.Module):
    """Cross-attention to the tokens, self-attention over the grid, a feed-forward layer."""

    def __init__(self, width):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.read = nn.MultiheadAttention(width, HEADS, batch_first=True)
        self.mix = nn.MultiheadAttention(width, HEADS, batch_first=True)
        self.wide = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(),
                                  nn.Linear(4 * width, width))

    def forward(self, grid, tokens):
        """`grid` is [B, 16, width], `tokens` [B, T, width]."""
        grid = grid + self.read(self.norms[0](grid), tokens, tokens, need_weights=False)[0]
        normed = self.norms[1](grid)
        grid = grid + self.mix(normed, normed, normed, need_weights=False)[0]
        return grid + self.wide(self.norms[2](grid))


class LatentPredictor(nn.Module):
    """Token features [B, T, width] to latents [B, C, 8, 8], in patches of 2x2."""

    def __init__(self, width=TEXT_WIDTH, blocks=2):
        super().__init__()
        self.grid = nn.Parameter(torch.randn(1, 16, width) * 0.5)
        self.blocks = nn.ModuleList(CrossAttentionBlock(width) for _ in range(blocks))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, 4 * LATENTS)

    def forward(self, tokens):
        """The mean of the images that a prompt may describe."""
        grid = self.grid.expand(len(tokens), -1, -1)
        for block in self.blocks:
            grid = block(grid, tokens)
        patches = self.out(self.norm(grid)).float().transpose(1, 2).unflatten(2, (4, 4))
        return F.pixel_shuffle(patches, 2)


class TextPretrainer:
    """The text encoder of a generator with the two auxiliary networks."""

    def __init__(self, generator, device):
        self.generator = generator
        self.latent_encoder = LatentEncoder().to(device)
        self.latent_predictor = LatentPredictor().to(device)
        self.logit_scale = nn.ParameterList([nn.Parameter(torch.tensor(2.5))]).to(device)
        self.modules = [generator.text_encoder, self.latent_encoder, self.latent_predictor,
                        self.logit_scale]

    def embed_prompts(self, prompts):
        """Token features, and their mean as a unit vector."""
        tokens = self.generator.encode_prompts(prompts, USED_TOKENS)
        return tokens, F.normalize(tokens.float().mean(1), dim=-1)

    def losses(self, prompts, clean, same_content):
        """(contrastive loss, prediction loss). `same_content` [B, B] marks pairs of samples with
        the same content, which count as equally right."""
        with runtime.autocast(self.generator.device):
            tokens, prompt_embeddings = self.embed_prompts(prompts)
            predicted = self.latent_predictor(tokens)
            latent_embeddings = self.latent_encoder(clean)
        logits = prompt_embeddings @ latent_embeddings.T * self.logit_scale[0].exp()
        target = same_content / same_content.sum(1, keepdim=True)
        contrastive_loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
        return contrastive_loss, F.mse_loss(predicted, clean)


def fixed_pose_batch(cache, rows, count, rng, scaling_factor):
    """(prompts, clean latents, same_content [B, B]) of samples without a random pose."""
    indices = [i for i in rng.integers(0, len(cache), 2 * count) if not cache.samples[i][3]][:count]
    chosen = [cache.samples[i][:3] for i in indices]
    prompts = [compose_prompt([rows[n] for n in s[0]], s[1], s[2], rng) for s in chosen]
    numbers = {s: i for i, s in enumerate(dict.fromkeys(chosen))}
    keys = torch.tensor([numbers[s] for s in chosen])
    return prompts, cache.clean[indices].float() * scaling_factor, (keys[:, None] == keys).float()


@torch.no_grad()
def held_out(generator, autoencoder, args):
    """(prompts, latents) of the held-out pairs on white: the words are known, the image is new."""
    store = ImageStore(args.data, args.work, generator.device)
    numbers = held_out_rows(store.rows)
    samples = [Sample((int(n),), (None,), "white") for n in numbers]
    prompts = [f"{store.rows[s.rows[0]]['caption']}, {store.rows[s.rows[0]]['style']}"
               for s in samples]
    white = torch.ones(len(numbers), 3, 1, 1, device=generator.device)
    images = composite(centered(store, numbers, args.size), white)
    latents = torch.cat([autoencoder.encoder(part) for part in images.split(32)])
    return prompts, latents.float() * generator.scaling_factor


@torch.no_grad()
def retrieval_metrics(pretrainer, prompts, latents):
    """How often a prompt finds its image among these (first, among the first five), and the error
    of the predicted latents."""
    with runtime.autocast(pretrainer.generator.device):
        tokens, prompt_embeddings = pretrainer.embed_prompts(prompts)
        predicted = pretrainer.latent_predictor(tokens)
        latent_embeddings = pretrainer.latent_encoder(latents)
    best = (prompt_embeddings @ latent_embeddings.T).topk(5, 1).indices
    correct = best == torch.arange(len(prompts), device=best.device)[:, None]
    return {"top1": correct[:, 0].float().mean().item(),
            "top5": correct.any(1).float().mean().item(),
            "prediction_error": F.mse_loss(predicted, latents).item()}


@torch.no_grad()
def write_text_sheet(pretrainer, autoencoder, held_out_set, path):
    """Images of the predicted latents: the preview's prompts, then held-out pairs above the real
    images."""
    prompts, latents = held_out_set
    with runtime.autocast(pretrainer.generator.device):
        preview_latents = pretrainer.latent_predictor(pretrainer.embed_prompts(list(PROMPTS))[0])
        held_out_latents = pretrainer.latent_predictor(pretrainer.embed_prompts(prompts[:16])[0])
    save_sheet(decode(autoencoder, torch.cat([preview_latents, held_out_latents, latents[:16]]),
                      pretrainer.generator.scaling_factor), path)


def train(args):
    """The whole stage."""
    device = runtime.prepare(args)
    generator, cache, autoencoder = load_components(args, device)
    rows = cache.rows
    pretrainer = TextPretrainer(generator, device)
    ema = runtime.EMA([generator.text_encoder], 0.998)
    optimizer = MuonAdamW(pretrainer.modules, args.rate, args.optimizer)
    path, step, previous_seconds = args.work / "checkpoints" / f"{args.name}.pt", 0, 0.0
    state = runtime.load_checkpoint(path)
    if state is not None:
        for module, stored in zip(pretrainer.modules, state["aligner"], strict=True):
            module.load_state_dict(stored)
        ema.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimiser"])
        step, previous_seconds = state["step"], state["seconds"]
    held_out_set = held_out(generator, autoencoder, args)
    log, clock = runtime.Log(args.work, args.name), runtime.Clock(args)
    meter = runtime.Meter(log, args.batch)
    threads = runtime.AdaptiveThreads(args)

    def save():
        with ema.applied():
            write_text_sheet(pretrainer, autoencoder, held_out_set,
                             args.work / "sheets" / f"{args.name}.png")
            metrics = retrieval_metrics(pretrainer, *held_out_set)
            log(step=step, images=step * args.batch,
                **{f"held_out_{k}": v for k, v in metrics.items()})
            text = {k: v.clone() for k, v in generator.text_encoder.state_dict().items()}
        runtime.save_atomic({
            "stage": "text", "text": text, "aligner": [m.state_dict() for m in pretrainer.modules],
            "average": ema.state_dict(), "optimiser": optimizer.state_dict(), "step": step,
            "scaling": generator.scaling_factor, "batch": args.batch,
            "seconds": previous_seconds + clock.seconds()}, path)
        meter.reset()

    while not clock.finished(step) and not clock.should_stop():
        threads.adapt()
        optimizer.set_learning_rate(runtime.learning_rate(args, step, clock))
        rng = np.random.default_rng((args.seed, 41, step))
        prompts, clean, same_content = fixed_pose_batch(cache, rows, args.batch, rng,
                                                        generator.scaling_factor)
        contrastive_loss, prediction_loss = pretrainer.losses(prompts, clean,
                                                              same_content.to(device))
        (args.contrast * contrastive_loss + prediction_loss).backward()
        optimizer.step()
        step += 1
        ema.update(step)
        meter.add(prediction_loss.detach(), step=step, images=step * args.batch,
                  contrastive=contrastive_loss.detach(),
                  logit_scale=pretrainer.logit_scale[0].detach().exp())
        if clock.should_save():
            save()
    save()
    return 0 if clock.finished(step) else 3


def main():
    """Command line."""
    parser = runtime.parser(__doc__)
    runtime.add_schedule(parser, steps=3000, rate=1e-3, cool=0.8)
    parser.add_argument("--name", default="text", help="name of the checkpoint")
    parser.add_argument("--size", type=int, default=128, help="side of the images")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--contrast", type=float, default=0.1,
                        help="weight of the contrastive loss")
    parser.add_argument("--optimizer", choices=("muon", "adamw"), default="muon")
    parser.add_argument("--concepts", type=int, default=0,
                        help="train on this many concepts only, for a quick check (0: all)")
    raise SystemExit(train(parser.parse_args()))


if __name__ == "__main__":
    main()
