"""Writes files of full size with random values, for measurements: a LoRA, or a model's folder in f16.

    python tools/compare/random_files.py lora sd15 out/style.safetensors --rank 16
    python tools/compare/random_files.py folder sd-turbo out/sd-turbo
"""

import argparse
import pathlib

import torch
from diffusers import AutoencoderTiny, EulerDiscreteScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from models import REPOSITORY, TOKENS, UNETS

TEXT = REPOSITORY / "tests" / "data" / "text"
TEXT_ENCODERS = {  # of OpenCLIP ViT-H without its last layer, and CLIP ViT-L
    "sd-turbo": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 23, "num_attention_heads": 16,
                 "hidden_act": "gelu"},
    "sd15": {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12},
}


def lora(name, path, rank):
    """Factors for every linear layer of the UNet's transformers, with PEFT's keys."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(**UNETS[name])
    factors = {}
    for module_name, module in unet.named_modules():
        if "transformer_blocks" not in module_name or not isinstance(module, torch.nn.Linear):
            continue
        for part, shape in (("A", (rank, module.in_features)), ("B", (module.out_features, rank))):
            factors[f"unet.{module_name}.lora_{part}.weight"] = (torch.randn(shape) * 0.02).half()
    save_file(factors, path)


def folder(name, path):
    """A whole pipeline with the tiny autoencoder and the small vocabulary of the tests."""
    tokenizer = CLIPTokenizer(vocab=str(TEXT / "vocab.json"), merges=str(TEXT / "merges.txt"), model_max_length=TOKENS)
    text = CLIPTextConfig(max_position_embeddings=TOKENS, bos_token_id=tokenizer.bos_token_id,
                          eos_token_id=tokenizer.eos_token_id, **TEXT_ENCODERS[name])
    scheduler = EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
                                       steps_offset=1, timestep_spacing="trailing")
    torch.set_default_dtype(torch.float16)
    StableDiffusionPipeline(AutoencoderTiny(), CLIPTextModel(text), tokenizer, UNet2DConditionModel(**UNETS[name]),
                            scheduler, None, None, requires_safety_checker=False).save_pretrained(path)


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("lora", "folder"))
    parser.add_argument("model", choices=TEXT_ENCODERS)
    parser.add_argument("path", type=pathlib.Path)
    parser.add_argument("--rank", type=int, default=16)
    args = parser.parse_args()
    torch.manual_seed(0)
    args.path.parent.mkdir(parents=True, exist_ok=True)
    if args.kind == "lora":
        lora(args.model, args.path, args.rank)
    else:
        folder(args.model, args.path)


if __name__ == "__main__":
    main()
