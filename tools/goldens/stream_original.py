"""Writes tests/data/stream/original.json: what the original Python package computes for six frames
with stream batch and guidance. A toy function stands in for the UNet, and there is no autoencoder.

    pip install --no-deps streamdiffusion==0.1.1
    python tools/goldens/stream_original.py

Two defects of the package reach its results; there a corrected subclass stands in, and the case says so:
D2 (one step never starts the stock noise) and D3 (the stock noise is renewed though do_add_noise is off) of
docs/algorithm.md, section 12."""

import json
import pathlib
import types
import warnings

import numpy as np
import torch
from diffusers import LCMScheduler
from streamdiffusion import StreamDiffusion

FILE = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "stream" / "original.json"
SIDE, CHANNELS, FRAMES, KEPT = 4, 4, 6, (0, 5)
PROMPT, NEGATIVE = 0.3, -0.2  # the number that the toy UNet reads from an embedding
LISTS = ([32], [32, 45], [22, 32, 45], [0, 16, 32, 45])
GUIDANCE, DELTA, SEED = 1.4, 0.7, 2


def toy_unet(x, t, encoder_hidden_states, return_dict):
    """The function of tests/stream/toy_unet.cpp."""
    prompt = encoder_hidden_states[:, 0, 0].view(-1, 1, 1, 1)
    return (0.8 * torch.tanh(x) + prompt * torch.cos(x + 0.001 * t.float().view(-1, 1, 1, 1)),)


def toy_pipe():
    """The parts of a pipeline that the package uses. The autoencoder returns its input."""
    vae = types.SimpleNamespace(dtype=torch.float32, config=types.SimpleNamespace(scaling_factor=1.0),
                                encode=lambda x: types.SimpleNamespace(latents=x))
    scheduler = LCMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", original_inference_steps=50)
    embeddings = [torch.full((1, 1, 1), PROMPT), torch.full((1, 1, 1), NEGATIVE)]
    return types.SimpleNamespace(device=torch.device("cpu"), vae_scale_factor=1, scheduler=scheduler, unet=toy_unet, vae=vae,
                                 text_encoder=None, encode_prompt=lambda **_: embeddings)


class Corrected(StreamDiffusion):
    """The package without D2 and D3."""

    def unet_step(self, x_t_latent, t_list, idx=None):
        if self.denoising_steps_num == 1:
            self.stock_noise = self.init_noise.clone()
        result = super().unet_step(x_t_latent, t_list, idx)
        if not self.do_add_noise and self.cfg_type in ("self", "initialize"):
            self.stock_noise = self.stock_noise - self.init_noise.roll(-1, 0)
        return result


def frame(number):
    """The clean latents of tests/stream/toy_unet.cpp, [1, C, H, W]."""
    indices = np.arange(SIDE * SIDE * CHANNELS, dtype=np.float32)
    z = np.sin(np.float32(0.37) * indices + np.float32(number)).reshape(1, SIDE, SIDE, CHANNELS)
    return torch.from_numpy(z).permute(0, 3, 1, 2).contiguous()


def outputs(t_index_list, cfg_type, add_noise, kind):
    """{frame: [h, w, c] as a list}. Output k belongs to frame k - (n - 1)."""
    stream = kind(toy_pipe(), t_index_list, torch.float32, SIDE, SIDE, do_add_noise=add_noise, cfg_type=cfg_type)
    stream.prepare("", guidance_scale=GUIDANCE, delta=DELTA, seed=SEED)
    latents_of = {}
    with torch.no_grad():
        for call in range(FRAMES + len(t_index_list) - 1):
            latents = stream.predict_x0_batch(stream.encode_image(frame(min(call, FRAMES - 1))))
            number = call - (len(t_index_list) - 1)
            if number in KEPT:
                values = latents[0].permute(1, 2, 0).flatten().tolist()
                latents_of[number] = [float(f"{v:.8g}") for v in values]
    return latents_of


def main():
    warnings.simplefilter("ignore")
    cases = []
    for t_index_list in LISTS:
        for cfg_type in ("none", "full", "self", "initialize"):
            for add_noise in (True, False):
                residual = cfg_type in ("self", "initialize")
                defect = residual and (len(t_index_list) == 1 or not add_noise)
                kind = Corrected if defect else StreamDiffusion
                latents_of = outputs(t_index_list, cfg_type, add_noise, kind)
                cases.append({"t_index_list": t_index_list, "cfg_type": cfg_type, "do_add_noise": add_noise,
                              "source": "corrected" if defect else "streamdiffusion 0.1.1",
                              "frames": list(latents_of), "latents": list(latents_of.values())})
    rows = ",\n  ".join(json.dumps(case, separators=(",", ":")) for case in cases)
    head = json.dumps({"guidance_scale": GUIDANCE, "delta": DELTA, "seed": SEED})[1:-1]
    FILE.write_text(f'{{{head}, "cases": [\n  {rows}\n]}}\n')


if __name__ == "__main__":
    main()
