"""Writes tests/data/golden/ip_adapter/*.json: what transformers and diffusers compute for tiny image
encoders, for the projections of IP-Adapters, and for UNets with IP-Adapters.

Weights, inputs and results are as in models.py, with the names that the tensors have in an adapter's
file. diffusers' own loader brings them into its modules. Each row of a UNet has scales of its own,
and each cross-attention another share of them, so that a wrong order changes the result.

    python tools/goldens/ip_adapter.py
"""

import json

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from PIL import Image
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

import hash_weights
from models import FOLDER, config_of, integer_input, nchw, nhwc, normal_input, summarize, to_json, with_hash_weights
from models_list import CROSS_DOWN, CROSS_UP, DOWN, UP, SDXL, call

ENCODERS = {
    "encoder": dict(hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, image_size=28,
                    patch_size=14, projection_dim=32, hidden_act="gelu"),
    "encoder_quick_gelu": dict(hidden_size=48, intermediate_size=80, num_hidden_layers=3, num_attention_heads=3,
                               image_size=24, patch_size=6, projection_dim=20, layer_norm_eps=1e-3),
}

# By name: the shapes of the adapter's tensors, and those of its input and of its tokens.
HEAD = 64


def resampler(features, width, heads, queries, context, layers=4):
    shapes = {"latents": (1, queries, width), "proj_in.weight": (width, features), "proj_in.bias": (width,),
              "proj_out.weight": (context, width), "proj_out.bias": (context,), "norm_out.weight": (context,),
              "norm_out.bias": (context,)}
    for i in range(layers):
        shapes |= {f"layers.{i}.0.{norm}.{part}": (width,) for norm in ("norm1", "norm2") for part in ("weight", "bias")}
        shapes |= {f"layers.{i}.0.to_q.weight": (heads * HEAD, width), f"layers.{i}.0.to_kv.weight": (2 * heads * HEAD, width),
                   f"layers.{i}.0.to_out.weight": (width, heads * HEAD), f"layers.{i}.1.0.weight": (width,),
                   f"layers.{i}.1.0.bias": (width,), f"layers.{i}.1.1.weight": (4 * width, width),
                   f"layers.{i}.1.3.weight": (width, 4 * width)}
    return shapes


PROJECTIONS = {
    "plain": ({"proj.weight": (4 * 24, 32), "proj.bias": (4 * 24,), "norm.weight": (24,), "norm.bias": (24,)}, 1),
    "plus": (resampler(64, 64, 1, 4, 24), 5),
    "plus_two_heads": (resampler(48, 80, 2, 16, 56), 17),
    "full": ({"proj.0.weight": (64, 64), "proj.0.bias": (64,), "proj.2.weight": (24, 64), "proj.2.bias": (24,),
              "proj.3.weight": (24,), "proj.3.bias": (24,)}, 5),
}

SD = dict(block_out_channels=(32, 64, 64), down_block_types=(CROSS_DOWN, CROSS_DOWN, DOWN),
          up_block_types=(UP, CROSS_UP, CROSS_UP), attention_head_dim=(2, 4, 4), cross_attention_dim=40,
          norm_num_groups=16)
# By name: the UNet's config and the call. "image_tokens": of all images of a prompt, an entry an
# adapter. "scales": an entry an adapter, of one a row.
UNETS = {
    # Two images of four tokens; rows under two prompts, one of them without the image.
    "sd": (SD, call(6, 5, (999, 459, 19), (1, 0, 0), 9, image_tokens=[8], scales=[[0.6, 0.6, 0.0]])),
    # Plus: two images of sixteen tokens.
    "sd_plus": (SD, call(4, 5, (999, 259), (1, 0), 7, image_tokens=[32], scales=[[0.8, 0.5]])),
    # Two adapters; transformers of several blocks.
    "sdxl": (dict(SDXL, transformer_layers_per_block=(1, 2, 3), attention_head_dim=(2, 4, 4)),
             call(4, 6, (999, 459), (0, 1), image_tokens=[4, 16], scales=[[0.6, 1.0], [0.3, 0.8]],
                  size=[[512, 512, 0, 0, 512, 512], [1024, 768, 16, 8, 512, 640]])),
    # No middle block.
    "koala": (dict(SDXL, transformer_layers_per_block=(1, 1, 2), layers_per_block=1, mid_block_type=None),
              call(4, 4, (679,), image_tokens=[4], scales=[[1.5]], size=[[512, 512, 0, 0, 512, 512]])),
}


def encoder(config):
    model = with_hash_weights(CLIPVisionModelWithProjection(CLIPVisionConfig(**config)))
    side = config["image_size"]
    pixels = integer_input("pixels", (1, side, side, 3), 256)
    processor = CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    values = processor(Image.fromarray(pixels[0].astype(np.uint8)), return_tensors="pt").pixel_values
    result = model(values, output_hidden_states=True)
    projected = model.visual_projection(model.vision_model.post_layernorm(result.last_hidden_state))
    torch.testing.assert_close(projected[:, 0], result.image_embeds)
    zero = model(torch.zeros_like(values), output_hidden_states=True)
    outputs = {"projected": projected, "penultimate": result.hidden_states[-2], "zero": zero.hidden_states[-2]}
    return {"config": config_of(model),
            "outputs": {name: summarize(value[:, :, None, :].numpy()) for name, value in outputs.items()}}


def projection_module(shapes):
    state = {name: torch.from_numpy(hash_weights.tensor("image_proj." + name, shape)) for name, shape in shapes.items()}
    model = UNet2DConditionModel(**SD)._convert_ip_adapter_image_proj_to_diffusers(state, low_cpu_mem_usage=False)
    return model.eval().requires_grad_(False)


def projection(shapes, tokens):
    model = projection_module(shapes)
    features = next(shapes[name][1] for name in ("proj.weight", "proj_in.weight", "proj.0.weight") if name in shapes)
    image = torch.from_numpy(normal_input("image", (1, tokens, features)))
    found = model(image[:, 0] if "proj.weight" in shapes else image)
    return {"tensors": {"image_proj." + name: shape for name, shape in shapes.items()}, "encoder_tokens": tokens,
            "outputs": {"tokens": summarize(found[:, :, None, :].numpy())}}


def tokens():
    """From an image to tokens, and from none, with the encoder and the adapters of tests/support/tiny_ip_adapter.h."""
    config = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, image_size=12,
                  patch_size=4, projection_dim=20, hidden_act="gelu")
    model = with_hash_weights(CLIPVisionModelWithProjection(CLIPVisionConfig(**config)))
    pixels = integer_input("picture", (12, 12, 3), 256).astype(np.uint8)
    processor = CLIPImageProcessor(size={"shortest_edge": 12}, crop_size={"height": 12, "width": 12})
    values = processor(Image.fromarray(pixels), return_tensors="pt").pixel_values
    seen, zero = (model(x, output_hidden_states=True) for x in (values, torch.zeros_like(values)))
    adapters = {
        "plain": {"proj.weight": (4 * 24, 20), "proj.bias": (4 * 24,), "norm.weight": (24,), "norm.bias": (24,)},
        "plus": resampler(32, 48, 1, 4, 24),
        "full": {"proj.0.weight": (32, 32), "proj.0.bias": (32,), "proj.2.weight": (24, 32), "proj.2.bias": (24,),
                 "proj.3.weight": (24,), "proj.3.bias": (24,)},
    }
    outputs = {}
    for name, shapes in adapters.items():
        project = projection_module(shapes)
        plain = name == "plain"
        for suffix, features in (
                ("", seen.image_embeds if plain else seen.hidden_states[-2]),
                ("_none", torch.zeros_like(seen.image_embeds) if plain else zero.hidden_states[-2])):
            outputs[name + suffix] = summarize(project(features)[:, :, None, :].numpy())
    return {"pixels": pixels.reshape(-1).tolist(), "outputs": outputs}


def attention_width(name, config):
    """Channels of the block that an attention is in."""
    channels = config["block_out_channels"]
    if name.startswith("mid_block"):
        return channels[-1]
    level = int(name.split(".")[1])
    return channels[level] if name.startswith("down") else channels[-1 - level]


class Tokens(torch.nn.Module):
    """In place of the projections: the tokens themselves."""

    def forward(self, tokens):
        return tokens


def load_adapters(model, config, count):
    """Gives the UNet adapters by diffusers' loader."""
    names = [name for name in model.attn_processors if name.endswith("attn2.processor")]
    context = config["cross_attention_dim"]
    states = []
    for adapter in range(count):
        attention = {}
        for index, name in enumerate(names):
            for part in ("to_k_ip", "to_v_ip"):
                key = f"{2 * index + 1}.{part}.weight"
                attention[key] = torch.from_numpy(hash_weights.tensor(
                    f"ip_adapters.{adapter}.ip_adapter.{key}", (attention_width(name, config), context)))
        plain = {"proj.weight": torch.zeros(4 * context, 8), "proj.bias": torch.zeros(4 * context),
                 "norm.weight": torch.ones(context), "norm.bias": torch.zeros(context)}
        states.append({"image_proj": plain, "ip_adapter": attention})
    model._load_ip_adapter_weights(states, low_cpu_mem_usage=False)
    model.encoder_hid_proj = Tokens()
    return names


def unet(config, shape):
    model = with_hash_weights(UNet2DConditionModel(**config))
    written = config_of(model)
    adapters = len(shape["image_tokens"])
    names = load_adapters(model, config, adapters)
    latents = nchw(normal_input("latents", (shape["rows"], shape["h"], shape["w"], 4)))
    dim = config["cross_attention_dim"]
    context = torch.from_numpy(normal_input("context", (shape["prompts"], shape["tokens"], dim)))
    images = [torch.from_numpy(normal_input(f"image_tokens.{i}", (shape["prompts"], 1, count, dim)))
              for i, count in enumerate(shape["image_tokens"])]
    rows = []
    for row, prompt in enumerate(shape["kv_rows"]):
        for index, name in enumerate(names):
            share = 1 + index / 8
            model.attn_processors[name].scale = [scales[row] * share for scales in shape["scales"]]
        more = {"image_embeds": [image[prompt:prompt + 1] for image in images]}
        if "size" in shape:
            pooled = config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]
            all_pooled = torch.from_numpy(normal_input("pooled", (shape["rows"], pooled)))
            more |= {"text_embeds": all_pooled[row:row + 1],
                     "time_ids": torch.tensor(shape["size"][row:row + 1], dtype=torch.float32)}
        rows.append(model(latents[row:row + 1], torch.tensor(shape["timesteps"][row]), context[prompt:prompt + 1],
                          added_cond_kwargs=more).sample)
    return {"unet": written, "call": shape, "attentions": len(names),
            "outputs": {"prediction": summarize(nhwc(torch.cat(rows)))}}


def resized(width, height, side):
    """CLIP's preparation of an image: the shorter side to `side`, then the central square. No sum leaves 0..255,
    so that it does not matter whether Pillow resizes rows or columns first; versions differ in that."""
    pixels = (64 + integer_input("picture", (height, width, 3), 128)).astype(np.uint8)
    processor = CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side},
                                   do_rescale=False, do_normalize=False)
    found = processor(Image.fromarray(pixels), return_tensors="np")["pixel_values"][0]
    return {"width": width, "height": height, "side": side, "pixels": found.transpose(1, 2, 0).reshape(-1).tolist()}


def main():
    folder = FOLDER / "ip_adapter"
    folder.mkdir(parents=True, exist_ok=True)
    goldens = {name: encoder(config) for name, config in ENCODERS.items()}
    goldens |= {f"projection_{name}": projection(*case) for name, case in PROJECTIONS.items()}
    goldens["tokens"] = tokens()
    goldens |= {f"unet_{name}": unet(*case) for name, case in UNETS.items()}
    for name, golden in goldens.items():
        (folder / f"{name}.json").write_text(to_json(golden))
        print(name, {key: (value["shape"], value["rms"]) for key, value in golden["outputs"].items()})
    pictures = [resized(*size) for size in ((5, 7, 12), (61, 40, 14), (14, 14, 14), (9, 31, 6))]
    lines = ",\n".join("  " + json.dumps(picture) for picture in pictures)
    (folder / "pictures.json").write_text('{\n "pictures": [\n' + lines + "\n ]\n}\n")


if __name__ == "__main__":
    with torch.inference_mode():
        main()
