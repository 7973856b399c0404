"""Stage 7: figures. Autoencoder PSNR and SSIM; concept, style and colour as a judge sees them, at
1, 2 and 4 steps, beside the judge's score on real held-out pictures; doodles: agreement with the
drawing and stability from frame to frame."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from . import runtime
from .autoencoder import held_out_batch, load_trained, measure, split
from .backgrounds import NAMED, NAMES
from .captions import EMOJI_STYLES, article
from .diffusion import sample_lcm
from .judge import concept_table, held_out_rows, train_judge, verdicts
from .model import load_generator
from .pictures import PictureStore, over
from .preview import DOODLES, decode, drawing, fixed_noise
from .sheet import save_sheet

STEPS = {1: (0,), 2: (0, 20), 4: (0, 12, 24, 36)}
FINISH = (20,)


def share(hits):
    """A share with its 95 % Wilson interval."""
    hits = np.asarray(hits, float)
    n, p, z = len(hits), float(hits.mean()) if len(hits) else 0.0, 1.96
    if n == 0:
        return {"n": 0}
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return {"value": round(p, 4), "low": round(centre - half, 4), "high": round(centre + half, 4),
            "n": n}


@torch.no_grad()
def draw(generator, autoencoder, prompts, indices, seed, start=None, chunk=16):
    """Pictures in 0..1 for prompts, by the engine's loop."""
    made = []
    channels = generator.unet.config.in_channels
    for number in range(0, len(prompts), chunk):
        part = prompts[number:number + chunk]
        noise = fixed_noise(len(part), channels, 16, len(indices), seed + number)
        noise = noise.to(generator.device)
        begin = None if start is None else start[number:number + chunk]
        latents = sample_lcm(generator.denoise, generator.schedule, generator.context(part),
                             noise, indices, begin)
        made.append(decode(autoencoder, latents, generator.scaling))
    return torch.cat(made)


def named_concepts(judge, table, pictures, captions, styles=None):
    """Top-1, top-5 and style shares."""
    concept, style, _ = verdicts(judge, pictures)
    wanted = torch.tensor([table[c] for c in captions])
    best = concept.topk(5, 1).indices
    result = {"top1": share((best[:, 0] == wanted).numpy()),
              "top5": share((best == wanted[:, None]).any(1).numpy())}
    if styles is not None:
        from .captions import STYLES
        wanted = torch.tensor([STYLES.index(s) for s in styles])
        result["style"] = share((style.argmax(1) == wanted).numpy())
    return result


def frechet(a, b):
    """Frechet distance of two sets of features taken as Gaussians with diagonal covariance."""
    return ((a.mean(0) - b.mean(0)).square().sum()
            + (a.std(0) - b.std(0)).square().sum()).item()


def nearest_name(rgb):
    """Name of the colour nearest to each [N, 3] in 0..1."""
    table = torch.tensor([NAMED[n] for n in NAMES]) / 255.0
    return [NAMES[i] for i in torch.cdist(rgb, table).argmin(1)]


def border(pictures, width=8):
    """Median colour [B, 3] of a frame around each picture."""
    mask = torch.ones(pictures.shape[-2:], dtype=torch.bool)
    mask[width:-width, width:-width] = False
    return pictures[:, :, mask].median(2).values


def background_figures(generator, autoencoder, table, args):
    """How often the border has the colour that the prompt names, at 1, 2 and 4 steps."""
    frequent = list(table)[:args.colours]
    names = [NAMES[i % len(NAMES)] for i in range(len(frequent))]
    prompts = [f"{c}, {EMOJI_STYLES[i % 4]}, on {article(names[i])} {names[i]} background"
               for i, c in enumerate(frequent)]
    result = {}
    for steps, indices in STEPS.items():
        seen = nearest_name(border(draw(generator, autoencoder, prompts, indices, args.seed + 300)))
        result[f"steps_{steps}"] = share([a == b for a, b in zip(seen, names)])
    return result


def text_figures(generator, autoencoder, judge, store, table, args):
    """The judge's table of text to picture."""
    frequent = list(table)[:args.concepts]
    styles = [EMOJI_STYLES[i % 4] for i in range(len(frequent))]
    held = [store.rows[i] for i in held_out_rows(store.rows) if store.rows[i]["caption"] in table]
    held = held[:args.concepts]
    real = over(store.premultiplied([store.rows.index(r) for r in held]), 1.0).clamp(0, 1)
    result = {"real_held_out": named_concepts(judge, table, real, [r["caption"] for r in held],
                                              [r["style"] for r in held])}
    real_features = verdicts(judge, real)[2]
    for steps, indices in STEPS.items():
        made = draw(generator, autoencoder, [f"{c}, {s}" for c, s in zip(frequent, styles)],
                    indices, args.seed + 100)
        save_sheet(F.avg_pool2d(made[:64], 2), args.work / "sheets" / f"evaluate-{steps}.png", 16)
        row = {"frequent": named_concepts(judge, table, made, frequent, styles)}
        row["feature_distance"] = frechet(verdicts(judge, made)[2], real_features)
        made = draw(generator, autoencoder, [f"{r['caption']}, {r['style']}" for r in held],
                    indices, args.seed + 200)
        row["held_out"] = named_concepts(judge, table, made, [r["caption"] for r in held],
                                         [r["style"] for r in held])
        result[f"steps_{steps}"] = row
    return result


def moving_drawings(frames=8):
    """Each sample drawing sliding by two pixels a frame: [frames, N, 3, 256, 256]."""
    still = torch.stack([drawing(i) for i in range(len(DOODLES))])
    return torch.stack([torch.roll(still, 2 * f, 3) for f in range(frames)])


def doodle_figures(generator, autoencoder, args):
    """Mean colour distance to the drawing at 16 x 16, and change between frames out / in."""
    device = generator.device
    frames = moving_drawings()
    prompts = [p for p, _ in DOODLES]
    made = []
    for picture in frames:
        start = autoencoder.encoder(picture.to(device) * 2 - 1) * generator.scaling
        made.append(draw(generator, autoencoder, prompts, FINISH, args.seed + 400, start))
    made = torch.stack(made)
    far = (F.adaptive_avg_pool2d(made[0], 16) - F.adaptive_avg_pool2d(frames[0], 16)).abs().mean()
    change_in = frames.diff(dim=0).abs().mean().item()
    change_out = made.diff(dim=0).abs().mean().item()
    save_sheet(torch.cat([frames[0], made[0]]), args.work / "sheets" / "evaluate-doodles.png")
    return {"colour_and_place_error": far.item(), "change_in": change_in,
            "change_out": change_out, "change_ratio": change_out / change_in}


def main():
    """Command line."""
    parser = runtime.parser(__doc__)
    parser.add_argument("--judge-steps", type=int, default=3000,
                        help="updates of the judge; 0 leaves out what it would say")
    parser.add_argument("--concepts", type=int, default=200, help="prompts a figure")
    parser.add_argument("--colours", type=int, default=64, help="prompts with a background")
    args = parser.parse_args()
    device = runtime.prepare(args)
    store = PictureStore(args.data, args.work)
    autoencoder = load_trained(args.work).to(device)
    tests = held_out_batch(store, split(len(store.rows))[1])
    figures = {"autoencoder": measure(autoencoder, tests, device)[0]}
    generator, facts = load_generator(args.work, device)
    table = concept_table(store.rows)
    figures |= {"model": facts, "seed": args.seed,
                "background_colour": background_figures(generator, autoencoder, table, args),
                "doodles": doodle_figures(generator, autoencoder, args)}
    if args.judge_steps:
        judge, table, steps = train_judge(store, args, device, args.judge_steps)
        figures |= {"judge": {"steps": steps, "concepts": len(table)},
                    "text": text_figures(generator, autoencoder, judge, store, table, args)}
    runtime.write_json(figures, args.work / "evaluate.json")
    print((args.work / "evaluate.json").read_text())


if __name__ == "__main__":
    main()
