"""Compares settings for drawings (steps, strength, guidance) on sixteen drawings in three kinds:
filled, outlined, half drawn. The evaluator judges the images (unless --no-evaluator is given); a contact
sheet of each setting is for the eye. Also measures how much each strength changes the image, from which
the page's slider is spread.

Prints a table for docs/model-card.md and writes WORK/drawing_settings.json."""

import torch
import torch.nn.functional as F

from . import runtime
from .autoencoder import load_trained
from .captions import EMOJI_STYLES
from .contact_sheet import save_sheet
from .diffusion import sample_lcm
from .evaluate import sharpness
from .evaluator import ConceptEmbeddings, Evaluator, emoji_rows
from .images import ImageStore
from .model import load_generator
from .preview import decode, fixed_noise
from .sample_drawings import DRAWINGS, KINDS, all_drawings

LENGTH = 50  # num_inference_steps
COLOR_WORDS = {"red", "orange"}
SETTINGS = [((18, 32), 1.0), ((24, 38), 1.6), ((31, 40), 1.6), ((20,), 1.6), ((24,), 1.6), ((28,), 1.6),
            ((31,), 1.0), ((31,), 1.6), ((31,), 2.0), ((34,), 1.6), ((37,), 1.6)]
SWEEP = (0, 6, 12, 18, 24, 28, 31, 34, 37, 41, 45, LENGTH - 1)


def strength_of(index):
    """The strength whose first index this is (docs/algorithm.md, section 2)."""
    return 1 - index / (LENGTH - 1)


def concept_and_style(prompt, known):
    """The concept of the evaluator that a prompt names, without its color, and its style."""
    subject, style = prompt.split(", ")
    if subject not in known:
        subject = " ".join(w for w in subject.split() if w not in COLOR_WORDS)
    return subject, style


class Sampler:
    """Images of the sample drawings, by the engine's sampling loop."""

    def __init__(self, args, device):
        self.device = device
        self.generator, self.checkpoint = load_generator(args.work, device)
        self.autoencoder = load_trained(args.work).to(device)
        self.prompts, self.kinds, self.images = all_drawings()
        with torch.no_grad():
            encoded = torch.cat([self.autoencoder.encoder(part.to(device) * 2 - 1)
                                 for part in self.images.split(8)])
            self.latents = encoded * self.generator.scaling_factor
            self.context = self.generator.encode_prompts(self.prompts)
            self.negative = self.generator.encode_prompts([""])

    def sample(self, t_index_list, scale, seed):
        """[48, 3, 256, 256] in 0..1."""
        noise = fixed_noise(len(self.prompts), self.latents.shape[1], 16, len(t_index_list), seed)
        with runtime.autocast(self.device):
            latents = sample_lcm(self.generator.denoise, self.generator.schedule, self.context,
                                 noise.to(self.device), t_index_list, self.latents, self.negative,
                                 scale)
            return decode(self.autoencoder, latents, self.generator.scaling_factor)


class Judge:
    """Scores of the evaluator."""

    def __init__(self, args, sampler, device):
        store = ImageStore(args.data, args.work)
        self.evaluator = Evaluator(args, device, sampler.autoencoder)
        self.names = ConceptEmbeddings(self.evaluator, list(emoji_rows(store.rows)))
        self.pairs = [concept_and_style(p, self.names.number) for p in sampler.prompts]
        unknown = [concept for concept, _ in self.pairs if concept not in self.names.number]
        if unknown:
            raise SystemExit(f"not concepts of the evaluator: {sorted(set(unknown))}")
        self.own = torch.stack([self.names.vectors[self.names.number[c], EMOJI_STYLES.index(s)]
                                for c, s in self.pairs])

    def scores(self, images):
        """(first, among five, style right, cosine to the prompt), each [48]."""
        seen = self.evaluator.embed_images(images)
        first, five, style = self.names.matches(seen, self.pairs)
        return (*(x.float() for x in (first, five, style)), (seen[0] * self.own).sum(1))


def agreement(images, drawings):
    """Mean color difference to the drawing at 16x16, each [48]."""
    return (F.adaptive_avg_pool2d(images, 16) - F.adaptive_avg_pool2d(drawings, 16)).abs().mean((1, 2, 3))


@torch.no_grad()
def compare(sampler, judge, args):
    """A row of scores for each setting, the mean of all seeds, by kind of drawing."""
    rows = []
    for t_index_list, scale in SETTINGS:
        images = [sampler.sample(t_index_list, scale, args.seed + k) for k in range(args.seeds)]
        row = {"t_index_list": t_index_list, "strength": round(strength_of(t_index_list[0]), 2),
               "guidance_scale": scale, "sharpness": round(sharpness(images[0]), 4),
               "difference": round(agreement(images[0], sampler.images).mean().item(), 4)}
        if judge:
            scores = torch.stack([torch.stack(judge.scores(x)) for x in images]).mean(0)
            for kind in KINDS:
                chosen = torch.tensor([k == kind for k in sampler.kinds])
                names = ("first", "five", "style", "cosine")
                row[kind] = {n: round(v.item(), 3) for n, v in zip(names, scores[:, chosen].mean(1))}
        rows.append(row)
        print(row, flush=True)
        name = "-".join(map(str, t_index_list)) + f"-{scale}"
        save_sheet(F.avg_pool2d(images[0], 2), args.work / "sheets" / "drawings" / f"{name}.png", 16)
    save_sheet(F.avg_pool2d(sampler.images, 2), args.work / "sheets" / "drawings" / "input.png", 16)
    return rows


def blurred_edges(images):
    """Colors at 32x32, and twice their differences: a rough stand-in for what the eye compares."""
    small = F.adaptive_avg_pool2d(images, 32)
    parts = [small, 2 * small.diff(dim=2), 2 * small.diff(dim=3)]
    return torch.cat([part.flatten(1) for part in parts], 1)


@torch.no_grad()
def perceived_change(sampler, scale, seed):
    """[(strength, position on the slider)]: the distance of `blurred_edges` from one strength to the
    next, summed up and divided by the whole way."""
    before, positions = None, []
    for index in reversed(SWEEP):
        seen = blurred_edges(sampler.sample((index,), scale, seed))
        step = 0 if before is None else (seen - before).norm(dim=1).mean().item()
        positions.append([strength_of(index), (positions[-1][1] if positions else 0) + step])
        before = seen
    return [(round(s, 3), round(p / positions[-1][1], 3)) for s, p in positions]


def print_table(rows):
    """Markdown. With an evaluator: the shares of drawings that it recognizes, first and among five."""
    judged = [kind for kind in KINDS if kind in rows[0]]
    names = ["t_index_list", "strength", "guidance", *judged, "sharpness", "difference"]
    print(f"| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for row in rows:
        shares = [f"{row[kind]['first']:.2f}, {row[kind]['five']:.2f}" for kind in judged]
        cells = [", ".join(map(str, row["t_index_list"])), f"{row['strength']:.2f}",
                 str(row["guidance_scale"]), *shares, f"{row['sharpness']:.3f}",
                 f"{row['difference']:.3f}"]
        print(f"| {' | '.join(cells)} |")


def main():
    """Command line."""
    parser = runtime.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="images of each drawing and setting")
    parser.add_argument("--no-evaluator", action="store_true", help="leave out the evaluator's scores")
    parser.add_argument("--scale", type=float, default=1.6, help="guidance of the strength sweep")
    args = parser.parse_args()
    device = runtime.prepare(args)
    sampler = Sampler(args, device)
    judge = None if args.no_evaluator else Judge(args, sampler, device)
    rows = compare(sampler, judge, args)
    curve = perceived_change(sampler, args.scale, args.seed)
    runtime.write_json({"model": sampler.checkpoint, "judge_images": judge and judge.evaluator.images,
                        "drawings": len(DRAWINGS) * len(KINDS), "settings": rows,
                        "slider": curve}, args.work / "drawing_settings.json")
    print_table(rows)
    print("strength and position on the slider:", curve)


if __name__ == "__main__":
    main()
