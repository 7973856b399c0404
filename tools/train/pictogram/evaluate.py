"""Stage 6: evaluation. PSNR and SSIM of the autoencoder. Concept and style accuracy by the
evaluator, and color accuracy, at 1, 2 and 4 steps and with guidance, beside the scores of real
images. On doodles: agreement with the drawing, and stability from frame to frame."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from . import runtime
from .augmentation import centered, tint
from .autoencoder import evaluate_autoencoder, held_out_batch, load_trained, split
from .backgrounds import NAMED, NAMES
from .captions import article, has_color, held_out_rows
from .contact_sheet import save_sheet
from .diffusion import GUIDANCE, sample_lcm
from .evaluator import ConceptEmbeddings, Evaluator, emoji_rows, frequent_rows
from .images import ImageStore, over
from .model import load_generator
from .preview import DOODLES, decode, fixed_noise, sample_drawing

# Each entry is (t_index_list, guidance scale). The keys of evaluate.json keep their first spelling,
# so that earlier reports stay comparable.
SETTINGS = {
    "steps_1": ((0,), 1.0), "steps_2": ((0, 20), 1.0), "steps_4": ((0, 12, 24, 36), 1.0),
    "guided_2": ((0, 20), GUIDANCE), "guided_4": ((0, 12, 24, 36), GUIDANCE)}
IMG2IMG = ((20,), 1.0)
COLORS = ("red", "orange", "yellow", "green", "blue", "purple", "pink")


def wilson_interval(hits):
    """A share with its 95 % Wilson interval."""
    hits = np.asarray(hits, float)
    n, p, z = len(hits), float(hits.mean()) if len(hits) else 0.0, 1.96
    if n == 0:
        return {"n": 0}
    center = (p + z * z / (2 * n)) / (1 + z * z / n)
    half_width = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return {"value": round(p, 4), "low": round(center - half_width, 4),
            "high": round(center + half_width, 4), "n": n}


@torch.no_grad()
def generate(generator, autoencoder, prompts, setting, seed, init_latents=None, chunk=16):
    """Images in 0..1 of prompts, by the engine's sampling loop."""
    t_index_list, guidance_scale = setting
    negative_context = generator.encode_prompts([""])
    generated = []
    channels = generator.unet.config.in_channels
    for number in range(0, len(prompts), chunk):
        part = prompts[number:number + chunk]
        noise = fixed_noise(len(part), channels, 16, len(t_index_list), seed + number)
        noise = noise.to(generator.device)
        chunk_latents = None if init_latents is None else init_latents[number:number + chunk]
        latents = sample_lcm(generator.denoise, generator.schedule, generator.encode_prompts(part),
                             noise, t_index_list, chunk_latents, negative_context, guidance_scale)
        generated.append(decode(autoencoder, latents, generator.scaling_factor))
    return torch.cat(generated)


def frechet(a, b):
    """Frechet distance of two sets of features, taken as Gaussians with diagonal covariance."""
    return ((a.mean(0) - b.mean(0)).square().sum()
            + (a.std(0) - b.std(0)).square().sum()).item()


def nearest_name(rgb):
    """Name of the color nearest to each of [N, 3] in 0..1."""
    table = torch.tensor([NAMED[n] for n in NAMES]) / 255.0
    return [NAMES[i] for i in torch.cdist(rgb, table).argmin(1)]


def border_color(images, width=8):
    """Median color [B, 3] of a border around each image."""
    mask = torch.ones(images.shape[-2:], dtype=torch.bool)
    mask[width:-width, width:-width] = False
    return images[:, :, mask].median(2).values


def background_metrics(generator, autoencoder, store, args):
    """How often the border has the color that the prompt names, in all settings."""
    rows = [store.rows[n] for n in frequent_rows(store.rows, args.colors)]
    names = [NAMES[i % len(NAMES)] for i in range(len(rows))]
    prompts = [f"{row['caption']}, {row['style']}, on {article(name)} {name} background"
               for row, name in zip(rows, names)]
    result = {}
    for name, setting in SETTINGS.items():
        images = generate(generator, autoencoder, prompts, setting, args.seed + 300)
        seen = nearest_name(border_color(images))
        result[name] = wilson_interval([a == b for a, b in zip(seen, names)])
    return result


def dominant_colors(images):
    """Name of the dominant color of each image, background left out, or None where only background
    is seen. Each pixel votes for the nearest named color, weighted by its chroma."""
    mask = (images - border_color(images)[:, :, None, None]).abs().amax(1) > 0.15
    return [dominant_color(image[:, seen]) for image, seen in zip(images, mask)]


def dominant_color(rgb, least=200):
    """The same for colors [3, N]."""
    if rgb.shape[1] < least:
        return None
    table = torch.tensor(list(NAMED.values())) / 255
    nearest = torch.cdist(rgb.T, table).argmin(1)
    votes = torch.bincount(nearest, weights=rgb.amax(0) - rgb.amin(0), minlength=len(table))
    return NAMES[int(votes.argmax())]


def color_metrics(generator, autoencoder, store, args):
    """How often an object has the color that its prompt names; light and dark count as the same.
    For comparison: real images tinted in that color, and prompts that name no color."""
    numbers = [n for n in frequent_rows(store.rows, args.concepts)
               if not has_color(store.rows[n]["caption"])][:args.colors]
    colors = [COLORS[i % len(COLORS)] for i in range(len(numbers))]

    def correct_share(images):
        return wilson_interval([name is not None and name.split()[-1] == color
                                for name, color in zip(dominant_colors(images), colors)])

    target = torch.tensor([NAMED[color] for color in colors]) / 255
    tinted = tint(centered(store, numbers, 256), target)
    result = {"real": correct_share(over(tinted, 1.0).clamp(0, 1))}
    plain_prompts = [f"{store.rows[n]['caption']}, {store.rows[n]['style']}" for n in numbers]
    result["not_named"] = correct_share(generate(
        generator, autoencoder, plain_prompts, SETTINGS["steps_1"], args.seed + 500))
    prompts = [f"{color} {text}" for color, text in zip(colors, plain_prompts)]
    for name, setting in SETTINGS.items():
        result[name] = correct_share(
            generate(generator, autoencoder, prompts, setting, args.seed + 500))
    return result


def seed_metrics(generator, autoencoder, store, args):
    """Mean difference (of 1) between images of one prompt and two seeds, and of two prompts."""
    prompts = [f"{store.rows[n]['caption']}, {store.rows[n]['style']}"
               for n in frequent_rows(store.rows, args.colors)]
    result = {}
    for name, setting in SETTINGS.items():
        one, two = (generate(generator, autoencoder, prompts, setting, args.seed + 600 + 1000 * k)
                    for k in range(2))
        result[name] = {"other_seed": (one - two).abs().mean().item(),
                        "other_words": (one - one.roll(1, 0)).abs().mean().item()}
    return result


def evaluator_scores(names, seen, pairs):
    """Shares of images in which the evaluator finds the concept and the style."""
    first, five, style = names.matches(seen, pairs)
    return {"top1": wilson_interval(first.numpy()), "top5": wilson_interval(five.numpy()),
            "style": wilson_interval(style.numpy())}


def text_to_image_metrics(generator, autoencoder, evaluator, store, args):
    """The evaluator's scores in text-to-image mode: frequent concepts and held-out pairs."""
    names = ConceptEmbeddings(evaluator, list(emoji_rows(store.rows)))
    sets = {"frequent": frequent_rows(store.rows, args.concepts),
            "held_out": [n for n in held_out_rows(store.rows)
                         if store.rows[n]["caption"] in names.number][:args.concepts]}
    result = {}
    for name, numbers in sets.items():
        pairs = [(store.rows[n]["caption"], store.rows[n]["style"]) for n in numbers]
        real = real_images(store, numbers)
        real_seen, real_sharpness = evaluator.embed_images(real), sharpness(real)
        result[name] = {"real": evaluator_scores(names, real_seen, pairs)}
        for setting_name, setting in SETTINGS.items():
            generated = generate(generator, autoencoder, [", ".join(pair) for pair in pairs],
                                 setting, args.seed + 100)
            save_sheet(F.avg_pool2d(generated[:64], 2),
                       args.work / "sheets" / f"evaluate-{name}-{setting_name}.png", 16)
            seen = evaluator.embed_images(generated)
            metrics = evaluator_scores(names, seen, pairs)
            metrics["feature_distance"] = frechet(seen[0], real_seen[0])
            metrics["sharpness"] = round(sharpness(generated) / real_sharpness, 3)
            for key in ("top1", "top5", "style"):
                metrics[key]["of_real"] = round(
                    metrics[key]["value"] / max(result[name]["real"][key]["value"], 1e-9), 3)
            result[name][setting_name] = metrics
    return result


def sharpness(images):
    """Mean difference of neighboring pixels."""
    return sum(images.diff(dim=d).abs().mean().item() for d in (2, 3))


def real_images(store, numbers):
    """Images in 0..1 as training shows them without a random pose, on white."""
    return over(centered(store, numbers, 256), 1.0).clamp(0, 1)


def moving_drawings(frames=8):
    """Each sample drawing moving by two pixels a frame: [frames, N, 3, 256, 256]."""
    still = torch.stack([sample_drawing(i) for i in range(len(DOODLES))])
    return torch.stack([torch.roll(still, 2 * f, 3) for f in range(frames)])


def doodle_metrics(generator, autoencoder, args):
    """Mean color distance to the drawing at 16x16, and the change between frames, output over
    input."""
    device = generator.device
    frames = moving_drawings()
    prompts = [p for p, _ in DOODLES]
    generated = []
    for image in frames:
        init_latents = autoencoder.encoder(image.to(device) * 2 - 1) * generator.scaling_factor
        generated.append(generate(generator, autoencoder, prompts, IMG2IMG, args.seed + 400,
                                  init_latents))
    generated = torch.stack(generated)
    small_output, small_input = (F.adaptive_avg_pool2d(x[0], 16) for x in (generated, frames))
    color_error = (small_output - small_input).abs().mean()
    change_in = frames.diff(dim=0).abs().mean().item()
    change_out = generated.diff(dim=0).abs().mean().item()
    save_sheet(torch.cat([frames[0], generated[0]]), args.work / "sheets" / "evaluate-doodles.png")
    return {"colour_and_place_error": color_error.item(), "change_in": change_in,
            "change_out": change_out, "change_ratio": change_out / change_in}


def main():
    """Command line."""
    parser = runtime.parser(__doc__)
    parser.add_argument("--no-evaluator", action="store_true",
                        help="leave out the evaluator's scores")
    parser.add_argument("--concepts", type=int, default=200, help="prompts for each figure")
    parser.add_argument("--colors", type=int, default=64, help="prompts with a color")
    args = parser.parse_args()
    device = runtime.prepare(args)
    store = ImageStore(args.data, args.work)
    autoencoder = load_trained(args.work).to(device)
    test_images = held_out_batch(store, split(len(store.rows))[1])
    generator, checkpoint_info = load_generator(args.work, device)
    metrics = {"model": checkpoint_info, "seed": args.seed,
               "autoencoder": evaluate_autoencoder(autoencoder, test_images, device)[0],
               "background_colour": background_metrics(generator, autoencoder, store, args),
               "colour": color_metrics(generator, autoencoder, store, args),
               "seeds": seed_metrics(generator, autoencoder, store, args),
               "doodles": doodle_metrics(generator, autoencoder, args)}
    if not args.no_evaluator:
        evaluator = Evaluator(args, device, autoencoder)
        metrics |= {"judge": {"images": evaluator.images},
                    "text": text_to_image_metrics(generator, autoencoder, evaluator, store, args)}
    runtime.write_json(metrics, args.work / "evaluate.json")
    print((args.work / "evaluate.json").read_text())


if __name__ == "__main__":
    main()
