"""Stage 2: the autoencoder. The first phase trains encoder and decoder. `--decoder-only` trains on
with the encoder frozen, so that cached latents and the diffusion model stay valid."""

import numpy as np
import torch
import torch.nn.functional as F

from . import backgrounds, runtime
from .architecture import AUTOENCODERS, VARIANT, build_autoencoder
from .contact_sheet import save_sheet
from .images import ImageStore, over, tensor_like
from .metrics import psnr, ssim
from .optimizer import MuonAdamW

HELD_OUT = 96


def split(count, seed=1234):
    """(training, held-out) image numbers. The held-out images measure the autoencoder only."""
    order = np.random.default_rng(seed).permutation(count)
    return order[HELD_OUT:], np.sort(order[:HELD_OUT])


def training_batch(store, numbers, size, rng):
    """[B, 3, size, size] in 0..1: crops at several scales over plain and textured backgrounds."""
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
    background = backgrounds.plain(len(numbers), rng, store.device)
    if rng.random() < 0.3:
        background = backgrounds.textured(len(numbers), size, rng, store.device)
    image = over(rgba, background).clamp_(0, 1)
    if rng.random() < 0.25:
        gain = tensor_like(rgba, rng.uniform(0.6, 1.4, (len(numbers), 3, 1, 1)))
        image = (image * gain).clamp_(0, 1)
    if rng.random() < 0.5:
        image = image.flip(3)
    return image


def held_out_batch(store, numbers):
    """The images that measure the autoencoder, 256x256, over fixed backgrounds."""
    rng = np.random.default_rng(7)
    background = backgrounds.plain(len(numbers), rng, store.device)
    return over(store.premultiplied(numbers), background).clamp_(0, 1).cpu()


def reconstruction_loss(decoded, target):
    """L1, squared error, gradient loss and L1 at two pooled scales, on images in -1..1."""
    difference = decoded - target
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


def training_loss(model, image, rng, decoder_only):
    """One step's loss. A quarter of the steps decode latents at half size against the image at half
    size: latents that survive resampling are smoother, hence easier to generate."""
    with torch.set_grad_enabled(not decoder_only):
        latents = model.encoder(image)
    extra = 0.0 if decoder_only else 0.05 * latent_loss(latents.float())
    if not decoder_only and rng.random() < 0.25:
        latents = F.avg_pool2d(latents, 2)
        image = F.avg_pool2d(image, 2)
    if rng.random() < 0.5:
        latents = latents + torch.randn_like(latents) * float(rng.uniform(0, 0.2))
    decoded = model.decoder(latents)
    return reconstruction_loss(decoded.float(), image) + extra


@torch.no_grad()
def evaluate_autoencoder(model, images, device, chunk=8):
    """Mean PSNR and SSIM at 256x256, and the latents' extremes."""
    psnr_scores, ssim_scores, latents, decoded = [], [], [], []
    for part in images.split(chunk):
        z = model.encoder((part * 2 - 1).to(device))
        y = (model.decoder(z).float().cpu() / 2 + 0.5).clamp(0, 1)
        psnr_scores.append(psnr(y, part))
        ssim_scores.append(ssim(y, part))
        latents.append(z.float().cpu())
        decoded.append(y)
    z = torch.cat(latents).transpose(0, 1).flatten(1)
    numbers = {"psnr": torch.cat(psnr_scores).mean().item(),
               "ssim": torch.cat(ssim_scores).mean().item(),
               "latent_std": z.std().item(), "latent_std_min": z.std(1).min().item(),
               "latent_std_max": z.std(1).max().item(), "latent_max": z.abs().max().item()}
    return numbers, torch.cat(decoded)


def checkpoint_path(args):
    """Path of the autoencoder's checkpoint. The other variant has its own file."""
    name = "autoencoder" if args.variant == VARIANT else f"autoencoder-{args.variant}"
    return args.work / "checkpoints" / f"{name}.pt"


def load_trained(work, variant=VARIANT):
    """The trained autoencoder with EMA weights, in eval mode."""
    state = runtime.load_checkpoint(work / "checkpoints" / "autoencoder.pt")
    if state is None:
        raise FileNotFoundError(f"no autoencoder checkpoint under {work}: run that stage first")
    model = build_autoencoder(variant)
    ema = runtime.EMA([model])
    ema.load_state_dict(state["average"])
    with torch.no_grad():
        torch._foreach_copy_(list(model.parameters()), ema.shadow)
    return model.eval().requires_grad_(False)


def report(model, ema, test_images, device, log, args, state):
    """Evaluate with EMA weights and write the contact sheet."""
    with ema.applied():
        numbers, decoded = evaluate_autoencoder(model, test_images, device)
    log(**state, **numbers)
    pairs = torch.stack([test_images[:24], decoded[:24]], 1).flatten(0, 1)
    save_sheet(pairs, args.work / "sheets" / f"autoencoder-{args.variant}.png", columns=12)


class Trainer:
    """Model, EMA, optimizer and counters, with their checkpoint."""

    def __init__(self, args, device):
        self.args, self.path = args, checkpoint_path(args)
        self.model = build_autoencoder(args.variant).to(device, memory_format=torch.channels_last)
        self.ema = runtime.EMA([self.model], 0.998)
        trained = self.model.decoder if args.decoder_only else self.model
        self.optimizer = MuonAdamW([trained], args.rate, weight_decay=1e-4)
        self.step, self.previous_seconds = 0, 0.0
        self.resume(runtime.load_checkpoint(self.path))
        if args.decoder_only:
            freeze_encoder(self.model, self.ema)
        self.clock = runtime.Clock(args)

    def resume(self, state):
        """Load a checkpoint. Optimizer and step of the other phase are not taken over."""
        if state is None:
            return
        self.model.load_state_dict(state["model"])
        self.ema.load_state_dict(state["average"])
        self.previous_seconds = state["seconds"]
        if state["decoder_only"] == self.args.decoder_only and state["optimiser"]:
            self.optimizer.load_state_dict(state["optimiser"])
            self.step = state["step"]

    def seconds(self):
        """Training time, earlier runs included."""
        return self.previous_seconds + self.clock.seconds()

    def save(self):
        """Write the checkpoint."""
        runtime.save_atomic({
            "model": self.model.state_dict(), "average": self.ema.state_dict(),
            "optimiser": self.optimizer.state_dict(), "step": self.step,
            "variant": self.args.variant, "decoder_only": self.args.decoder_only,
            "seconds": self.seconds()}, self.path)

    def update(self, image, rng):
        """One step on images in -1..1."""
        self.optimizer.set_learning_rate(runtime.learning_rate(self.args, self.step, self.clock))
        with runtime.autocast(image.device):
            loss = training_loss(self.model, image, rng, self.args.decoder_only)
        loss.backward()
        self.optimizer.step()
        self.step += 1
        self.ema.update(self.step)
        return loss.detach()


def train(args):
    """The whole stage."""
    device = runtime.prepare(args)
    store = ImageStore(args.data, args.work, device)
    training, held_out = split(len(store.rows))
    test_images = held_out_batch(store, held_out)
    trainer = Trainer(args, device)
    log = runtime.Log(args.work, f"autoencoder-{args.variant}")
    meter = runtime.Meter(log, args.batch)

    def evaluate_and_log():
        report(trainer.model, trainer.ema, test_images, device, log, args,
               {"step": trainer.step, "seconds": trainer.seconds()})
        meter.reset()

    while not trainer.clock.finished(trainer.step) and not trainer.clock.should_stop():
        rng = np.random.default_rng((args.seed, 2, int(args.decoder_only), trainer.step))
        image = training_batch(store, rng.choice(training, args.batch), args.size, rng)
        image = (image * 2 - 1).to(device, memory_format=torch.channels_last)
        loss = trainer.update(image, rng)
        meter.add(loss, step=trainer.step, seconds=trainer.seconds())
        if trainer.step % args.report == 0:
            evaluate_and_log()
        if trainer.clock.should_save():
            trainer.save()
    evaluate_and_log()
    trainer.save()
    return 0 if trainer.clock.finished(trainer.step) else 3


def freeze_encoder(model, ema):
    """Replace the encoder's weights by their EMA and freeze them."""
    count = len(list(model.encoder.parameters()))
    with torch.no_grad():
        torch._foreach_copy_(list(model.encoder.parameters()), ema.shadow[:count])
    model.encoder.requires_grad_(False)


def main():
    """Command line."""
    parser = runtime.parser(__doc__)
    # The decay of the learning rate over the last half is worth 2 dB.
    runtime.add_schedule(parser, steps=8000, rate=1.5e-3, cool=0.5)
    parser.add_argument("--variant", choices=AUTOENCODERS, default=VARIANT)
    parser.add_argument("--decoder-only", action="store_true", help="train the decoder only")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=128, help="side of the training crops")
    parser.add_argument("--report", type=int, default=1000, help="steps between measurements")
    raise SystemExit(train(parser.parse_args()))


if __name__ == "__main__":
    main()
