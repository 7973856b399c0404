"""Writes tests/data/weights/ldm_names.json: the names of modules in diffusers and in LDM files.

The LDM names are made here by the numbering of the original code, and checked with diffusers' own
converters: a checkpoint of such names must become exactly the tensors of the model.

    python tools/goldens/ldm_names.py
"""

import json
import pathlib
import re

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint

FILE = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "weights" / "ldm_names.json"
CROSS, PLAIN, UP_CROSS, UP = "CrossAttnDownBlock2D", "DownBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"
SDXL = dict(block_out_channels=(32, 64, 64), down_block_types=(PLAIN, CROSS, CROSS), up_block_types=(UP_CROSS, UP_CROSS, UP),
            attention_head_dim=(2, 4, 4), use_linear_projection=True, addition_embed_type="text_time",
            addition_time_embed_dim=8, projection_class_embeddings_input_dim=80, cross_attention_dim=48)
UNETS = {
    "sd15": dict(block_out_channels=(32, 64, 64, 64), cross_attention_dim=48),
    "sdxl": SDXL | dict(transformer_layers_per_block=(1, 2, 10)),
    "ssd1b": SDXL | dict(transformer_layers_per_block=[[1], [2, 2], [4, 4]], mid_block_type="UNetMidBlock2D",
                         reverse_transformer_layers_per_block=[[4, 4, 10], [2, 1, 1], 1]),
    "koala": SDXL | dict(transformer_layers_per_block=(1, 2, 5), layers_per_block=1, mid_block_type=None),
    "bk_tiny": dict(block_out_channels=(32, 64, 64), layers_per_block=1, mid_block_type=None, cross_attention_dim=48,
                    down_block_types=(CROSS, CROSS, CROSS), up_block_types=(UP_CROSS, UP_CROSS, UP_CROSS)),
}
RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
          "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
ENDS = {"conv_in": "input_blocks.0.0", "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2":
        "time_embed.2", "add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2",
        "conv_norm_out": "out.0", "conv_out": "out.2"}


def unet_name(name, stride, attends):
    """A module's LDM name. `stride` is layers_per_block + 1; `attends` has the up blocks with attention."""
    if name in ENDS:
        return ENDS[name]
    side, *rest = re.match(r"(\w+)_blocks?(?:\.(\d+))?\.(\w+)\.(\d+)(.*)", name).groups()
    block, kind, layer, part = rest
    inner = "." + RESNET[part[1:]] if kind == "resnets" else part
    if side == "mid":
        return f"middle_block.{1 if kind == 'attentions' else 2 * int(layer)}{inner}"
    b, l = int(block), int(layer)
    if kind == "downsamplers":
        return f"input_blocks.{stride * (b + 1)}.0.op"
    if kind == "upsamplers":
        return f"output_blocks.{stride * (b + 1) - 1}.{2 if b in attends else 1}.conv"
    slot = 1 if kind == "attentions" else 0
    index = f"input_blocks.{1 + stride * b + l}" if side == "down" else f"output_blocks.{stride * b + l}"
    return f"{index}.{slot}{inner}"


def vae_name(name, levels):
    for a, b in (("mid_block.attentions.0.", "mid.attn_1."), ("conv_norm_out", "norm_out"), ("conv_shortcut", "nin_shortcut")):
        name = name.replace(a, b)
    if ".mid.attn_1." in name:
        for a, b in (("group_norm", "norm"), ("to_out.0", "proj_out"), ("to_", "")):
            name = name.replace(a, b)
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{levels - 1 - int(m[1])}.block", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    return re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{levels - 1 - int(m[1])}.upsample", name)


def pairs_of(model, rename, convert, prefix):
    """[module, LDM name], checked with the converter."""
    state = model.state_dict()
    split = {name: name.rsplit(".", 1) for name in state}
    stored = {f"{prefix}{rename(module)}.{kind}": state[name] for name, (module, kind) in split.items()}
    assert len(stored) == len(state)
    converted = convert(stored)
    assert converted.keys() == state.keys(), converted.keys() ^ state.keys()
    assert all(converted[name].data_ptr() == state[name].data_ptr() for name in state)
    modules = sorted({module for module, _ in split.values() if not re.search(r"transformer_blocks\.[1-9]", module)})
    return [[module, rename(module)] for module in modules]


def main():
    out = {}
    for name, config in UNETS.items():
        model = UNet2DConditionModel(**config)
        attends = {i for i, kind in enumerate(model.config.up_block_types) if kind == UP_CROSS}
        stride = model.config.layers_per_block + 1
        out[name] = pairs_of(model, lambda m: unet_name(m, stride, attends),
                             lambda s: convert_ldm_unet_checkpoint(s, dict(model.config)), "model.diffusion_model.")
    vae = AutoencoderKL(block_out_channels=(32, 32, 64, 64), layers_per_block=2, down_block_types=("DownEncoderBlock2D",) * 4,
                        up_block_types=("UpDecoderBlock2D",) * 4)
    out["vae"] = pairs_of(vae, lambda m: vae_name(m, 4), lambda s: convert_ldm_vae_checkpoint(s, dict(vae.config)),
                          "first_stage_model.")
    FILE.parent.mkdir(parents=True, exist_ok=True)
    rows = [f' "{k}": [\n' + ",\n".join("  " + json.dumps(p) for p in v) + "\n ]" for k, v in out.items()]
    FILE.write_text("{\n" + ",\n".join(rows) + "\n}\n")
    print({k: len(v) for k, v in out.items()})


if __name__ == "__main__":
    with torch.inference_mode():
        main()
