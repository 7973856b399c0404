"""Stage 5: the base model. v prediction on cached latents, with the text encoder trained along.
Some prompts are empty, for classifier-free guidance. Some samples start from a doodle and must end
at the clean image."""

import itertools
import shutil
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from . import augmentation, runtime
from .adversary import MIXED_STYLE, Adversary
from .autoencoder import load_trained
from .captions import STYLES, compose_prompt
from .images import read_rows
from .latents import LatentCache, cache_folder, hash_encoder
from .model import Generator
from .optimizer import MuonAdamW
from .preview import write_preview
from .tokenizer import tokenize


@dataclass
class BatchSpec:
    """What a step draws at random. It holds no images, so worker processes prepare it ahead of
    time."""
    # Entries of the latent cache [B].
    indices: torch.Tensor
    # Token ids of the prompts [B, TOKENS].
    tokens: torch.Tensor
    # False where the prompt is empty [B].
    has_prompt: torch.Tensor
    # Whether x_t is made from the doodle's latents [B].
    from_doodle: torch.Tensor
    timesteps: torch.Tensor
    # Indices into STYLES, or MIXED_STYLE [B].
    styles: torch.Tensor


class BatchSpecDataset(Dataset):
    """The batch spec of every step, derived from the step's number. Holds nothing on the device."""

    def __init__(self, args, rows, samples, tokenizer, stage=4):
        self.args, self.rows, self.samples = args, rows, samples
        self.tokenizer, self.stage = tokenizer, stage

    def __getitem__(self, step):
        args = self.args
        rng = np.random.default_rng((args.seed, self.stage, step))
        indices = rng.integers(0, len(self.samples), args.batch)
        samples = [self.samples[i] for i in indices]
        random_pose = np.array([sample[3] for sample in samples])
        from_doodle = random_pose & (rng.random(args.batch) < args.doodles)
        prompts = self.prompts(samples, rng)
        return BatchSpec(torch.from_numpy(indices), tokenize(self.tokenizer, prompts),
                         torch.tensor([bool(text) for text in prompts]),
                         torch.from_numpy(from_doodle),
                         torch.from_numpy(self.timesteps(random_pose, from_doodle, rng)),
                         self.styles(samples))

    def styles(self, samples):
        """The style label of each sample, or MIXED_STYLE."""
        styles = [{self.rows[n]["style"] for n in numbers} for numbers, _, _, _ in samples]
        return torch.tensor([STYLES.index(*s) if len(s) == 1 else MIXED_STYLE for s in styles])

    def prompts(self, samples, rng):
        """A newly composed prompt for each sample, some of them empty."""
        texts = [compose_prompt([self.rows[n] for n in numbers], colors, background, rng,
                                random_pose)
                 for numbers, colors, background, random_pose in samples]
        return ["" if rng.random() < self.args.drop else text for text in texts]

    def timesteps(self, random_pose, from_doodle, rng):
        """Timesteps [B]. Most samples without a random pose get t = 999, where one-step generation
        starts. Samples with a random pose get timesteps at which the noised input still shows the
        pose."""
        count = len(random_pose)
        t = (1000 * rng.random(count) ** self.args.timestep_power).astype(np.int64)
        t[rng.random(count) < self.args.start_at_noise] = 999
        t[random_pose] = rng.integers(0, 800, int(random_pose.sum()))
        t[from_doodle] = rng.integers(300, 960, int(from_doodle.sum()))
        return t

    def iterate_from(self, step):
        """Iterator over all specs from `step` on; worker processes make them while the device
        works."""
        return iter(DataLoader(self, batch_size=None, sampler=itertools.count(step),
                               num_workers=self.args.workers))


@dataclass
class Batch:
    """A batch on the device. The masks and timesteps are needed on the host too and stay there."""
    # Target x0 [B, C, h, w].
    clean: torch.Tensor
    # Latents that x_t is made from [B, C, h, w].
    source: torch.Tensor
    noise: torch.Tensor
    # [B, TOKENS].
    tokens: torch.Tensor
    styles: torch.Tensor
    # On the host.
    has_prompt: torch.Tensor
    # On the host.
    timesteps: torch.Tensor

    def __iter__(self):
        return iter((self.clean, self.source, self.noise, self.tokens, self.styles, self.has_prompt,
                     self.timesteps))


class BatchBuilder:
    """Builds batches from specs. Part of a batch are samples carried over from the step before: the
    model's own x0 prediction, noised again to an earlier timestep. That is what happens in sampling
    with two or four steps. The predictions cost nothing extra, and the model learns to correct
    them."""

    MIN_CARRIED_TIMESTEP = 250  # samples at or below this timestep are not carried over

    def __init__(self, args, cache, scaling_factor):
        self.args, self.cache, self.scaling_factor = args, cache, scaling_factor
        self.device = cache.clean.device
        self.torch_rng = torch.Generator(self.device)
        self.carried = None

    def to_device(self, tensor):
        """Copy a host tensor to the device without waiting."""
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True)

    def noise(self, step, kind, count):
        """Standard normal [count, C, h, w], determined by the step's number and `kind`."""
        seed = np.random.SeedSequence((self.args.seed, 42 + kind, step)).generate_state(1)[0]
        self.torch_rng.manual_seed(int(seed))
        return torch.randn((count, *self.cache.clean.shape[1:]), generator=self.torch_rng,
                           device=self.device)

    def new_samples(self, spec, step, count):
        """The first `count` samples of a spec.

        At t = 999 the source is zero. Generation starts from pure noise, but the schedule would
        still let the mean color through there (alpha_bar = 0.005), and the model would not learn it
        from the words. The pose, which no word describes, is given there by the mean of the noise
        in the first channels, so that another seed is another pose.
        """
        indices = self.to_device(spec.indices[:count])
        from_doodle = self.to_device(spec.from_doodle[:count])
        pure_noise = self.to_device(spec.timesteps[:count]) == 999
        clean = self.cache.clean[indices].float() * self.scaling_factor
        source = torch.where(from_doodle[:, None, None, None],
                             self.cache.doodles[indices].float() * self.scaling_factor, clean)
        source = source.masked_fill(pure_noise[:, None, None, None], 0)
        noise = self.noise(step, 0, len(indices))
        pose_channels = noise[:, :augmentation.POSE_CODES]
        height, width = pose_channels.shape[2:]
        # The mean of h * w standard normal numbers has the deviation 1 / sqrt(h * w).
        target_means = self.cache.pose_codes[indices] / (height * width) ** 0.5
        correction = (target_means - pose_channels.mean((2, 3))) * pure_noise[:, None]
        pose_channels += correction[:, :, None, None]
        return Batch(clean, source, noise, self.to_device(spec.tokens[:count]),
                     self.to_device(spec.styles[:count]), spec.has_prompt[:count],
                     spec.timesteps[:count])

    def build(self, spec, step):
        """A full batch: the carried samples, then new ones."""
        if self.carried is None:
            return self.new_samples(spec, step, self.args.batch)
        clean, predicted, tokens, styles, has_prompt, timesteps = self.carried
        noise = self.noise(step, 1, len(clean))
        old = Batch(clean, predicted, noise, tokens, styles, has_prompt, timesteps)
        new = self.new_samples(spec, step, self.args.batch - len(clean))
        return Batch(*(torch.cat(pair) for pair in zip(old, new)))

    def carry_over(self, batch, predicted, step):
        """Keep some samples for the next step; `predicted` is the model's x0 of each."""
        rng = np.random.default_rng((self.args.seed, 44, step))
        carried_mask = (batch.timesteps > self.MIN_CARRIED_TIMESTEP) & batch.has_prompt
        carried_mask &= torch.from_numpy(rng.random(len(carried_mask)) < self.args.refined)
        factors = torch.from_numpy(rng.uniform(0.45, 0.85, int(carried_mask.sum())))
        next_timesteps = batch.timesteps[carried_mask] * factors
        indices = self.to_device(carried_mask.nonzero()[:, 0])
        self.carried = (batch.clean[indices], predicted[indices], batch.tokens[indices],
                        batch.styles[indices], batch.has_prompt[carried_mask],
                        next_timesteps.long())


def min_snr_weight(schedule, t):
    """min(6 / (SNR + 1), 1): one while noise dominates, then falling about as 6 / SNR, after the
    min-SNR weighting of Hang et al. 2023."""
    signal = (schedule.alpha[t] / schedule.sigma[t]).square()
    return (6 / (signal + 1)).clamp(max=1)


def backward(generator, batch, adversary=None, adversary_share=0.0):
    """Compute the gradients of the weighted squared error of v and of the adversarial loss. The
    latter's gradient is scaled to `adversary_share` times the norm of the former. Returns (error,
    predicted x0, metrics of the adversary). Nothing here waits for the device."""
    schedule, t = generator.schedule, batch.timesteps.to(generator.device, non_blocking=True)
    x = schedule.add_noise(batch.source, batch.noise, t)
    x = x.contiguous(memory_format=torch.channels_last)
    target = schedule.velocity(x, batch.clean, t)
    with runtime.autocast(generator.device):
        context = generator.text_encoder(batch.tokens).last_hidden_state
        v = generator.compiled_unet(x, t, context).sample.float()
    error = (v - target).square().flatten(1).mean(1)
    loss = (error * min_snr_weight(schedule, t)).mean()
    predicted = schedule.predict_x0(x, v, t)
    if adversary is None:
        loss.backward()
        return loss.detach(), predicted.detach(), {}
    prompt_features = context.detach().float().mean(1)
    mse_grad, = torch.autograd.grad(loss, v, retain_graph=True)
    adversary_loss, style_loss = adversary.generator_loss(
        batch.clean, predicted, prompt_features, batch.styles)
    adversary_grad, = torch.autograd.grad(adversary_loss.mean(), v, retain_graph=True)
    scale = adversary_share * mse_grad.norm() / (adversary_grad.norm() + 1e-12)
    v.backward(mse_grad + adversary_grad * scale)
    critic_accuracy = adversary.update(batch.clean, predicted, prompt_features, batch.styles)
    metrics = {"critic_accuracy": critic_accuracy, "style_loss": style_loss.mean()}
    return loss.detach(), predicted.detach(), metrics


def load_components(args, device):
    """Generator, latent cache and autoencoder that belong together."""
    autoencoder = load_trained(args.work)
    encoder_hash = hash_encoder(autoencoder)
    cache = LatentCache(cache_folder(args.work, args.size, encoder_hash), read_rows(args.data),
                        device, args.concepts)
    generator = Generator(args.work, device, args.seed)
    generator.encoder_hash = encoder_hash
    generator.scaling_factor = round(1 / cache.clean[:4096].float().std().item(), 4)
    return generator, cache, autoencoder.to(device)


def resume(generator, ema, optimizer, adversary, path, args):
    """(step, images, seconds) of the checkpoint, or zeros."""
    state = runtime.load_checkpoint(path)
    if state is None:
        return 0, 0, 0.0
    encoder_hash, scaling_factor = generator.encoder_hash, generator.scaling_factor
    if state["model"]["encoder_mark"] != encoder_hash and not args.adopt_encoder:
        raise SystemExit(f"{path} was trained on another encoder "
                         f"({state['model']['encoder_mark']}, not {encoder_hash}); "
                         "--adopt-encoder continues on the new one's latents")
    generator.load_state_dict(state["model"])
    if generator.encoder_hash != encoder_hash:
        generator.encoder_hash, generator.scaling_factor = encoder_hash, scaling_factor
    ema.load_state_dict(state["average"])
    if state["optimiser"]:
        optimizer.load_state_dict(state["optimiser"])
    if adversary and "reader" in (state.get("adversary") or {}):
        adversary.load_state_dict(state["adversary"])
    return state["step"], state["images"], state["seconds"]


def load_initial_weights(generator, ema, args):
    """Weights of a new run: EMA weights of another run, and the text stage's encoder."""
    if args.init:
        state = runtime.load_checkpoint(args.work / "checkpoints" / f"{args.init}.pt")
        generator.unet.load_state_dict(state["model"]["unet"])
        ema.load_state_dict(state["average"])
        with torch.no_grad():
            torch._foreach_copy_(ema.parameters(), ema.shadow)
    if args.text:
        state = runtime.load_checkpoint(args.work / "checkpoints" / f"{args.text}.pt")
        generator.text_encoder.load_state_dict(state["text"])
    ema.restart()


def train(args):
    """The whole stage."""
    device = runtime.prepare(args)
    generator, cache, autoencoder = load_components(args, device)
    ema = runtime.EMA(generator.modules, args.decay)
    optimizer = MuonAdamW(generator.modules, args.rate, args.optimizer)
    path = args.work / "checkpoints" / f"{args.name}.pt"
    load_initial_weights(generator, ema, args)
    adversary = Adversary(args.critic_rate, device, args.style) if args.adversary else None
    step, images, previous_seconds = resume(generator, ema, optimizer, adversary, path, args)
    generator.compiled_unet = runtime.maybe_compile(generator.unet, args)
    builder = BatchBuilder(args, cache, generator.scaling_factor)
    specs = BatchSpecDataset(args, cache.rows, cache.samples, generator.tokenizer)
    specs = specs.iterate_from(step)
    clock = runtime.Clock(args)
    meter = runtime.Meter(runtime.Log(args.work, args.name), args.batch)
    threads = runtime.AdaptiveThreads(args)

    def save():
        runtime.save_atomic({
            "stage": "base", "model": generator.state_dict(), "average": ema.state_dict(),
            "optimiser": optimizer.state_dict(),
            "adversary": adversary.state_dict() if adversary else None, "step": step,
            "images": images, "seconds": previous_seconds + clock.seconds()}, path)
        sheet_path = args.work / "sheets" / f"{args.name}-{step:07d}.png"
        with ema.applied():
            write_preview(generator, autoencoder, sheet_path, args.size)
        shutil.copyfile(sheet_path, args.work / "sheets" / f"{args.name}.png")
        meter.reset()

    while not clock.finished(step) and not clock.should_stop():
        threads.adapt()
        rate = runtime.learning_rate(args, step, clock)
        optimizer.set_learning_rate(rate)
        if adversary:
            adversary.set_learning_rate(args.critic_rate * rate / args.rate)
        batch = builder.build(next(specs), step)
        loss, predicted, adversary_metrics = backward(generator, batch, adversary, args.adversary)
        builder.carry_over(batch, predicted, step)
        optimizer.step()
        step, images = step + 1, images + args.batch
        ema.update(step)
        meter.add(loss, step=step, images=images, seconds=previous_seconds + clock.seconds(),
                  **adversary_metrics)
        if clock.should_save():
            save()
    save()
    return 0 if clock.finished(step) else 3


def main():
    """Command line."""
    parser = runtime.parser(__doc__)
    runtime.add_schedule(parser, steps=60000, rate=6e-4, cool=0.65)
    parser.add_argument("--workers", type=int, default=0,
                        help="worker processes for batch specs (0: none; about 12 for a GPU)")
    parser.add_argument("--name", default="base",
                        help="name of the checkpoint; use another for trials")
    parser.add_argument("--size", type=int, default=256, help="side of the images")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--optimizer", choices=("muon", "adamw"), default="muon")
    parser.add_argument("--decay", type=float, default=0.999, help="decay of the EMA weights")
    parser.add_argument("--init", help="checkpoint whose weights a new run starts from")
    parser.add_argument("--text", help="checkpoint of the text stage that a new run starts from")
    parser.add_argument("--concepts", type=int, default=0,
                        help="train on this many concepts only, for a quick check (0: all)")
    parser.add_argument("--timestep-power", type=float, default=0.5,
                        help="t = 1000 u^power for uniform u; 1 is uniform")
    parser.add_argument("--start-at-noise", type=float, default=0.85,
                        help="share of the samples without a random pose at t = 999")
    parser.add_argument("--drop", type=float, default=0.05, help="share of empty prompts")
    parser.add_argument("--doodles", type=float, default=0.75,
                        help="share of the samples with a random pose that start from a doodle")
    parser.add_argument("--refined", type=float, default=0.5,
                        help="share of a step's samples that are carried over to the next")
    parser.add_argument("--adversary", type=float, default=0.0,
                        help="norm of the adversary's gradient, as a share of the squared error's")
    parser.add_argument("--style", type=float, default=0.3,
                        help="weight of the style loss beside the critic's")
    parser.add_argument("--critic-rate", type=float, default=4e-4,
                        help="learning rate of the adversary")
    parser.add_argument("--adopt-encoder", action="store_true",
                        help="continue on the latents of an encoder that was trained further")
    raise SystemExit(train(parser.parse_args()))


if __name__ == "__main__":
    main()
