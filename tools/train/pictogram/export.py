"""Stage 7: export. Writes the folder that ships: bf16 weights in diffusers' layout, the engine's
defaults, the known concepts. Checks the size and the GFLOP of a frame, loads the folder in
diffusers and generates images with it."""

import json
import shutil
from collections import Counter
from pathlib import Path

import diffusers
import torch
from safetensors.torch import save_file
from torch.utils.flop_counter import FlopCounterMode

from . import captions, runtime
from .architecture import TOKENS, build_autoencoder, build_scheduler
from .autoencoder import load_trained
from .backgrounds import NAMES
from .contact_sheet import save_sheet
from .diffusion import GUIDANCE
from .images import read_rows
from .latents import hash_encoder
from .model import Generator, load_generator
from .preview import DOODLES, sample_drawing

MAX_BYTES = 28 * 2 ** 20
MAX_GFLOP = 20.0
PROMPT = "red apple, 3d render"

# streamdiffusion.json: what the engine uses where the user gives no value.
ENGINE_DEFAULTS = {
    "width": 256, "height": 256, "num_inference_steps": 50, "t_index_list": [31],
    "cfg_type": "full", "guidance_scale": 1.6, "delta": 1.0, "prompt": PROMPT,
    "negative_prompt": "",
    "text_to_image": {"t_index_list": [0, 20], "cfg_type": "full", "guidance_scale": GUIDANCE}}

PAGE_HINTS = runtime.REPOSITORY / "models" / "pictogram" / "page.json"


def write_weights(module, path):
    """All tensors in bf16, contiguous."""
    tensors = {name: tensor.detach().to(torch.bfloat16).contiguous().clone()
               for name, tensor in module.state_dict().items()
               if not name.endswith("position_ids")}
    save_file(tensors, path, metadata={"format": "pt"})
    path.chmod(0o644)


def write_module(module, folder, file_name):
    """config.json as the library writes it, weights as we write them."""
    folder.mkdir(parents=True, exist_ok=True)
    if hasattr(module, "save_config"):
        module.save_config(folder)
    else:
        module.config.save_pretrained(folder)
        config = json.loads((folder / "config.json").read_text())
        config.pop("torch_dtype", None)
        # transformers loads the weights as this type; the other components load as float32.
        runtime.write_json({**config, "architectures": ["CLIPTextModel"], "dtype": "float32"},
                           folder / "config.json")
    write_weights(module, folder / file_name)


def concept_list(rows):
    """Captions of single objects that exist in at least two styles, most frequent first."""
    styles, count = {}, Counter()
    for row in rows:
        if row["source"] != "dicebear":
            styles.setdefault(row["caption"], set()).add(row["style"])
            count[row["caption"]] += 1
    names = sorted(count, key=lambda c: (-count[c], c))
    return {"concepts": [c for c in names if len(styles[c]) >= 2 and len(c) <= 40],
            "styles": list(captions.STYLES), "colors": list(NAMES)}


def write_folder(target, generator, autoencoder, work, data):
    """The whole folder."""
    target.mkdir(parents=True, exist_ok=True)
    autoencoder.register_to_config(scaling_factor=generator.scaling_factor)
    write_module(autoencoder, target / "vae", "diffusion_pytorch_model.safetensors")
    write_module(generator.unet, target / "unet", "diffusion_pytorch_model.safetensors")
    write_module(generator.text_encoder, target / "text_encoder", "model.safetensors")
    shutil.copytree(work / "tokenizer", target / "tokenizer", dirs_exist_ok=True)
    build_scheduler().save_config(target / "scheduler")
    runtime.write_json({
        "_class_name": "StableDiffusionPipeline", "_diffusers_version": diffusers.__version__,
        "feature_extractor": [None, None], "image_encoder": [None, None],
        "requires_safety_checker": False, "safety_checker": [None, None],
        "scheduler": ["diffusers", "LCMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderTiny"]}, target / "model_index.json")
    runtime.write_json(ENGINE_DEFAULTS, target / "streamdiffusion.json")
    page = target / "page.json"  # what the page offers for this model, written by hand
    if page.resolve() != PAGE_HINTS.resolve():
        shutil.copy(PAGE_HINTS, page)
    concepts = json.dumps(concept_list(read_rows(data)), ensure_ascii=False,
                          separators=(",", ":"))
    (target / "concepts.json").write_text(concepts + "\n")


def folder_bytes(target):
    """Bytes of all files."""
    return sum(p.stat().st_size for p in Path(target).rglob("*") if p.is_file())


@torch.no_grad()
def frame_gflop(generator, autoencoder, size=256):
    """GFLOP of encoder, UNet (one call) and decoder. A multiply-add counts as two operations."""
    side, result = size // 16, {}
    image = torch.zeros(1, 3, size, size, device=generator.device)
    latents = torch.zeros(1, generator.unet.config.in_channels, side, side,
                          device=generator.device)
    context = torch.zeros(1, TOKENS, generator.unet.config.cross_attention_dim,
                          device=generator.device)
    t = torch.zeros(1, dtype=torch.long, device=generator.device)
    calls = {"encode": lambda: autoencoder.encoder(image),
             "unet": lambda: generator.unet(latents, t, context),
             "decode": lambda: autoencoder.decoder(latents)}
    for name, call in calls.items():
        with FlopCounterMode(display=False) as counter:
            call()
        result[name] = counter.get_total_flops() / 1e9
    return result


@torch.no_grad()
def generate_with_diffusers(target, path, seed=2):
    """Load the folder as any user would, and generate images in text-to-image and img2img mode."""
    pipe = diffusers.DiffusionPipeline.from_pretrained(target)
    types = {str(m.dtype) for m in (pipe.unet, pipe.vae, pipe.text_encoder)}
    if len(types) != 1:
        raise RuntimeError(f"components load as different types: {types}")
    pipe.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(seed)
    prompts = [PROMPT, "house, flat cartoon", "blue car, 3d render", "dog face, shaded cartoon"]
    text_to_image = pipe(prompts, num_inference_steps=4, guidance_scale=1.0, generator=generator,
                         output_type="pt").images
    img2img = diffusers.StableDiffusionImg2ImgPipeline(**pipe.components,
                                                       requires_safety_checker=False)
    img2img.set_progress_bar_config(disable=True)
    image = torch.stack([sample_drawing(i) for i in range(4)])
    finished = img2img([p for p, _ in DOODLES[:4]], image=image, strength=0.5,
                       num_inference_steps=4, guidance_scale=1.0, generator=generator,
                       output_type="pt").images
    if not torch.isfinite(text_to_image).all() or not torch.isfinite(finished).all():
        raise RuntimeError("diffusers generated values that are not finite")
    save_sheet(torch.cat([text_to_image, image, finished]), path, columns=4)
    return types.pop()


def main():
    """Command line."""
    parser = runtime.parser(__doc__)
    parser.add_argument("--output", type=Path, help="folder (default: WORK/export)")
    parser.add_argument("--random", action="store_true",
                        help="write untrained weights, to test loaders")
    args = parser.parse_args()
    device = runtime.prepare(args)
    target = args.output or args.work / "export"
    if args.random:
        generator, checkpoint_info = Generator(args.work, device).freeze(), {"stage": "random"}
        autoencoder = build_autoencoder()
    else:
        autoencoder = load_trained(args.work)
        generator, checkpoint_info = load_generator(args.work, device)
        if generator.encoder_hash != hash_encoder(autoencoder):
            raise SystemExit("the denoiser was trained on latents of another encoder")
    autoencoder = autoencoder.to(device).eval()
    staging = target.with_name(target.name + ".new")
    shutil.rmtree(staging, ignore_errors=True)
    write_folder(staging, generator, autoencoder, args.work, args.data)
    size, gflop = folder_bytes(staging), frame_gflop(generator, autoencoder)
    if size > MAX_BYTES or sum(gflop.values()) > MAX_GFLOP:
        raise SystemExit(f"over budget: {size} of {MAX_BYTES} bytes, {gflop} of {MAX_GFLOP} GFLOP")
    dtype = generate_with_diffusers(staging, args.work / "sheets" / "export.png")
    target.mkdir(parents=True, exist_ok=True)
    shutil.copytree(staging, target, dirs_exist_ok=True)
    shutil.rmtree(staging)
    modules = {"vae": autoencoder, "unet": generator.unet, "text_encoder": generator.text_encoder}
    counts = {name: sum(p.numel() for p in module.parameters()) for name, module in modules.items()}
    report = {"bytes": size, "gflop": gflop, "gflop_frame": sum(gflop.values()),
              "parameters": counts, "loads_as": dtype, **checkpoint_info}
    runtime.write_json(report, args.work / "export.json")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
