"""Writes tests/data/stream/schedulers.json: what diffusers' schedulers make of a small latent.

    python tools/goldens/stream_schedulers.py

A cheap function stands for the UNet (tests/stream/toy_unet.cpp). The fresh noise of step i is row i
of the stream's noise table, instead of a new draw.
"""

import importlib
import itertools
import json
import pathlib
import warnings

import torch
from diffusers import DDIMScheduler, EulerAncestralDiscreteScheduler, EulerDiscreteScheduler, LCMScheduler, TCDScheduler

FILE = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "stream" / "schedulers.json"
BETAS = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
CLASSES = {"lcm": LCMScheduler, "euler": EulerDiscreteScheduler, "euler_ancestral": EulerAncestralDiscreteScheduler,
           "ddim": DDIMScheduler, "tcd": TCDScheduler}
SHAPE = (1, 4, 4, 4)
SEED, SCALE = 2, 1.4


def spaced(scheduler, steps, **more):
    """A case with the scheduler's usual grid."""
    spacing = "lcm" if scheduler in ("lcm", "tcd") else "trailing"
    return {"scheduler": scheduler, "timestep_spacing": spacing, "steps": steps, **more}


def cases():
    """Keys of StepOptions and of scheduler_config.json."""
    for scheduler in CLASSES:
        for count in (1, 2, 4, 8):
            yield spaced(scheduler, count)
    # DDIMScheduler takes the step before as 1000 / 5 earlier, which linspace's are not.
    for scheduler, spacing in (("euler", "leading"), ("euler", "linspace"), ("euler_ancestral", "leading"),
                               ("euler_ancestral", "linspace"), ("ddim", "leading")):
        yield {"scheduler": scheduler, "timestep_spacing": spacing, "steps": 5, "steps_offset": 1}
    for scheduler in CLASSES:
        yield spaced(scheduler, 4, prediction_type="v_prediction")
        yield spaced(scheduler, 4, cfg_type="full")
    for scheduler in ("lcm", "ddim", "tcd"):
        yield spaced(scheduler, 4, prediction_type="sample")
    for eta in (0.3, 1.0):
        yield spaced("ddim", 4, eta=eta)
    for eta in (0.0, 0.7, 1.0):
        yield spaced("tcd", 4, eta=eta)
    yield spaced("ddim", 4, set_alpha_to_one=False)
    yield {"scheduler": "lcm", "timesteps": [999, 749, 499, 249]}
    yield {"scheduler": "lcm", "timesteps": [800]}
    yield {"scheduler": "tcd", "timesteps": [999, 679, 399, 79]}
    for scheduler in ("lcm", "ddim"):
        for kind in ("v_prediction", "sample"):
            yield spaced(scheduler, 4, prediction_type=kind, rescale_betas_zero_snr=True)


def toy_unet(x, timestep, prompt):
    return 0.8 * torch.tanh(x) + prompt * torch.cos(x + 0.001 * timestep)


def make_scheduler(case):
    keys = ("prediction_type", "steps_offset", "set_alpha_to_one", "rescale_betas_zero_snr")
    config = {**BETAS, "clip_sample": False, **{key: case[key] for key in keys if key in case}}
    if case["scheduler"] not in ("lcm", "tcd"):
        config["timestep_spacing"] = case["timestep_spacing"]
    return CLASSES[case["scheduler"]].from_config(config)  # leaves out the keys that it does not have


def use_fresh_noise(scheduler, rows):
    """Makes the scheduler draw the given rows one after another; behind them what it multiplies by 0."""
    module = importlib.import_module(type(scheduler).__module__)
    left = itertools.chain(rows, itertools.repeat(torch.zeros(SHAPE)))
    module.randn_tensor = lambda shape, **_: next(left).reshape(shape).clone()


def prediction(case, x, timestep):
    positive = toy_unet(x, timestep, 0.3)
    if case.get("cfg_type") != "full":
        return positive
    negative = toy_unet(x, timestep, -0.2)
    return negative + SCALE * (positive - negative)


def run(case, z, noise):
    """The timesteps, and the latents that come out."""
    scheduler = make_scheduler(case)
    if "timesteps" in case:
        scheduler.set_timesteps(timesteps=case["timesteps"])
    else:
        scheduler.set_timesteps(case["steps"])
    timesteps = scheduler.timesteps.tolist()
    euler = case["scheduler"].startswith("euler")
    count = len(timesteps)
    table = noise[:count]
    use_fresh_noise(scheduler, table[1:])
    if euler:
        x = z + scheduler.sigmas[0] * table[0:1]
    else:
        bar = scheduler.alphas_cumprod[int(timesteps[0])]
        x = bar.sqrt() * z + (1 - bar).sqrt() * table[0:1]
    for i, t in enumerate(scheduler.timesteps):
        scaled = scheduler.scale_model_input(x, t) if euler else x
        extra = {"eta": case["eta"]} if "eta" in case else {}
        out = scheduler.step(prediction(case, scaled, float(t)), t, x, **extra)
        x = out.denoised if case["scheduler"] == "lcm" and i == count - 1 else out.prev_sample
    return timesteps, x


def channels_last(x):
    return [float(f"{v:.9g}") for v in x.permute(0, 2, 3, 1).flatten().tolist()]


def main():
    warnings.simplefilter("ignore")
    # Frame 0 of the toy stream, channels last there.
    z = torch.sin(0.37 * torch.arange(64, dtype=torch.float32)).reshape(1, 4, 4, 4).permute(0, 3, 1, 2)
    rows = []
    for case in cases():
        steps = len(case.get("timesteps", [])) or case["steps"]
        noise = torch.randn((steps, *SHAPE[1:]), generator=torch.Generator().manual_seed(SEED))
        timesteps, latents = run(case, z, noise)
        rows.append({**case, "expected_timesteps": timesteps, "latents": channels_last(latents)})
    text = ",\n  ".join(json.dumps(row, separators=(",", ":")) for row in rows)
    FILE.write_text(f'{{"seed": {SEED}, "guidance_scale": {SCALE}, "cases": [\n  {text}\n]}}\n')
    print(f"{FILE}: {len(rows)} cases")


if __name__ == "__main__":
    main()
