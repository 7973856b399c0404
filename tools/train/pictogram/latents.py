"""Stage 3: cached latents of many augmentations; those placed loosely have a doodle of themselves.

Encoding on the fly would halve the speed of training. A shard is a file of WORK/cache/latents-SIZE
and depends on its number only, so the stage resumes, and more shards can be added at any time."""

import hashlib
import pickle

import numpy as np
import torch

from . import runtime
from .autoencoder import load_trained
from .captions import EMOJI_STYLES
from .doodles import doodle
from .pictures import PictureStore
from .scenes import SceneMaker, finished, sampling_weights, usable_rows

CHUNK = 32


def encoder_mark(model):
    """A short hash of the encoder's weights: latents of another encoder are never mixed in."""
    digest = hashlib.sha256()
    for parameter in model.encoder.parameters():
        digest.update(parameter.detach().float().numpy().tobytes())
    return digest.hexdigest()[:10]


def folder(work, size, mark):
    """Where the shards of one picture size and one encoder lie."""
    return work / "cache" / f"latents-{size}-{mark}"


@torch.no_grad()
def make_shard(maker, model, count, seed, device):
    """{'clean': bf16 [N, C, h, w], 'doodle': the same of the loose ones, 'samples': N Samples}."""
    clean, rough, samples = [], [], []
    for start in range(0, count, CHUNK):
        rng = np.random.default_rng((*seed, start))
        pictures, colour, part = maker.batch(min(CHUNK, count - start), rng,
                                             first=seed[-1] * count + start)
        free = torch.tensor([sample.loose for sample in part])
        drawn = finished(doodle(pictures[free], rng), colour[free]) if free.any() else pictures[:0, :3]
        both = torch.cat([finished(pictures, colour), drawn])
        both = both.to(device, memory_format=torch.channels_last)
        with runtime.autocast(device):
            z = model.encoder(both)
        z = z.to(torch.bfloat16).cpu().contiguous()
        clean.append(z[:len(part)])
        rough.append(z[len(part):])
        samples += part
    return {"clean": torch.cat(clean), "doodle": torch.cat(rough),
            "samples": [(s.rows, s.colours, s.background, s.loose) for s in samples]}


def some_concepts(rows, count):
    """`count` captions that exist in all emoji styles, evenly spread over the alphabet."""
    styles = {}
    for row in rows:
        if row["style"] in EMOJI_STYLES:
            styles.setdefault(row["caption"], set()).add(row["style"])
    full = sorted(c for c, s in styles.items() if len(s) == len(EMOJI_STYLES))
    return set(full[::max(1, len(full) // count)][:count])


class LatentCache:
    """All shards present, drawn from at random; `refresh` takes up new ones.

    `rows` are what the samples' numbers point to; with `concepts`, samples of others are left out.
    """

    def __init__(self, work, size, mark, rows, concepts=0):
        self.folder = folder(work, size, mark)
        self.rows = rows
        self.kept = some_concepts(rows, concepts) if concepts else None
        self.shards = []
        self.names = []
        self.refresh()
        if not self.shards:
            raise FileNotFoundError(f"no latents in {self.folder}: run the latents stage")

    def refresh(self):
        """Load shards that are new on disk."""
        for path in sorted(self.folder.glob("shard-*.pkl")):
            if path.name not in self.names:
                with path.open("rb") as file:
                    self.shards.append(self._kept_of(pickle.load(file)))
                self.names.append(path.name)
        sizes = [len(s["samples"]) for s in self.shards]
        self.ends = np.cumsum(sizes)

    def _kept_of(self, shard):
        """The part of a shard that shows nothing but the chosen concepts; `doodle` by sample: of a
        posed one it is the picture itself."""
        samples = shard["samples"]
        places = [i for i, sample in enumerate(samples) if self.kept is None
                  or all(self.rows[n]["caption"] in self.kept for n in sample[0])]
        rough = shard["clean"].clone()
        rough[torch.tensor([sample[3] for sample in samples])] = shard["doodle"]
        return {"clean": shard["clean"][places], "doodle": rough[places],
                "samples": [samples[i] for i in places]}

    def __len__(self):
        return int(self.ends[-1])

    def draw(self, count, rng):
        """(clean, doodle, samples) of random entries."""
        picks = rng.integers(0, len(self), count)
        places = [(int(s), int(p - (self.ends[s - 1] if s else 0)))
                  for p, s in zip(picks, np.searchsorted(self.ends, picks, side="right"))]
        clean = torch.stack([self.shards[s]["clean"][i] for s, i in places]).float()
        rough = torch.stack([self.shards[s]["doodle"][i] for s, i in places]).float()
        return clean, rough, [self.shards[s]["samples"][i] for s, i in places]


def main():
    """Command line."""
    parser = runtime.parser(__doc__)
    parser.add_argument("--size", type=int, default=256, help="side of the pictures")
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--count", type=int, default=4096, help="samples a shard")
    args = parser.parse_args()
    device = runtime.prepare(args)
    store = PictureStore(args.data, args.work)
    model = load_trained(args.work)
    mark = encoder_mark(model)
    model = model.to(device, memory_format=torch.channels_last)
    maker = SceneMaker(store, args.size, sampling_weights(store.rows, usable_rows(store.rows)))
    target = folder(args.work, args.size, mark)
    target.mkdir(parents=True, exist_ok=True)
    log, clock = runtime.Log(args.work, "latents"), runtime.Clock(args.minutes)
    for number in range(args.shards):
        path = target / f"shard-{number:03d}.pkl"
        if path.exists():
            continue
        if clock.must_stop():
            raise SystemExit(3)
        begin = clock.seconds()
        shard = make_shard(maker, model, args.count, (args.seed, 3, args.size, number), device)
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            pickle.dump(shard, file, protocol=4)
        temporary.rename(path)
        log(shard=number, size=args.size, samples=args.count, encoder=mark,
            std=shard["clean"].float().std().item(),
            images_per_second=args.count / (clock.seconds() - begin))


if __name__ == "__main__":
    main()
