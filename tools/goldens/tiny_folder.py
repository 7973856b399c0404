"""Writes a whole model folder with a small random model of a family, for check_folder.py.

    python tools/goldens/tiny_folder.py sdxl-turbo /tmp/tiny
    python tools/goldens/check_folder.py /tmp/tiny samples/doodle/020.png
"""

import argparse
import pathlib

import torch
from diffusers import (AutoencoderKL, AutoencoderTiny, EulerAncestralDiscreteScheduler, EulerDiscreteScheduler,
                       LatentConsistencyModelPipeline, LCMScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline,
                       UNet2DConditionModel)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from models_list import SDXL, UNETS, kl

TEXT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "text"
SCHEDULE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)


def tokenizer(**more):
    """The small vocabulary of the tests."""
    return CLIPTokenizer(vocab=str(TEXT / "vocab.json"), merges=str(TEXT / "merges.txt"),
                         model_max_length=77, **more)


def text_config(tokens, **more):
    """A small text encoder for that vocabulary."""
    return CLIPTextConfig(vocab_size=len(tokens), max_position_embeddings=77, bos_token_id=tokens.bos_token_id,
                          eos_token_id=tokens.eos_token_id, **more)


def sdxl(unet, autoencoder):
    """A pipeline of SDXL-Turbo's shape."""
    first, second = tokenizer(), tokenizer(pad_token="!")
    text = text_config(first, hidden_size=16, intermediate_size=64, num_hidden_layers=3, num_attention_heads=2)
    text_2 = text_config(second, hidden_size=32, intermediate_size=96, num_hidden_layers=4, num_attention_heads=4,
                         hidden_act="gelu", projection_dim=32)
    return StableDiffusionXLPipeline(
        autoencoder, CLIPTextModel(text), CLIPTextModelWithProjection(text_2), first, second,
        UNet2DConditionModel(**unet), EulerAncestralDiscreteScheduler(timestep_spacing="trailing", **SCHEDULE),
        force_zeros_for_empty_prompt=True)


def stable_diffusion(unet, scheduler, hidden_act):
    """A pipeline of Stable Diffusion's shape: SD-Turbo, SDXS."""
    tokens = tokenizer()
    text = text_config(tokens, hidden_size=unet["cross_attention_dim"], intermediate_size=64, num_hidden_layers=3,
                       num_attention_heads=2, hidden_act=hidden_act)
    return StableDiffusionPipeline(
        AutoencoderTiny(), CLIPTextModel(text), tokens, UNet2DConditionModel(**unet), scheduler, None, None,
        requires_safety_checker=False)


def lcm(unet):
    """A pipeline of LCM_Dreamshaper_v7's shape."""
    tokens = tokenizer()
    text = text_config(tokens, hidden_size=24, intermediate_size=64, num_hidden_layers=3, num_attention_heads=2)
    return LatentConsistencyModelPipeline(
        AutoencoderTiny(), CLIPTextModel(text), tokens, UNet2DConditionModel(**unet), LCMScheduler(**SCHEDULE),
        None, None, requires_safety_checker=False)


def pipelines():
    """Family -> what makes its pipeline."""
    turbo = dict(SDXL, transformer_layers_per_block=(1, 2, 3), attention_head_dim=(2, 4, 4))
    euler = EulerDiscreteScheduler(timestep_spacing="trailing", **SCHEDULE)
    return {
        "sd-turbo": lambda: stable_diffusion(UNETS["sd2_odd"][0], euler, "gelu"),
        "sdxs": lambda: stable_diffusion(UNETS["sdxs"][0], euler, "gelu"),
        "sdxl-turbo": lambda: sdxl(turbo, AutoencoderTiny()),
        "sdxl-kl": lambda: sdxl(turbo, AutoencoderKL(**kl((16, 32, 32, 32), layers_per_block=2, norm_num_groups=8,
                                                          scaling_factor=0.13025, force_upcast=True))),
        "ssd-1b": lambda: sdxl(UNETS["ssd_1b"][0], AutoencoderTiny()),
        "lcm": lambda: lcm(UNETS["lcm_dreamshaper"][0]),
    }


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", choices=pipelines())
    parser.add_argument("folder")
    args = parser.parse_args()
    torch.manual_seed(0)
    pipelines()[args.family]().save_pretrained(args.folder)


if __name__ == "__main__":
    main()
