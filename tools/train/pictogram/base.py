"""Stage 5: the base model. v prediction on cached latents, text encoder trained along, a tenth of
the prompts empty; some samples start from a doodle and must end at the picture."""

import shutil

import numpy as np
import torch

from . import runtime
from .adversary import Adversary
from .autoencoder import load_trained
from .captions import compose
from .latents import LatentCache, encoder_mark
from .model import Generator
from .optimiser import Both
from .pictures import read_rows
from .preview import sheet


class Batches:
    """Latents, prompts, timesteps and targets of a step; fresh ones follow from its number."""

    def __init__(self, args, rows, cache, scaling):
        self.args, self.rows, self.cache, self.scaling = args, rows, cache, scaling

    def prompts(self, samples, rng, drop):
        """A fresh prompt for each sample, some of them empty."""
        texts = []
        for numbers, colours, background, loose in samples:
            text = compose([self.rows[n] for n in numbers], colours, background, rng, loose)
            texts.append("" if rng.random() < drop else text)
        return texts

    def times(self, loose, doodled, rng):
        """Timesteps: most posed samples at the very start, where a one-step picture begins. Loose
        ones come in where the noise already lets their place through."""
        count = len(loose)
        t = (1000 * rng.random(count) ** self.args.tilt).astype(np.int64)
        t[rng.random(count) < self.args.first] = 999
        t[loose] = rng.integers(0, 800, int(loose.sum()))
        t[doodled] = rng.integers(300, 960, int(doodled.sum()))
        return t

    def draw(self, step, stage=4, count=None):
        """(clean, source, prompts, t, noise): source is the doodle for some of the loose samples.

        At the first timestep it is nothing: pictures start from pure noise, where the schedule
        would still let the mean colour through, and the words would never have to say it.
        """
        args, count = self.args, self.args.batch if count is None else count
        rng = np.random.default_rng((args.seed, stage, step))
        clean, rough, samples = self.cache.draw(count, rng)
        clean, rough = clean * self.scaling, rough * self.scaling
        loose = np.array([sample[3] for sample in samples])
        doodled = loose & (rng.random(count) < args.doodles)
        t = self.times(loose, doodled, rng)
        source = torch.where(torch.from_numpy(doodled)[:, None, None, None], rough, clean)
        source[torch.from_numpy(t == 999)] = 0
        return clean, source, self.prompts(samples, rng, args.drop), torch.from_numpy(t), \
            self.noise(clean.shape, rng)

    @staticmethod
    def noise(shape, rng):
        """Standard normal."""
        generator = torch.Generator().manual_seed(int(rng.integers(2 ** 62)))
        return torch.randn(shape, generator=generator)


class Refined:
    """Samples that go on from what the model itself made of them a step ago, as they do when it is
    used with two steps or four: the drafts are free, and what they still lack is learnt."""

    LAST = 250  # timestep from which nothing goes on

    def __init__(self, batches, share):
        self.batches, self.share = batches, share
        self.carried = None

    def draw(self, step):
        """A full batch: the carried samples, then fresh ones."""
        if self.carried is None:
            return self.batches.draw(step)
        clean, source, prompts, t = self.carried
        fresh = self.batches.draw(step, count=self.batches.args.batch - len(t))
        rng = np.random.default_rng((self.batches.args.seed, 42, step))
        noise = self.batches.noise(clean.shape, rng)
        return tuple(a + b if isinstance(a, list) else torch.cat([a, b])
                     for a, b in zip((clean, source, prompts, t, noise), fresh))

    def keep(self, batch, made, step):
        """Carry some on: `made` is the model's picture of each."""
        clean, _, prompts, t, _ = batch
        rng = np.random.default_rng((self.batches.args.seed, 43, step))
        going = (t.numpy() > self.LAST) & (rng.random(len(t)) < self.share)
        going = np.flatnonzero(going & np.array([bool(text) for text in prompts]))
        later = (t[going] * torch.from_numpy(rng.uniform(0.45, 0.85, len(going)))).long()
        self.carried = clean[going], made[going], [prompts[i] for i in going], later


def loss_weight(schedule, t):
    """1 while noise prevails, falling as 5 / SNR once the picture does (min-SNR for v)."""
    signal = (schedule.a[t] / schedule.b[t]).square()
    return (6 / (signal + 1)).clamp(max=1)


def backward(generator, batch, adversary=None, share=0.0):
    """Gradients of the weighted squared error of v towards the clean picture, and of what the
    adversary asks for, as large as `share` of them. Returns (error, pictures that v leads to,
    share of pairs that the adversary saw through)."""
    device = generator.device
    clean, source, prompts, t, noise = batch
    clean, source, t, noise = (x.to(device) for x in (clean, source, t, noise))
    schedule = generator.schedule
    x = schedule.noised(source, noise, t).contiguous(memory_format=torch.channels_last)
    target = schedule.velocity(x, clean, t)
    with runtime.autocast(device):
        context = generator.context(prompts)
        v = generator.denoise_fast(x, t, context)
    error = (v - target).square().flatten(1).mean(1)
    loss = (error * loss_weight(schedule, t)).mean()
    if adversary is None:
        loss.backward()
        return loss.item(), schedule.x0_of(x, v.detach(), t).cpu(), 0.0
    made, words = schedule.x0_of(x, v, t), context.detach().float().mean(1)
    pull, = torch.autograd.grad(loss, v, retain_graph=True)
    push, = torch.autograd.grad(adversary.loss(clean, made, words).mean(), v, retain_graph=True)
    v.backward(pull + push * (share * pull.norm() / (push.norm() + 1e-12)))
    seen = adversary.learn(clean, made, words)
    return loss.item(), made.detach().cpu(), seen


def learning_rate(step, args):
    """Short warm-up, constant, then a straight line down over the last `cool` steps."""
    left = (args.steps - step) / max(1, args.cool)
    return args.rate * min(1.0, (step + 1) / 100, max(left, 0.01))


def start(args, device):
    """Generator, cache and autoencoder that belong together."""
    autoencoder = load_trained(args.work)
    mark = encoder_mark(autoencoder)
    cache = LatentCache(args.work, args.size, mark, read_rows(args.data), args.concepts)
    generator = Generator(args.work, device, args.seed)
    generator.encoder_mark = mark
    generator.scaling = round(1 / cache.shards[0]["clean"].float().std().item(), 4)
    return generator, cache, autoencoder.to(device)


def resume(generator, average, optimiser, adversary, path, args):
    """(step, images, seconds) of the checkpoint, or zeros."""
    state = runtime.load_checkpoint(path)
    if state is None:
        return 0, 0, 0.0
    mark, scaling = generator.encoder_mark, generator.scaling
    if state["model"]["encoder_mark"] != mark and not args.adopt_encoder:
        raise SystemExit(f"{path} belongs to another encoder ({state['model']['encoder_mark']}, "
                         f"not {mark}); --adopt-encoder goes on with the new one's latents")
    generator.load_state_dict(state["model"])
    if generator.encoder_mark != mark:
        generator.encoder_mark, generator.scaling = mark, scaling
    average.load_state_dict(state["average"])
    if state["optimiser"]:
        optimiser.load_state_dict(state["optimiser"])
    if adversary and state.get("adversary"):
        adversary.load_state_dict(state["adversary"])
    return state["step"], state["images"], state["seconds"]


def begin_from(generator, average, args):
    """A fresh start's weights: another run's averaged ones and the text stage's encoder."""
    if args.init:
        state = runtime.load_checkpoint(args.work / "checkpoints" / f"{args.init}.pt")
        generator.unet.load_state_dict(state["model"]["unet"])
        average.load_state_dict(state["average"])
        with torch.no_grad():
            torch._foreach_copy_(average.parameters(), average.shadow)
    if args.text:
        state = runtime.load_checkpoint(args.work / "checkpoints" / f"{args.text}.pt")
        generator.text.load_state_dict(state["text"])
    average.restart()


def train(args):
    """The whole stage."""
    device = runtime.prepare(args)
    generator, cache, autoencoder = start(args, device)
    average = runtime.Average(generator.modules, args.decay)
    optimiser = Both(generator.modules, args.rate, args.optimiser)
    path = args.work / "checkpoints" / f"{args.name}.pt"
    begin_from(generator, average, args)
    adversary = Adversary(args.critic_rate, device) if args.adversary else None
    step, images, spent = resume(generator, average, optimiser, adversary, path, args)
    generator.fast_unet = runtime.compiled(generator.unet, args)
    batches = Refined(Batches(args, cache.rows, cache, generator.scaling), args.refined)
    clock = runtime.Clock(args.minutes, args.save_every)
    meter = runtime.Meter(runtime.Log(args.work, args.name), args.batch)
    threads = runtime.Threads(args)

    def save():
        runtime.save_atomic({
            "stage": "base", "model": generator.state_dict(), "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
            "adversary": adversary.state_dict() if adversary else None, "step": step,
            "images": images, "seconds": spent + clock.seconds()}, path)
        shown = args.work / "sheets" / f"{args.name}-{step:07d}.png"
        with average.applied():
            sheet(generator, autoencoder, shown, args.size)
        shutil.copyfile(shown, args.work / "sheets" / f"{args.name}.png")
        cache.refresh()
        meter.reset()

    while step < args.steps and not clock.must_stop():
        threads.adapt()
        rate = learning_rate(step, args)
        optimiser.set_rate(rate)
        if adversary:
            adversary.set_rate(args.critic_rate * rate / args.rate)
        batch = batches.draw(step)
        loss, made, seen = backward(generator, batch, adversary, args.adversary)
        batches.keep(batch, made, step)
        optimiser.step()
        step, images = step + 1, images + args.batch
        average.update(step)
        meter.add(loss, step=step, images=images, seconds=spent + clock.seconds(),
                  seen_through=seen)
        if clock.must_save():
            save()
    save()
    return 0 if step >= args.steps else 3


def main():
    """Command line."""
    parser = runtime.parser(__doc__)
    parser.add_argument("--name", default="base", help="of the checkpoint; another for trials")
    parser.add_argument("--size", type=int, default=256, help="side of the pictures")
    parser.add_argument("--steps", type=int, default=60000)
    parser.add_argument("--cool", type=int, default=20000, help="last steps, with falling rate")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=6e-4)
    parser.add_argument("--optimiser", choices=("muon", "adamw"), default="muon")
    parser.add_argument("--decay", type=float, default=0.999, help="of the averaged weights")
    parser.add_argument("--init", help="checkpoint whose weights a fresh start takes")
    parser.add_argument("--text", help="checkpoint of the text stage to start with")
    parser.add_argument("--concepts", type=int, default=0, help="only so many, for a small proof")
    parser.add_argument("--tilt", type=float, default=0.5, help="t = 1000 u^tilt; 1: uniform")
    parser.add_argument("--first", type=float, default=0.85,
                        help="share of the posed samples at the first timestep")
    parser.add_argument("--drop", type=float, default=0.05, help="share of empty prompts")
    parser.add_argument("--doodles", type=float, default=0.75,
                        help="share of the loose samples that start from a doodle")
    parser.add_argument("--refined", type=float, default=0.5,
                        help="share of a step's samples that the next one goes on with")
    parser.add_argument("--adversary", type=float, default=0.0,
                        help="its gradient beside the squared error's, as a share of that")
    parser.add_argument("--critic-rate", type=float, default=4e-4, help="rate of the adversary")
    parser.add_argument("--adopt-encoder", action="store_true",
                        help="the autoencoder was trained further: go on with its latents")
    parser.add_argument("--save-every", type=float, default=600, help="seconds")
    raise SystemExit(train(parser.parse_args()))


if __name__ == "__main__":
    main()
