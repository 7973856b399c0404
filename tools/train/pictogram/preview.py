"""The contact sheets of a run: always the same prompts, drawings and seeds."""

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw

from .contact_sheet import save_sheet
from .diffusion import sample_lcm

PROMPTS = (
    "red apple, 3d render", "dog face, flat cartoon", "house, shaded cartoon",
    "blue car, flat cartoon, on a yellow background", "pizza, 3d render",
    "green tree, shaded cartoon, on a light blue background", "rocket, 3d render",
    "cat, outlined cartoon, on a pink background", "sun, flat cartoon, on a blue background",
    "smiling face with sunglasses, 3d render", "red heart, 3d render, on a black background",
    "purple fish, shaded cartoon", "strawberry, outlined cartoon", "guitar, 3d render",
    "face of a woman with long red hair, anime avatar", "red apple and blue car, flat cartoon",
)
DOODLES = (
    ("red apple, 3d render", "white"), ("green tree, shaded cartoon", "lightblue"),
    ("yellow sun, flat cartoon", "skyblue"), ("blue car, 3d render", "white"),
    ("house, shaded cartoon", "white"), ("fish, 3d render", "white"),
    ("cat face, flat cartoon", "white"), ("mushroom, 3d render", "white"),
)


def sample_drawing(number, size=256):
    """A flat drawing of DOODLES[number], as a person would sketch it: [3, size, size]."""
    image = Image.new("RGB", (256, 256), DOODLES[number][1])
    draw = ImageDraw.Draw(image)
    if number == 0:
        draw.ellipse((50, 66, 206, 226), fill="#d02020")
        draw.line((128, 70, 140, 30), fill="#604020", width=9)
    elif number == 1:
        draw.rectangle((112, 150, 144, 236), fill="#7a4a20")
        draw.ellipse((50, 24, 206, 170), fill="#2a9030")
    elif number == 2:
        draw.ellipse((70, 70, 186, 186), fill="#ffd020")
        for x, y in ((128, 20), (128, 236), (20, 128), (236, 128)):
            draw.line((128, 128, x, y), fill="#ffd020", width=12)
    elif number == 3:
        draw.rectangle((30, 120, 226, 186), fill="#2050d0")
        draw.polygon(((70, 120), (96, 72), (170, 72), (196, 120)), fill="#2050d0")
        for x in (76, 180):
            draw.ellipse((x - 26, 160, x + 26, 212), fill="#202020")
    elif number == 4:
        draw.rectangle((60, 110, 196, 226), fill="#e0c080")
        draw.polygon(((40, 114), (128, 30), (216, 114)), fill="#b03020")
        draw.rectangle((112, 160, 148, 226), fill="#704020")
    elif number == 5:
        draw.ellipse((60, 80, 210, 176), fill="#f08020")
        draw.polygon(((76, 128), (20, 80), (20, 176)), fill="#f08020")
        draw.ellipse((170, 108, 184, 122), fill="black")
    elif number == 6:
        draw.ellipse((50, 66, 206, 216), fill="#f0b040")
        draw.polygon(((60, 110), (56, 30), (120, 76)), fill="#f0b040")
        draw.polygon(((196, 110), (200, 30), (136, 76)), fill="#f0b040")
        for x in (98, 158):
            draw.ellipse((x - 10, 118, x + 10, 142), fill="black")
    else:
        draw.rectangle((104, 120, 152, 220), fill="#f0e0c0")
        draw.pieslice((36, 30, 220, 220), 180, 360, fill="#d02020")
    array = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
    return F.interpolate(array[None], size=(size, size), mode="area")[0]


def fixed_noise(count, channels, side, steps, seed=2):
    """[steps, count, channels, side, side], the same in every run."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(steps, count, channels, side, side, generator=generator)


@torch.no_grad()
def decode(autoencoder, latents, scaling_factor):
    """Images in 0..1 on the CPU."""
    decoded = [autoencoder.decoder(part / scaling_factor).float().cpu()
               for part in latents.split(8)]
    return (torch.cat(decoded) / 2 + 0.5).clamp(0, 1)


@torch.no_grad()
def write_preview(generator, autoencoder, path, size=256,
                  t_index_lists=((0,), (0, 20), (0, 12, 24, 36)), img2img_lists=((20,), (18, 32))):
    """Text-to-image with 1, 2 and 4 steps, then img2img of the drawings, by the engine's sampling
    loop."""
    device, side = generator.device, size // 16
    channels = generator.unet.config.in_channels
    rows = []
    context = generator.encode_prompts(list(PROMPTS))
    noises = fixed_noise(len(PROMPTS), channels, side, 4).to(device)
    for t_index_list in t_index_lists:
        latents = sample_lcm(generator.denoise, generator.schedule, context, noises, t_index_list)
        rows.append(decode(autoencoder, latents, generator.scaling_factor))
    drawings = torch.stack([sample_drawing(i, size) for i in range(len(DOODLES))])
    rows.append(drawings)
    init_latents = autoencoder.encoder(drawings.to(device) * 2 - 1) * generator.scaling_factor
    context = generator.encode_prompts([p for p, _ in DOODLES])
    noises = fixed_noise(len(DOODLES), channels, side, 4, 3).to(device)
    for t_index_list in img2img_lists:
        latents = sample_lcm(generator.denoise, generator.schedule, context, noises, t_index_list,
                             init_latents)
        rows.append(decode(autoencoder, latents, generator.scaling_factor))
    save_sheet(torch.cat(rows), path)
