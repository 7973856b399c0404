"""Stage 5: the base model. v prediction on cached latents, text encoder trained along, a tenth of
the prompts empty; some samples start from a doodle and must end at the picture."""

import itertools
import shutil
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from . import runtime, scenes, tokenizer
from .adversary import MIXED, Adversary
from .autoencoder import load_trained
from .captions import STYLES, compose
from .latents import LatentCache, encoder_mark, folder
from .model import Generator
from .optimiser import Both
from .pictures import read_rows
from .preview import sheet


@dataclass
class Plan:
    """What a step draws afresh: numbers alone, made by the processor ahead of time."""
    picks: torch.Tensor    # entries of the cache [B]
    tokens: torch.Tensor   # of the prompts [B, TOKENS]
    told: torch.Tensor     # whether the prompt says anything [B]
    rough: torch.Tensor    # whether to start from what is rough of it [B]
    times: torch.Tensor    # timesteps [B]
    styles: torch.Tensor   # places in STYLES [B]


class Plans(Dataset):
    """The plan of every step, from its number alone; holds nothing that lies on the device."""

    def __init__(self, args, rows, samples, words, stage=4):
        self.args, self.rows, self.samples, self.words, self.stage = args, rows, samples, words, stage

    def __getitem__(self, step):
        args = self.args
        rng = np.random.default_rng((args.seed, self.stage, step))
        picks = rng.integers(0, len(self.samples), args.batch)
        samples = [self.samples[i] for i in picks]
        loose = np.array([sample[3] for sample in samples])
        rough = loose & (rng.random(args.batch) < args.doodles)
        prompts = self.prompts(samples, rng)
        return Plan(torch.from_numpy(picks), tokenizer.encode(self.words, prompts),
                    torch.tensor([bool(text) for text in prompts]), torch.from_numpy(rough),
                    torch.from_numpy(self.times(loose, rough, rng)), self.styles(samples))

    def styles(self, samples):
        """The style of each sample, or MIXED."""
        found = [{self.rows[n]["style"] for n in numbers} for numbers, _, _, _ in samples]
        return torch.tensor([STYLES.index(*s) if len(s) == 1 else MIXED for s in found])

    def prompts(self, samples, rng):
        """A fresh prompt for each sample, some of them empty."""
        texts = [compose([self.rows[n] for n in numbers], colours, background, rng, loose)
                 for numbers, colours, background, loose in samples]
        return ["" if rng.random() < self.args.drop else text for text in texts]

    def times(self, loose, rough, rng):
        """Timesteps: most posed samples at the very start, where a one-step picture begins. Loose
        ones come in where the noise already lets their place through."""
        count = len(loose)
        t = (1000 * rng.random(count) ** self.args.tilt).astype(np.int64)
        t[rng.random(count) < self.args.first] = 999
        t[loose] = rng.integers(0, 800, int(loose.sum()))
        t[rough] = rng.integers(300, 960, int(rough.sum()))
        return t

    def ahead(self, step):
        """All plans from a step on, made by other processes while the device works."""
        return iter(DataLoader(self, batch_size=None, sampler=itertools.count(step),
                               num_workers=self.args.workers))


@dataclass
class Batch:
    """Samples on the device; the timesteps are wanted on both sides."""
    clean: torch.Tensor    # what v should lead to [B, C, h, w]
    source: torch.Tensor   # what x_t is made of
    noise: torch.Tensor
    tokens: torch.Tensor   # [B, TOKENS]
    styles: torch.Tensor   # [B]
    told: torch.Tensor     # [B], on the processor
    times: torch.Tensor    # [B], on the processor

    def __iter__(self):
        return iter((self.clean, self.source, self.noise, self.tokens, self.styles, self.told,
                     self.times))


class Batches:
    """Plans carried out, and samples that go on from what the model itself made of them a step ago,
    as they do when it is used with two steps or four: these drafts are free, and what they still lack
    is learnt."""

    LAST = 250  # timestep from which nothing goes on

    def __init__(self, args, cache, scaling):
        self.args, self.cache, self.scaling = args, cache, scaling
        self.device = cache.clean.device
        self.chance = torch.Generator(self.device)
        self.carried = None

    def on_device(self, tensor):
        """A tensor of the processor's, sent without waiting."""
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True)

    def noise(self, step, kind, count):
        """Standard normal [count, C, h, w], the same for a step whenever it is drawn."""
        seed = np.random.SeedSequence((self.args.seed, 42 + kind, step)).generate_state(1)[0]
        self.chance.manual_seed(int(seed))
        return torch.randn((count, *self.cache.clean.shape[1:]), generator=self.chance,
                           device=self.device)

    def fresh(self, plan, step, count):
        """The first samples of a plan. At the first timestep the source is nothing: pictures start
        from pure noise, where the schedule would still let the mean colour through, and the words
        would never have to say it. What no word says, how a thing is posed, is told there by the mean
        of the noise in the first channels, so that another seed is another pose."""
        picks, times = self.on_device(plan.picks[:count]), self.on_device(plan.times[:count])
        rough, first = self.on_device(plan.rough[:count]), times == 999
        clean = self.cache.clean[picks].float() * self.scaling
        source = torch.where(rough[:, None, None, None],
                             self.cache.rough[picks].float() * self.scaling, clean)
        source = source.masked_fill(first[:, None, None, None], 0)
        noise = self.noise(step, 0, len(picks))
        coded = noise[:, :scenes.CODES]
        wanted = self.cache.codes[picks] / (coded.shape[2] * coded.shape[3]) ** 0.5
        change = (wanted - coded.mean((2, 3))) * first[:, None]
        coded += change[:, :, None, None]
        return Batch(clean, source, noise, self.on_device(plan.tokens[:count]),
                     self.on_device(plan.styles[:count]), plan.told[:count], plan.times[:count])

    def draw(self, plan, step):
        """A full batch: the carried samples, then fresh ones."""
        if self.carried is None:
            return self.fresh(plan, step, self.args.batch)
        clean, made, tokens, styles, told, times = self.carried
        noise = self.noise(step, 1, len(clean))
        old = Batch(clean, made, noise, tokens, styles, told, times)
        new = self.fresh(plan, step, self.args.batch - len(clean))
        return Batch(*(torch.cat(pair) for pair in zip(old, new)))

    def keep(self, batch, made, step):
        """Carry some on: `made` is the model's picture of each."""
        rng = np.random.default_rng((self.args.seed, 44, step))
        going = (batch.times > self.LAST) & batch.told
        going &= torch.from_numpy(rng.random(len(going)) < self.args.refined)
        later = batch.times[going] * torch.from_numpy(rng.uniform(0.45, 0.85, int(going.sum())))
        places = self.on_device(going.nonzero()[:, 0])
        self.carried = (batch.clean[places], made[places], batch.tokens[places], batch.styles[places],
                        batch.told[going], later.long())


def loss_weight(schedule, t):
    """1 while noise prevails, falling as 5 / SNR once the picture does (min-SNR for v)."""
    signal = (schedule.a[t] / schedule.b[t]).square()
    return (6 / (signal + 1)).clamp(max=1)


def backward(generator, batch, adversary=None, share=0.0):
    """Gradients of the weighted squared error of v towards the clean picture, and of what the
    adversary asks for, as large as `share` of them. Returns (error, pictures that v leads to, figures of
    the adversary for the log); nothing waits for the device."""
    schedule, t = generator.schedule, batch.times.to(generator.device, non_blocking=True)
    x = schedule.noised(batch.source, batch.noise, t).contiguous(memory_format=torch.channels_last)
    target = schedule.velocity(x, batch.clean, t)
    with runtime.autocast(generator.device):
        context = generator.text(batch.tokens).last_hidden_state
        v = generator.fast_unet(x, t, context).sample.float()
    error = (v - target).square().flatten(1).mean(1)
    loss = (error * loss_weight(schedule, t)).mean()
    made = schedule.x0_of(x, v, t)
    if adversary is None:
        loss.backward()
        return loss.detach(), made.detach(), {}
    words = context.detach().float().mean(1)
    pull, = torch.autograd.grad(loss, v, retain_graph=True)
    asked, misread = adversary.loss(batch.clean, made, words, batch.styles)
    push, = torch.autograd.grad(asked.mean(), v, retain_graph=True)
    v.backward(pull + push * (share * pull.norm() / (push.norm() + 1e-12)))
    seen = adversary.learn(batch.clean, made, words, batch.styles)
    return loss.detach(), made.detach(), {"seen_through": seen, "misread": misread.mean()}


def start(args, device):
    """Generator, cache and autoencoder that belong together."""
    autoencoder = load_trained(args.work)
    mark = encoder_mark(autoencoder)
    cache = LatentCache(folder(args.work, args.size, mark), read_rows(args.data), device,
                        args.concepts)
    generator = Generator(args.work, device, args.seed)
    generator.encoder_mark = mark
    generator.scaling = round(1 / cache.clean[:4096].float().std().item(), 4)
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
    if adversary and "reader" in (state.get("adversary") or {}):
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
    adversary = Adversary(args.critic_rate, device, args.style) if args.adversary else None
    step, images, spent = resume(generator, average, optimiser, adversary, path, args)
    generator.fast_unet = runtime.compiled(generator.unet, args)
    batches = Batches(args, cache, generator.scaling)
    plans = Plans(args, cache.rows, cache.samples, generator.words).ahead(step)
    clock = runtime.Clock(args)
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
        meter.reset()

    while not clock.finished(step) and not clock.must_stop():
        threads.adapt()
        rate = runtime.learning_rate(args, step, clock)
        optimiser.set_rate(rate)
        if adversary:
            adversary.set_rate(args.critic_rate * rate / args.rate)
        batch = batches.draw(next(plans), step)
        loss, made, figures = backward(generator, batch, adversary, args.adversary)
        batches.keep(batch, made, step)
        optimiser.step()
        step, images = step + 1, images + args.batch
        average.update(step)
        meter.add(loss, step=step, images=images, seconds=spent + clock.seconds(), **figures)
        if clock.must_save():
            save()
    save()
    return 0 if clock.finished(step) else 3


def main():
    """Command line."""
    parser = runtime.parser(__doc__)
    runtime.add_schedule(parser, steps=60000, rate=6e-4, cool=0.65)
    parser.add_argument("--workers", type=int, default=0,
                        help="processes that prepare steps (0: none; a GPU wants a dozen)")
    parser.add_argument("--name", default="base", help="of the checkpoint; another for trials")
    parser.add_argument("--size", type=int, default=256, help="side of the pictures")
    parser.add_argument("--batch", type=int, default=32)
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
    parser.add_argument("--style", type=float, default=0.3,
                        help="what a misread style costs beside what does not look real")
    parser.add_argument("--critic-rate", type=float, default=4e-4, help="rate of the adversary")
    parser.add_argument("--adopt-encoder", action="store_true",
                        help="the autoencoder was trained further: go on with its latents")
    raise SystemExit(train(parser.parse_args()))


if __name__ == "__main__":
    main()
