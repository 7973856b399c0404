"""Turns an exported folder back into checkpoints, so that training can continue from the shipped
weights. Weights only: optimizers and step counters start over."""

import json
import shutil
from pathlib import Path

from safetensors.torch import load_file

from . import runtime
from .architecture import VARIANT, build_autoencoder
from .latents import hash_encoder
from .model import Generator

WEIGHTS = "diffusion_pytorch_model.safetensors"


def autoencoder_checkpoint(folder):
    """The checkpoint from which the autoencoder stage resumes."""
    model = build_autoencoder()
    model.load_state_dict(load_file(folder / "vae" / WEIGHTS))
    return model, {"model": model.state_dict(), "optimiser": None, "step": 0, "seconds": 0.0,
                   "average": runtime.EMA([model]).state_dict(), "variant": VARIANT,
                   "decoder_only": False}


def base_checkpoint(folder, work, encoder_hash):
    """The checkpoint from which the base stage resumes."""
    generator = Generator(work, "cpu")
    generator.text_encoder.load_state_dict(load_file(folder / "text_encoder" / "model.safetensors"))
    generator.unet.load_state_dict(load_file(folder / "unet" / WEIGHTS))
    config = json.loads((folder / "vae" / "config.json").read_text())
    generator.scaling_factor = config["scaling_factor"]
    generator.encoder_hash = encoder_hash
    return {"stage": "base", "model": generator.state_dict(), "optimiser": None, "step": 0,
            "average": runtime.EMA(generator.modules).state_dict(), "images": 0, "seconds": 0.0}


def main():
    """Command line."""
    parser = runtime.parser(__doc__)
    parser.add_argument("--model", type=Path, default=runtime.REPOSITORY / "models" / "pictogram")
    args = parser.parse_args()
    checkpoints = args.work / "checkpoints"
    present = [p.name for p in checkpoints.glob("*.pt")]
    if present:
        raise SystemExit(f"{checkpoints} already holds {', '.join(sorted(present))}: "
                         "nothing is overwritten")
    shutil.copytree(args.model / "tokenizer", args.work / "tokenizer", dirs_exist_ok=True)
    model, state = autoencoder_checkpoint(args.model)
    runtime.save_atomic(state, checkpoints / "autoencoder.pt")
    runtime.save_atomic(base_checkpoint(args.model, args.work, hash_encoder(model)),
                        checkpoints / "base.pt")
    print(f"{checkpoints}: autoencoder and base model of {args.model}")


if __name__ == "__main__":
    main()
