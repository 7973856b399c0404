"""Stage 3: cached latents of many augmentations; those placed loosely have a doodle of themselves.

Encoding on the fly would halve the speed of training. A shard is a file of WORK/cache/latents-SIZE
and depends on its number only, so the stage resumes, and more shards can be added at any time."""

import hashlib
import pickle

import numpy as np
import torch

from . import runtime
from .augmentation import Augmenter, composite, sampling_weights, usable_rows
from .autoencoder import load_trained
from .captions import EMOJI_STYLES
from .doodles import cluttered, doodle
from .images import ImageStore

GROUP = 32  # doodles of one kind


def hash_encoder(model):
    """A short hash of the encoder's weights: latents of another encoder are never mixed in."""
    digest = hashlib.sha256()
    for parameter in model.encoder.parameters():
        digest.update(parameter.detach().float().numpy().tobytes())
    return digest.hexdigest()[:10]


def cache_folder(work, size, encoder_hash):
    """Where the shards of one picture size and one encoder lie."""
    return work / "cache" / f"latents-{size}-{encoder_hash}"


def make_doodles(images, color, rng):
    """What a person or a camera may show of loose pictures [B, 4, S, S]: a doodle, now and then over
    a busy background. RGB in -1..1."""
    drawn = [images[:0, :3]]
    for part, back in zip(images.split(GROUP), color.split(GROUP)):
        if not len(part):
            break
        if rng.random() < 0.3:
            back = cluttered(back, part.shape[-1], rng)
        drawn.append(composite(doodle(part, rng), back))
    return torch.cat(drawn)


@torch.no_grad()
def make_shard(augmenter, model, count, seed):
    """{'clean': bf16 [N, C, h, w], 'rough': the same of the loose ones, 'samples': N Samples}."""
    device = augmenter.store.device
    chunk = 32 if device.type == "cpu" else 512
    clean, doodles, samples = [], [], []
    for start in range(0, count, chunk):
        rng = np.random.default_rng((*seed, start))
        torch.manual_seed(int(rng.integers(2 ** 62)))
        images, color, part = augmenter.batch(min(chunk, count - start), rng,
                                             first=seed[-1] * count + start)
        random_pose_mask = torch.tensor([sample.random_pose for sample in part]).to(device)
        images_and_doodles = torch.cat([composite(images, color), make_doodles(images[random_pose_mask], color[random_pose_mask], rng)])
        with runtime.autocast(device):
            z = model.encoder(images_and_doodles.contiguous(memory_format=torch.channels_last))
        clean.append(z[:len(part)].to(torch.bfloat16).cpu().contiguous())
        doodles.append(z[len(part):].to(torch.bfloat16).cpu().contiguous())
        samples += part
    return {"clean": torch.cat(clean), "rough": torch.cat(doodles),
            "samples": [(s.rows, s.colors, s.background, s.random_pose) for s in samples],
            "codes": torch.tensor([s.pose_code for s in samples])}


def select_concepts(rows, count):
    """`count` captions that exist in all emoji styles, evenly spread over the alphabet."""
    styles = {}
    for row in rows:
        if row["style"] in EMOJI_STYLES:
            styles.setdefault(row["caption"], set()).add(row["style"])
    full = sorted(c for c, s in styles.items() if len(s) == len(EMOJI_STYLES))
    return set(full[::max(1, len(full) // count)][:count])


class LatentCache:
    """All shards present, as one: `clean` and `rough` bf16 [N, C, h, w] and `codes` float32 [N, CODES]
    on the device that trains, `samples` N tuples as in Sample. What is rough of a posed sample is the
    picture itself. `rows` are what the samples' numbers point to; with `concepts`, samples of others
    are left out."""

    def __init__(self, folder, rows, device="cpu", concepts=0):
        paths = sorted(folder.glob("shard-*.pkl"))
        if not paths:
            raise FileNotFoundError(f"no latents in {folder}: run the latents stage")
        self.rows = rows
        self.kept_concepts = select_concepts(rows, concepts) if concepts else None
        shards = [self._read(path) for path in paths]
        self.clean, self.doodles, self.pose_codes = (
            torch.cat([shard[key] for shard in shards]).to(device)
            for key in ("clean", "rough", "codes"))
        self.samples = [sample for shard in shards for sample in shard["samples"]]

    def _read(self, path):
        """The part of a shard that shows nothing but the chosen concepts."""
        with path.open("rb") as file:
            shard = pickle.load(file)
        samples = shard["samples"]
        doodles = shard["clean"].clone()
        doodles[torch.tensor([sample[3] for sample in samples])] = shard["rough"]
        indices = [i for i, sample in enumerate(samples) if self.kept_concepts is None
                  or all(self.rows[n]["caption"] in self.kept_concepts for n in sample[0])]
        return {"clean": shard["clean"][indices], "rough": doodles[indices],
                "codes": shard["codes"][indices].float(), "samples": [samples[i] for i in indices]}

    def __len__(self):
        return len(self.samples)


def main():
    """Command line."""
    parser = runtime.parser(__doc__)
    parser.add_argument("--size", type=int, default=256, help="side of the pictures")
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--count", type=int, default=4096, help="samples a shard")
    args = parser.parse_args()
    device = runtime.prepare(args)
    store = ImageStore(args.data, args.work, device)
    model = load_trained(args.work)
    encoder_hash = hash_encoder(model)
    model = model.to(device, memory_format=torch.channels_last)
    augmenter = Augmenter(store, args.size, sampling_weights(store.rows, usable_rows(store.rows)))
    target = cache_folder(args.work, args.size, encoder_hash)
    target.mkdir(parents=True, exist_ok=True)
    log, clock = runtime.Log(args.work, "latents"), runtime.Clock(args)
    for number in range(args.shards):
        path = target / f"shard-{number:03d}.pkl"
        if path.exists():
            continue
        if clock.should_stop():
            raise SystemExit(3)
        shard_start = clock.seconds()
        shard = make_shard(augmenter, model, args.count, (args.seed, 3, args.size, number))
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            pickle.dump(shard, file, protocol=4)
        temporary.rename(path)
        log(shard=number, size=args.size, samples=args.count, encoder=encoder_hash,
            std=shard["clean"].float().std().item(),
            images_per_second=args.count / (clock.seconds() - shard_start))


if __name__ == "__main__":
    main()
