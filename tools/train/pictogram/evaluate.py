"""Stage 6: figures. Autoencoder PSNR and SSIM; concept and style as a judge sees them and colours as
they are, at 1, 2 and 4 steps and under guidance, beside the judge's score on real pictures; doodles:
agreement with the drawing and stability from frame to frame."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from . import runtime
from .autoencoder import held_out_batch, load_trained, measure, split
from .backgrounds import NAMED, NAMES
from .captions import article, has_colour, held_out_rows
from .diffusion import GUIDANCE, sample_lcm
from .judge import Judge, Names, emoji_rows, frequent_rows
from .model import load_generator
from .pictures import PictureStore, over
from .preview import DOODLES, decode, drawing, fixed_noise
from .scenes import posed, tinted
from .sheet import save_sheet

SETTINGS = {  # places of the steps, strength of the guidance
    "steps_1": ((0,), 1.0), "steps_2": ((0, 20), 1.0), "steps_4": ((0, 12, 24, 36), 1.0),
    "guided_2": ((0, 20), GUIDANCE), "guided_4": ((0, 12, 24, 36), GUIDANCE)}
FINISH = ((20,), 1.0)
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink")


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
def draw(generator, autoencoder, prompts, setting, seed, start=None, chunk=16):
    """Pictures in 0..1 for prompts, by the engine's loop."""
    indices, scale = setting
    empty = generator.context([""])
    made = []
    channels = generator.unet.config.in_channels
    for number in range(0, len(prompts), chunk):
        part = prompts[number:number + chunk]
        noise = fixed_noise(len(part), channels, 16, len(indices), seed + number)
        noise = noise.to(generator.device)
        begin = None if start is None else start[number:number + chunk]
        latents = sample_lcm(generator.denoise, generator.schedule, generator.context(part),
                             noise, indices, begin, empty, scale)
        made.append(decode(autoencoder, latents, generator.scaling))
    return torch.cat(made)


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


def background_figures(generator, autoencoder, store, args):
    """How often the border has the colour that the prompt names, in all settings."""
    rows = [store.rows[n] for n in frequent_rows(store.rows, args.colours)]
    names = [NAMES[i % len(NAMES)] for i in range(len(rows))]
    prompts = [f"{row['caption']}, {row['style']}, on {article(name)} {name} background"
               for row, name in zip(rows, names)]
    result = {}
    for name, setting in SETTINGS.items():
        seen = nearest_name(border(draw(generator, autoencoder, prompts, setting, args.seed + 300)))
        result[name] = share([a == b for a, b in zip(seen, names)])
    return result


def dominant_colours(pictures):
    """Name of the colour that holds the most of each picture's colourfulness, background left out; None
    where nothing but background is seen. Each pixel counts for the nearest name by its chroma."""
    mask = (pictures - border(pictures)[:, :, None, None]).abs().amax(1) > 0.15
    return [dominant_colour(picture[:, seen]) for picture, seen in zip(pictures, mask)]


def dominant_colour(rgb, least=200):
    """The same of colours [3, N]."""
    if rgb.shape[1] < least:
        return None
    table = torch.tensor(list(NAMED.values())) / 255
    nearest = torch.cdist(rgb.T, table).argmin(1)
    votes = torch.bincount(nearest, weights=rgb.amax(0) - rgb.amin(0), minlength=len(table))
    return NAMES[int(votes.argmax())]


def colour_figures(generator, autoencoder, store, args):
    """How often a thing has the colour that its prompt names; light and dark count as the same. Beside
    it: real pictures tinted in that colour, and what is drawn where the prompt names none."""
    numbers = [n for n in frequent_rows(store.rows, args.concepts)
               if not has_colour(store.rows[n]["caption"])][:args.colours]
    colours = [COLOURS[i % len(COLOURS)] for i in range(len(numbers))]

    def right(pictures):
        return share([name is not None and name.split()[-1] == colour
                      for name, colour in zip(dominant_colours(pictures), colours)])

    target = torch.tensor([NAMED[colour] for colour in colours]) / 255
    result = {"real": right(over(tinted(posed(store, numbers, 256), target), 1.0).clamp(0, 1))}
    plain = [f"{store.rows[n]['caption']}, {store.rows[n]['style']}" for n in numbers]
    result["not_named"] = right(draw(generator, autoencoder, plain, SETTINGS["steps_1"], args.seed + 500))
    prompts = [f"{colour} {text}" for colour, text in zip(colours, plain)]
    for name, setting in SETTINGS.items():
        result[name] = right(draw(generator, autoencoder, prompts, setting, args.seed + 500))
    return result


def seed_figures(generator, autoencoder, store, args):
    """Mean difference (of 1) between pictures of the same words and two seeds, and of other words."""
    prompts = [f"{store.rows[n]['caption']}, {store.rows[n]['style']}"
               for n in frequent_rows(store.rows, args.colours)]
    result = {}
    for name, setting in SETTINGS.items():
        one, two = (draw(generator, autoencoder, prompts, setting, args.seed + 600 + 1000 * k)
                    for k in range(2))
        result[name] = {"other_seed": (one - two).abs().mean().item(),
                        "other_words": (one - one.roll(1, 0)).abs().mean().item()}
    return result


def judged(names, seen, pairs):
    """Shares of what the judge saw of one set of pictures."""
    first, five, style = names.verdicts(seen, pairs)
    return {"top1": share(first.numpy()), "top5": share(five.numpy()),
            "style": share(style.numpy())}


def text_figures(generator, autoencoder, judge, store, args):
    """The judge's table of text to picture: frequent concepts, and pairs that were held out."""
    names = Names(judge, list(emoji_rows(store.rows)))
    sets = {"frequent": frequent_rows(store.rows, args.concepts),
            "held_out": [n for n in held_out_rows(store.rows)
                         if store.rows[n]["caption"] in names.number][:args.concepts]}
    result = {}
    for name, numbers in sets.items():
        pairs = [(store.rows[n]["caption"], store.rows[n]["style"]) for n in numbers]
        real = real_pictures(store, numbers)
        real_seen, real_sharpness = judge.see(real), sharpness(real)
        result[name] = {"real": judged(names, real_seen, pairs)}
        for setting_name, setting in SETTINGS.items():
            made = draw(generator, autoencoder, [", ".join(pair) for pair in pairs], setting,
                        args.seed + 100)
            save_sheet(F.avg_pool2d(made[:64], 2),
                       args.work / "sheets" / f"evaluate-{name}-{setting_name}.png", 16)
            seen = judge.see(made)
            figures = judged(names, seen, pairs)
            figures["feature_distance"] = frechet(seen[0], real_seen[0])
            figures["sharpness"] = round(sharpness(made) / real_sharpness, 3)
            for key in ("top1", "top5", "style"):
                figures[key]["of_real"] = round(
                    figures[key]["value"] / max(result[name]["real"][key]["value"], 1e-9), 3)
            result[name][setting_name] = figures
    return result


def sharpness(pictures):
    """Mean difference of neighbouring pixels."""
    return sum(pictures.diff(dim=d).abs().mean().item() for d in (2, 3))


def real_pictures(store, numbers):
    """Pictures in 0..1 as training shows them when nothing is loose, on white."""
    return over(posed(store, numbers, 256), 1.0).clamp(0, 1)


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
    parser.add_argument("--no-judge", action="store_true", help="leave out what it would say")
    parser.add_argument("--concepts", type=int, default=200, help="prompts a figure")
    parser.add_argument("--colours", type=int, default=64, help="prompts with a colour")
    args = parser.parse_args()
    device = runtime.prepare(args)
    store = PictureStore(args.data, args.work)
    autoencoder = load_trained(args.work).to(device)
    tests = held_out_batch(store, split(len(store.rows))[1])
    generator, facts = load_generator(args.work, device)
    figures = {"model": facts, "seed": args.seed,
               "autoencoder": measure(autoencoder, tests, device)[0],
               "background_colour": background_figures(generator, autoencoder, store, args),
               "colour": colour_figures(generator, autoencoder, store, args),
               "seeds": seed_figures(generator, autoencoder, store, args),
               "doodles": doodle_figures(generator, autoencoder, args)}
    if not args.no_judge:
        judge = Judge(args, device, autoencoder)
        figures |= {"judge": {"images": judge.images},
                    "text": text_figures(generator, autoencoder, judge, store, args)}
    runtime.write_json(figures, args.work / "evaluate.json")
    print((args.work / "evaluate.json").read_text())


if __name__ == "__main__":
    main()
