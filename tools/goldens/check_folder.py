"""Generates an image with the program and with diffusers from the same model folder, and compares
the latents and images. This covers tokenizer, text encoder, noise, autoencoder, UNet, guidance and
denoising steps at once.

    python tools/goldens/check_folder.py models/pictogram samples/doodle/020.png \\
        --prompt "red apple, 3d render"
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import diffusers
import numpy as np
import torch
from diffusers import LCMScheduler
from PIL import Image

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "build" / "release" / "streamdiffusion"
LIMITS = {"f32": 1e-4, "bf16": 0.02}  # largest relative error of the latents
SEED = 2
SCALE = 1.5  # of the guidance


def negative_flags(args):
    """None, where no negative prompt is given."""
    return [] if args.negative_prompt is None else ["--negative-prompt", args.negative_prompt]


def size_flags(image):
    """Flags for images of the input's size."""
    width, height = Image.open(image).size
    return ["--width", str(width), "--height", str(height)]


def run_program(args, dtype, cfg):
    """(latents, image) by `streamdiffusion image`."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([PROGRAM, "image", "--model", args.model, "--prompt", args.prompt,
                        *negative_flags(args), "--input", args.image,
                        "--output", f"{folder}/out.png", *size_flags(args.image), "--dump-tensors", folder, "--dtype", dtype,
                        "--t-index-list", args.t_index_list, "--cfg-type", cfg,
                        "--guidance-scale", str(SCALE), "--seed", str(SEED), "--recipe", "none", "--quiet"], check=True)
        return np.load(f"{folder}/latents.npy")[0], np.load(f"{folder}/images.npy")[0]


def conditions_of(pipe, args):
    """The UNet's arguments beside latents and timestep, for the prompt and for the negative one."""
    more = {}
    dim = pipe.unet.config.time_cond_proj_dim
    if dim is not None:
        embed = diffusers.LatentConsistencyModelPipeline.get_guidance_scale_embedding
        more["timestep_cond"] = embed(None, torch.tensor([SCALE - 1]), dim)
    if pipe.unet.config.addition_embed_type != "text_time":
        embeddings = pipe.encode_prompt(args.prompt, "cpu", 1, True, args.negative_prompt)
        return [{"encoder_hidden_states": e, **more} for e in embeddings]
    prompt, negative, pooled, negative_pooled = pipe.encode_prompt(
        args.prompt, device="cpu", do_classifier_free_guidance=True,
        negative_prompt=args.negative_prompt)
    width, height = Image.open(args.image).size
    size = torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32)
    return [{"encoder_hidden_states": e, "added_cond_kwargs": {"text_embeds": p, "time_ids": size}, **more}
            for e, p in ((prompt, pooled), (negative, negative_pooled))]


@torch.inference_mode()
def run_diffusers(args, cfg):
    """(latents, image) by diffusers' models and the LCM steps written out."""
    pipe = diffusers.DiffusionPipeline.from_pretrained(args.model)
    conditions = conditions_of(pipe, args)
    scheduler = LCMScheduler.from_config(pipe.scheduler.config, original_inference_steps=50)
    scheduler.set_timesteps(50)
    times = [scheduler.timesteps[int(i)] for i in args.t_index_list.split(",")]
    pixels = torch.from_numpy(np.array(Image.open(args.image).convert("RGB")))
    image = pixels.permute(2, 0, 1)[None].float() / 127.5 - 1
    encoded = pipe.vae.encode(image)
    x0 = encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()
    x0 = x0 * pipe.vae.config.scaling_factor
    noise = torch.randn((len(times), *x0.shape[1:]), generator=torch.Generator().manual_seed(SEED))
    for number, t in enumerate(times):
        a, b = scheduler.alphas_cumprod[t].sqrt(), (1 - scheduler.alphas_cumprod[t]).sqrt()
        x = a * x0 + b * noise[number:number + 1]
        predictions = [pipe.unet(x, t, **condition).sample for condition in conditions]
        if pipe.scheduler.config.prediction_type == "v_prediction":
            predictions = [a * v + b * x for v in predictions]
        eps = predictions[0]
        if cfg != "none":
            eps = predictions[1] + SCALE * (predictions[0] - predictions[1])
        c_skip, c_out = scheduler.get_scalings_for_boundary_condition_discrete(t)
        x0 = c_out * (x - b * eps) / a + c_skip * x
    return x0[0].numpy(), pipe.vae.decode(x0 / pipe.vae.config.scaling_factor).sample[0].numpy()


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("image", help="image file; its sides are multiples of the autoencoder's factor")
    parser.add_argument("--prompt", default="red apple, 3d render")
    parser.add_argument("--negative-prompt", default="blue")
    parser.add_argument("--no-negative-prompt", dest="negative_prompt", action="store_const", const=None)
    parser.add_argument("--cfg-type", nargs="+", default=["none", "full"], choices=["none", "full"])
    parser.add_argument("--t-index-list", default="18,32")
    args = parser.parse_args()
    failed = False
    for cfg in args.cfg_type:
        expected = run_diffusers(args, cfg)
        for dtype, limit in LIMITS.items():
            found = run_program(args, dtype, cfg)
            errors = {name: float(np.abs(f - e).max() / np.abs(e).max())
                      for name, f, e in zip(("latents", "images"), found, expected)}
            failed |= errors["latents"] > limit
            print(json.dumps({"cfg": cfg, "dtype": dtype, **errors}), flush=True)
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
