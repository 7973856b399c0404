"""Stage 3: the latent cache. Encodes many augmentations of the images, and doodles of those with a
random pose.

Encoding during training would halve its speed. A shard is a file in WORK/cache/latents-SIZE-HASH
that depends on its number only, so the stage resumes, and shards can be added at any time. The keys
of a shard are "clean", "rough" (the doodles), "samples" and "codes".
"""

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

GROUP = 32  # samples that share one kind of doodle


def hash_encoder(model):
    """A short hash of the encoder's weights, so that latents of two encoders are never mixed."""
    digest = hashlib.sha256()
    for parameter in model.encoder.parameters():
        digest.update(parameter.detach().float().numpy().tobytes())
    return digest.hexdigest()[:10]


def cache_folder(work, size, encoder_hash):
    """Folder of the shards of one image size and one encoder."""
    return work / "cache" / f"latents-{size}-{encoder_hash}"


def make_doodles(images, color, rng):
    """What a person or a camera may show of images [B, 4, S, S]: a doodle, 30 % of the time over a
    textured background. RGB in -1..1."""
    doodles = [images[:0, :3]]
    for part, back in zip(images.split(GROUP), color.split(GROUP)):
        if not len(part):
            break
        if rng.random() < 0.3:
            back = cluttered(back, part.shape[-1], rng)
        doodles.append(composite(doodle(part, rng), back))
    return torch.cat(doodles)


@torch.no_grad()
def make_shard(augmenter, model, count, seed):
    """{'clean': bf16 [N, C, h, w], 'rough': the same for doodles of the samples with a random pose,
    'samples': N tuples, 'codes': [N, POSE_CODES]}."""
    device = augmenter.store.device
    chunk = 32 if device.type == "cpu" else 512
    clean, doodles, samples = [], [], []
    for start in range(0, count, chunk):
        rng = np.random.default_rng((*seed, start))
        torch.manual_seed(int(rng.integers(2 ** 62)))
        images, color, part = augmenter.batch(min(chunk, count - start), rng,
                                              first=seed[-1] * count + start)
        random_pose_mask = torch.tensor([sample.random_pose for sample in part]).to(device)
        doodle_images = make_doodles(images[random_pose_mask], color[random_pose_mask], rng)
        images_and_doodles = torch.cat([composite(images, color), doodle_images])
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
    """All shards as one: `clean` and `doodles` bf16 [N, C, h, w] and `pose_codes` float32 [N,
    POSE_CODES] on the training device, `samples` N tuples (rows, colors, background, random_pose).
    Where a sample has no doodle, `doodles` holds its clean latents. `rows` are what the samples'
    row numbers refer to. With `concepts`, only samples of so many concepts are kept."""

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
        """The samples of a shard that show only the selected concepts."""
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
    parser.add_argument("--size", type=int, default=256, help="side of the images")
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--count", type=int, default=4096, help="samples in each shard")
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
