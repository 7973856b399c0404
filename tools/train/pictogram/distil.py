"""Stage 6: few steps. The teacher (the base model) draws whole guided trajectories, from noise and
from half-noised pictures and doodles; the student learns to jump from every point of a trajectory
to its end. Guidance is thereby folded in: the student runs once a step, without an empty prompt."""

import shutil

import numpy as np
import torch

from . import runtime
from .autoencoder import load_trained
from .base import Batches, learning_rate
from .diffusion import guided
from .latents import LatentCache, encoder_mark
from .model import Generator, load_generator
from .optimiser import Both
from .pictures import read_rows
from .preview import fast_sheet


def pseudo_huber(difference, width=0.1):
    """Squared near zero, absolute beyond: keeps edges that a squared error would blur."""
    return ((difference.square() + width ** 2).sqrt() - width).mean()


def starting_points(batch, schedule, rng, device, from_noise):
    """(x, first timestep, prompts): one timestep for the whole batch, so that it can be batched."""
    _, source, prompts, _, noise = batch
    source, noise = source.to(device), noise.to(device)
    if rng.random() < from_noise:
        return noise, 999, prompts
    first = int(rng.integers(15, 48)) * 20 + 19
    t = torch.full((len(prompts),), first, device=device)
    return schedule.noised(source, noise, t), first, prompts


@torch.no_grad()
def trajectory(teacher, x, first, context, empty, args):
    """[(t, x_t), ...] and the end, by guided DDIM with about `teacher_steps` steps from 999."""
    count = max(3, round(args.teacher_steps * first / 999))
    times = torch.linspace(first, 19, count).round().long().tolist()
    points, schedule = [], teacher.schedule
    for number, time in enumerate(times):
        t = torch.full((len(x),), time, device=x.device)
        points.append((t, x))
        v = guided(teacher.denoise_fast, x, t, context, empty, args.guidance)
        x0, eps = schedule.x0_of(x, v, t), schedule.noise_of(x, v, t)
        if number + 1 < len(times):
            x = schedule.noised(x0, eps, torch.full_like(t, times[number + 1]))
    return points, x0


def chosen_points(points, rng, limit):
    """The first point always (what a one-step user sees), others at random."""
    rest = [points[i] for i in rng.permutation(len(points) - 1) + 1]
    return [points[0], *rest[:limit - 1]]


def student_step(student, optimiser, point, end, prompts):
    """One update towards the end of the trajectory."""
    t, x = point
    with runtime.autocast(student.device):
        v = student.denoise_fast(x.contiguous(memory_format=torch.channels_last), t,
                                 student.context(prompts))
    loss = pseudo_huber(student.schedule.x0_of(x, v, t) - end)
    loss.backward()
    optimiser.step()
    return loss.item()


def begin(args, device):
    """Teacher, student, optimiser, averages and the counters of the checkpoint."""
    teacher, facts = load_generator(args.work, device, ("base",))
    student = Generator(args.work, device)
    student.load_state_dict(teacher.state_dict())
    average = runtime.Average(student.modules, args.decay)
    optimiser = Both(student.modules, args.rate, args.optimiser)
    state = runtime.load_checkpoint(args.work / "checkpoints" / "distil.pt")
    counters = {"step": 0, "images": 0, "seconds": 0.0}
    if state is not None and state["teacher_step"] == facts["step"]:
        student.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        counters = {key: state[key] for key in counters}
    return teacher, student, average, optimiser, counters, facts["step"]


def train(args):
    """The whole stage; a newer base checkpoint starts it afresh."""
    device = runtime.prepare(args)
    autoencoder = load_trained(args.work)
    mark = encoder_mark(autoencoder)
    autoencoder = autoencoder.to(device)
    teacher, student, average, optimiser, counters, teacher_step = begin(args, device)
    if student.encoder_mark != mark:
        raise SystemExit("the base model belongs to another encoder")
    student.fast_unet = runtime.compiled(student.unet, args)
    cache = LatentCache(args.work, args.size, mark, read_rows(args.data))
    args.drop = 0.0
    batches = Batches(args, cache.rows, cache, student.scaling)
    clock = runtime.Clock(args.minutes, args.save_every)
    meter = runtime.Meter(runtime.Log(args.work, "distil"), args.batch)
    spent, step, images = counters["seconds"], counters["step"], counters["images"]

    def save():
        runtime.save_atomic({
            "stage": "distil", "model": student.state_dict(), "average": average.state_dict(),
            "optimiser": optimiser.state_dict(), "step": step, "images": images,
            "teacher_step": teacher_step, "seconds": spent + clock.seconds()},
            args.work / "checkpoints" / "distil.pt")
        with average.applied():
            sheet = args.work / "sheets" / f"distil-{step:07d}.png"
            fast_sheet(student, autoencoder, sheet, args.size)
        shutil.copyfile(sheet, args.work / "sheets" / "distil.png")
        meter.reset()

    with torch.no_grad():
        empty = teacher.context([""])
    while step < args.steps and not clock.must_stop():
        rng = np.random.default_rng((args.seed, 51, step))
        x, first, prompts = starting_points(batches.draw(step, 5), teacher.schedule, rng, device,
                                            args.from_noise)
        with runtime.autocast(device), torch.no_grad():
            context = teacher.context(prompts)
            points, end = trajectory(teacher, x, first, context, empty, args)
        optimiser.set_rate(learning_rate(step, args))
        for point in chosen_points(points, rng, args.points):
            loss = student_step(student, optimiser, point, end, prompts)
            step, images = step + 1, images + args.batch
            average.update(step)
            meter.add(loss, step=step, images=images, seconds=spent + clock.seconds())
        if clock.must_save():
            save()
    save()
    return 0 if step >= args.steps else 3


def main():
    """Command line."""
    parser = runtime.parser(__doc__)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=12000, help="updates of the student")
    parser.add_argument("--cool", type=int, default=3000, help="last updates, with falling rate")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--optimiser", choices=("muon", "adamw"), default="muon")
    parser.add_argument("--decay", type=float, default=0.998)
    parser.add_argument("--guidance", type=float, default=2.5, help="folded into the student")
    parser.add_argument("--teacher-steps", type=int, default=10, help="of a trajectory from noise")
    parser.add_argument("--points", type=int, default=5, help="of a trajectory that are learnt")
    parser.add_argument("--from-noise", type=float, default=0.4, help="share of trajectories")
    parser.add_argument("--doodles", type=float, default=0.75, help="share of the loose samples")
    parser.add_argument("--save-every", type=float, default=600)
    raise SystemExit(train(parser.parse_args()))


if __name__ == "__main__":
    main()
