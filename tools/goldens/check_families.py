"""Runs small random models of every family through the program and through diffusers, with every scheduler,
with and without a LoRA, and compares the latents. What check_folder.py does for one model, for all.

    cmake --build build/release --target streamdiffusion
    python tools/goldens/check_families.py
    python tools/goldens/check_families.py sdxl-turbo --schedulers euler tcd
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import types
import warnings

import diffusers
import numpy as np
import torch
from PIL import Image
from peft.utils import get_peft_model_state_dict

import check_folder
import lora
import stream_schedulers
import tiny_folder

FAMILIES = ["sd-turbo", "sdxl-turbo", "lcm", "sdxs", "ssd-1b"]
IMAGE = pathlib.Path(__file__).resolve().parents[2] / "samples" / "doodle" / "020.png"
SIDE, STEPS, INDICES, LORA_SCALE = 64, 4, (2, 3), lora.SCALE
LIMIT = 1e-4  # largest relative error of the latents in f32
LORA_MODULES = ["to_q", "to_k", "to_v", "to_out.0", "proj_in", "conv1"]


def spacing_of(scheduler):
    return "lcm" if scheduler in ("lcm", "tcd") else "trailing"


def write_lora(pipe, folder):
    """Adds a LoRA to the pipeline's UNet, and writes it as diffusers does. Returns the file."""
    lora.add_lora(pipe.unet, LORA_MODULES)
    diffusers.StableDiffusionPipeline.save_lora_weights(
        folder, unet_lora_layers=get_peft_model_state_dict(pipe.unet),
        unet_lora_adapter_metadata=pipe.unet.peft_config["default"].to_dict())
    return f"{folder}/pytorch_lora_weights.safetensors"


def run_program(args, scheduler, lora_file):
    """Latents by `streamdiffusion image` in f32."""
    more = ["--lora", f"{lora_file}:{LORA_SCALE}"] if lora_file else []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [check_folder.PROGRAM, "image", "--model", args.model, "--prompt", args.prompt, "--input", args.image,
             "--output", f"{folder}/out.png", "--width", str(SIDE), "--height", str(SIDE), "--dump-tensors", folder,
             "--dtype", "f32", "--scheduler", scheduler, "--timestep-spacing", spacing_of(scheduler),
             "--num-inference-steps", str(STEPS), "--t-index-list", ",".join(map(str, INDICES)), "--cfg-type", "none",
             "--guidance-scale", str(check_folder.SCALE), "--seed", str(check_folder.SEED), "--recipe", "none", "--quiet", *more],
            check=True, stderr=subprocess.DEVNULL)
        return np.load(f"{folder}/latents.npy")[0]


@torch.inference_mode()
def run_diffusers(pipe, args, scheduler_name):
    """Latents by diffusers' models and its scheduler's own steps."""
    condition = check_folder.conditions_of(pipe, args)[0]
    config = {**pipe.scheduler.config, "timestep_spacing": spacing_of(scheduler_name), "clip_sample": False}
    if spacing_of(scheduler_name) == "lcm":
        config.pop("timestep_spacing")
    scheduler = stream_schedulers.CLASSES[scheduler_name].from_config(config)
    scheduler.set_timesteps(STEPS)
    times = scheduler.timesteps[INDICES[0]:]
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(INDICES[0])
    pixels = torch.from_numpy(np.array(Image.open(args.image).convert("RGB")))
    z = pipe.vae.encode(pixels.permute(2, 0, 1)[None].float() / 127.5 - 1).latents * pipe.vae.config.scaling_factor
    noise = torch.randn((len(times), *z.shape[1:]), generator=torch.Generator().manual_seed(check_folder.SEED))
    stream_schedulers.SHAPE = tuple(z.shape)
    stream_schedulers.use_fresh_noise(scheduler, noise[1:])
    euler = scheduler_name.startswith("euler")
    bar = pipe_alphas(pipe)[int(times[0])]
    start = z + (1 - bar).sqrt() / bar.sqrt() * noise[0:1]
    x = start if euler else bar.sqrt() * start
    for i, t in enumerate(times):
        scaled = scheduler.scale_model_input(x, t) if euler else x
        out = scheduler.step(pipe.unet(scaled, t, **condition).sample, t, x)
        x = out.denoised if scheduler_name == "lcm" and i + 1 == len(times) else out.prev_sample
    return x[0].numpy()


def pipe_alphas(pipe):
    """alpha_bar by timestep, of the model's own noise schedule."""
    return diffusers.DDIMScheduler.from_config(pipe.scheduler.config).alphas_cumprod


def check(family, schedulers, folder):
    """Prints a line for each case; the number of those beyond the limit."""
    model = f"{folder}/{family}"
    torch.manual_seed(0)
    tiny_folder.pipelines()[family]().save_pretrained(model)
    args = types.SimpleNamespace(model=model, prompt="red apple, 3d render", negative_prompt=None,
                                 image=f"{folder}/image.png")
    Image.open(IMAGE).convert("RGB").resize((SIDE, SIDE)).save(args.image)
    failed = 0
    for with_lora in (False, True):
        pipe = diffusers.DiffusionPipeline.from_pretrained(model)
        file = write_lora(pipe, f"{folder}/{family}-lora") if with_lora else None
        for scheduler in schedulers:
            expected = run_diffusers(pipe, args, scheduler)
            found = run_program(args, scheduler, file)
            error = float(np.abs(found - expected).max() / np.abs(expected).max())
            failed += error > LIMIT
            print(json.dumps({"family": family, "lora": with_lora, "scheduler": scheduler, "error": error}), flush=True)
    return failed


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", default=FAMILIES, help=", ".join(tiny_folder.pipelines()))
    parser.add_argument("--schedulers", nargs="+", default=list(stream_schedulers.CLASSES),
                        choices=stream_schedulers.CLASSES)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    diffusers.logging.set_verbosity_error()
    diffusers.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        failed = sum(check(family, args.schedulers, folder) for family in args.families)
    raise SystemExit(f"{failed} cases are beyond {LIMIT}" if failed else 0)


if __name__ == "__main__":
    main()
