"""Stage 2: the autoencoder. A first phase trains both halves; `--decoder-only` goes on with the
encoder frozen, so that cached latents and the diffusion model stay valid."""

import numpy as np
import torch
import torch.nn.functional as F

from . import backgrounds, runtime
from .architecture import AUTOENCODERS, VARIANT, build_autoencoder
from .measures import psnr, ssim
from .optimiser import Both
from .pictures import PictureStore, on, over
from .sheet import save_sheet

HELD_OUT = 96


def split(count, seed=1234):
    """(training, held out) picture numbers; the held-out ones only measure the autoencoder."""
    order = np.random.default_rng(seed).permutation(count)
    return order[HELD_OUT:], np.sort(order[:HELD_OUT])


def batch_of(store, numbers, size, rng):
    """[B, 3, size, size] in 0..1: crops at several scales over plain and busy backgrounds."""
    kind = rng.random()
    if kind < 0.5:
        rgba = store.crops(numbers, size, rng)
    elif kind < 0.75:
        rgba = F.avg_pool2d(store.premultiplied(numbers), 2)
        rgba = F.interpolate(rgba, size=(size, size), mode="bilinear") if size != 128 else rgba
    else:
        side = int(rng.integers(size, 257))
        rgba = F.interpolate(store.crops(numbers, side, rng), size=(size, size), mode="bilinear",
                             antialias=True)
    back = backgrounds.plain(len(numbers), rng, store.device)
    if rng.random() < 0.3:
        back = backgrounds.rich(len(numbers), size, rng, store.device)
    picture = over(rgba, back).clamp_(0, 1)
    if rng.random() < 0.25:
        gain = on(rgba, rng.uniform(0.6, 1.4, (len(numbers), 3, 1, 1)))
        picture = (picture * gain).clamp_(0, 1)
    if rng.random() < 0.5:
        picture = picture.flip(3)
    return picture


def held_out_batch(store, numbers):
    """The pictures that measure the autoencoder, at 256², over fixed backgrounds."""
    rng = np.random.default_rng(7)
    back = backgrounds.plain(len(numbers), rng, store.device)
    return over(store.premultiplied(numbers), back).clamp_(0, 1).cpu()


def picture_loss(made, wanted):
    """L1, squared error, gradients and two pooled scales, on pictures in -1..1."""
    difference = made - wanted
    loss = difference.abs().mean() + difference.square().mean()
    for axis in (2, 3):
        loss = loss + 0.5 * difference.diff(dim=axis).abs().mean()
    for _ in range(2):
        difference = F.avg_pool2d(difference, 2)
        loss = loss + 0.5 * difference.abs().mean()
    return loss


def latent_loss(latents):
    """Pulls each channel's mean to 0 and its deviation to 1, so that diffusion sees unit scale."""
    flat = latents.transpose(0, 1).flatten(1)
    return flat.mean(1).square().mean() + torch.log(flat.std(1) + 1e-4).square().mean()


def training_loss(model, picture, rng, decoder_only):
    """One step's loss. A quarter of the steps decode a halved latent against the halved picture:
    latents that survive resampling are smoother, hence easier to generate."""
    with torch.set_grad_enabled(not decoder_only):
        latents = model.encoder(picture)
    extra = 0.0 if decoder_only else 0.05 * latent_loss(latents.float())
    if not decoder_only and rng.random() < 0.25:
        latents = F.avg_pool2d(latents, 2)
        picture = F.avg_pool2d(picture, 2)
    if rng.random() < 0.5:
        latents = latents + torch.randn_like(latents) * float(rng.uniform(0, 0.2))
    made = model.decoder(latents)
    return picture_loss(made.float(), picture) + extra


@torch.no_grad()
def measure(model, pictures, device, chunk=8):
    """Mean PSNR and SSIM at 256², and the latents' extremes."""
    scores, likeness, latents, made = [], [], [], []
    for part in pictures.split(chunk):
        z = model.encoder((part * 2 - 1).to(device))
        y = (model.decoder(z).float().cpu() / 2 + 0.5).clamp(0, 1)
        scores.append(psnr(y, part))
        likeness.append(ssim(y, part))
        latents.append(z.float().cpu())
        made.append(y)
    z = torch.cat(latents).transpose(0, 1).flatten(1)
    numbers = {"psnr": torch.cat(scores).mean().item(), "ssim": torch.cat(likeness).mean().item(),
               "latent_std": z.std().item(), "latent_std_min": z.std(1).min().item(),
               "latent_std_max": z.std(1).max().item(), "latent_max": z.abs().max().item()}
    return numbers, torch.cat(made)




def checkpoint_path(args):
    """Where the autoencoder's state lives; the trial of another layout has its own file."""
    name = "autoencoder" if args.variant == VARIANT else f"autoencoder-{args.variant}"
    return args.work / "checkpoints" / f"{name}.pt"


def load_trained(work, variant=VARIANT):
    """The trained autoencoder with averaged weights, in eval mode."""
    state = runtime.load_checkpoint(work / "checkpoints" / "autoencoder.pt")
    if state is None:
        raise FileNotFoundError(f"no autoencoder checkpoint under {work}: run that stage first")
    model = build_autoencoder(variant)
    average = runtime.Average([model])
    average.load_state_dict(state["average"])
    with torch.no_grad():
        torch._foreach_copy_(list(model.parameters()), average.shadow)
    return model.eval().requires_grad_(False)


def report(model, average, tests, device, log, args, state):
    """Measure with averaged weights, write the sheet."""
    with average.applied():
        numbers, made = measure(model, tests, device)
    log(**state, **numbers)
    pairs = torch.stack([tests[:24], made[:24]], 1).flatten(0, 1)
    save_sheet(pairs, args.work / "sheets" / f"autoencoder-{args.variant}.png", columns=12)


class Trainer:
    """Model, averages, optimiser and counters, with their checkpoint."""

    def __init__(self, args, device):
        self.args, self.path = args, checkpoint_path(args)
        self.model = build_autoencoder(args.variant).to(device, memory_format=torch.channels_last)
        self.average = runtime.Average([self.model], 0.998)
        half = self.model.decoder if args.decoder_only else self.model
        self.optimiser = Both([half], args.rate, weight_decay=1e-4)
        self.step, self.spent = 0, 0.0
        self.resume(runtime.load_checkpoint(self.path))
        if args.decoder_only:
            freeze_encoder(self.model, self.average)
        self.clock = runtime.Clock(args)

    def resume(self, state):
        """Take up a checkpoint; the other phase's optimiser and step are left behind."""
        if state is None:
            return
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.spent = state["seconds"]
        if state["decoder_only"] == self.args.decoder_only and state["optimiser"]:
            self.optimiser.load_state_dict(state["optimiser"])
            self.step = state["step"]

    def seconds(self):
        """Training time, earlier runs included."""
        return self.spent + self.clock.seconds()

    def save(self):
        """Write the checkpoint."""
        runtime.save_atomic({
            "model": self.model.state_dict(), "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(), "step": self.step,
            "variant": self.args.variant, "decoder_only": self.args.decoder_only,
            "seconds": self.seconds()}, self.path)

    def update(self, picture, rng):
        """One step on pictures in -1..1."""
        self.optimiser.set_rate(runtime.learning_rate(self.args, self.step, self.clock))
        with runtime.autocast(picture.device):
            loss = training_loss(self.model, picture, rng, self.args.decoder_only)
        loss.backward()
        self.optimiser.step()
        self.step += 1
        self.average.update(self.step)
        return loss.detach()


def train(args):
    """The whole stage."""
    device = runtime.prepare(args)
    store = PictureStore(args.data, args.work, device)
    training, held_out = split(len(store.rows))
    tests = held_out_batch(store, held_out)
    trainer = Trainer(args, device)
    log = runtime.Log(args.work, f"autoencoder-{args.variant}")
    meter = runtime.Meter(log, args.batch)

    def measured():
        report(trainer.model, trainer.average, tests, device, log, args,
               {"step": trainer.step, "seconds": trainer.seconds()})
        meter.reset()

    while not trainer.clock.finished(trainer.step) and not trainer.clock.must_stop():
        rng = np.random.default_rng((args.seed, 2, int(args.decoder_only), trainer.step))
        picture = batch_of(store, rng.choice(training, args.batch), args.size, rng)
        picture = (picture * 2 - 1).to(device, memory_format=torch.channels_last)
        loss = trainer.update(picture, rng)
        meter.add(loss, step=trainer.step, seconds=trainer.seconds())
        if trainer.step % args.report == 0:
            measured()
        if trainer.clock.must_save():
            trainer.save()
    measured()
    trainer.save()
    return 0 if trainer.clock.finished(trainer.step) else 3


def freeze_encoder(model, average):
    """The averaged encoder becomes the encoder, for good."""
    count = len(list(model.encoder.parameters()))
    with torch.no_grad():
        torch._foreach_copy_(list(model.encoder.parameters()), average.shadow[:count])
    model.encoder.requires_grad_(False)


def main():
    """Command line."""
    parser = runtime.parser(__doc__)
    # The falling rate over the last half is worth 2 dB.
    runtime.add_schedule(parser, steps=8000, rate=1.5e-3, cool=0.5)
    parser.add_argument("--variant", choices=AUTOENCODERS, default=VARIANT)
    parser.add_argument("--decoder-only", action="store_true", help="encoder frozen")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=128, help="side of the training crops")
    parser.add_argument("--report", type=int, default=1000, help="steps between measurements")
    raise SystemExit(train(parser.parse_args()))


if __name__ == "__main__":
    main()
