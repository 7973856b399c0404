"""Writes the thumbnails of page.json: what the model makes of each featured concept and of other frequent
ones, as small WebP images inside the file. tools/samples/style_thumbnails.py makes those of the styles."""

import base64
import io
import json
import re
from pathlib import Path

import torch.nn.functional as F
from PIL import Image

from . import runtime
from .autoencoder import load_trained
from .diffusion import GUIDANCE
from .evaluate import generate
from .model import load_generator

SIDE, QUALITY = 72, 60
FREQUENT = 40  # thumbnails of concepts that are not featured
PEOPLE = re.compile(r"\b(man|woman|boy|girl|baby|hands?|finger|index|person|people|fist)\b")


def address(image):
    """A data: address of an image [3, H, W] in 0..1."""
    small = F.interpolate(image[None], size=(SIDE, SIDE), mode="area")[0]
    array = (small.permute(1, 2, 0) * 255).round().byte().numpy()
    data = io.BytesIO()
    Image.fromarray(array).save(data, "WEBP", quality=QUALITY, method=6)
    return "data:image/webp;base64," + base64.b64encode(data.getvalue()).decode()


def main():
    """Command line."""
    parser = runtime.parser(__doc__)
    parser.add_argument("--model", type=Path, default=runtime.REPOSITORY / "models" / "pictogram")
    args = parser.parse_args()
    device = runtime.prepare(args)
    generator, _ = load_generator(args.work, device)
    autoencoder = load_trained(args.work).to(device)
    page = json.loads((args.model / "page.json").read_text())
    known = json.loads((args.model / "concepts.json").read_text())
    frequent = [c for c in known["concepts"] if not PEOPLE.search(c) and c not in page["concepts"]]
    shown = page["concepts"] + frequent[:FREQUENT]
    prompts = {concept: f"{concept}, 3d render" for concept in shown}
    images = generate(generator, autoencoder, list(prompts.values()), ((0, 20), GUIDANCE), args.seed)
    made = {name: address(image) for name, image in zip(prompts, images)}
    styles = {name: page["thumbnails"][name] for name in known["styles"] if name in page["thumbnails"]}
    page["thumbnails"] = made | styles
    runtime.write_json(page, args.model / "page.json")
    print(f"{len(prompts)} thumbnails, {(args.model / 'page.json').stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
