"""Writes tests/data/golden/controlnet/*.json: what diffusers computes for a tiny UNet with ControlNets.

Weights, inputs and results are as in models.py. Each row has control pictures of its own, and of each
net a scale of its own. Rows that are named in "without" get no residual of nets in guess mode, as
diffusers' pipelines have it for the negative prompt.

    python tools/goldens/controlnet.py
"""

import numpy as np
import torch
from diffusers import ControlNetModel, UNet2DConditionModel

import hash_weights
from models import FOLDER, config_of, integer_input, nchw, nhwc, normal_input, summarize, to_json, with_hash_weights
from models_list import CROSS_DOWN, CROSS_UP, DOWN, UP, SDXL, call

PICTURE_SCALE = 8  # a picture's side over that of the latents
SHARED = ("block_out_channels", "down_block_types", "attention_head_dim", "cross_attention_dim", "norm_num_groups",
          "use_linear_projection", "layers_per_block", "transformer_layers_per_block", "addition_embed_type",
          "addition_time_embed_dim", "projection_class_embeddings_input_dim", "flip_sin_to_cos", "freq_shift")

SD = dict(block_out_channels=(32, 64, 64), down_block_types=(CROSS_DOWN, CROSS_DOWN, DOWN),
          up_block_types=(UP, CROSS_UP, CROSS_UP), attention_head_dim=(2, 4, 4), cross_attention_dim=40,
          norm_num_groups=16, use_linear_projection=True)
KOALA = dict(SDXL, transformer_layers_per_block=(1, 1, 2), layers_per_block=1, mid_block_type=None)
SMALL = (4, 8, 12, 16)

# By name: the UNet's config, what the config of each ControlNet adds to the keys that it shares with the
# UNet's, and the call.
CASES = {
    # Two nets, one of them in guess mode, with other widths and blue first. Rows with several prompts,
    # timesteps, scales; a scale of 0; an odd size.
    "sd": (SD, [dict(conditioning_embedding_out_channels=SMALL),
                dict(controlnet_conditioning_channel_order="bgr", conditioning_embedding_out_channels=(8, 4, 16, 12),
                     transformer_layers_per_block=2)],
           call(6, 5, (999, 459, 19), (1, 0, 0), 9, scales=[[0.5, 1.0, 0.0], [2.0, 0.75, 1.5]],
                guess=[False, True], without=[True, False, False])),
    # SDXL: pooled text embedding and image size join the time embedding of the net as well.
    "sdxl": (dict(SDXL, transformer_layers_per_block=(1, 2, 3), attention_head_dim=(2, 4, 4)),
             [dict(conditioning_embedding_out_channels=SMALL)],
             call(4, 6, (999, 459), (0, 1), scales=[[1.0, 0.6]], guess=[False],
                  size=[[512, 512, 0, 0, 512, 512], [1024, 768, 16, 8, 512, 640]])),
    # A UNet without a middle block; a net without attention, and its middle block's residual all the same.
    "small": (KOALA, [dict(conditioning_embedding_out_channels=SMALL, down_block_types=(DOWN,) * 3,
                           mid_block_type="UNetMidBlock2D", transformer_layers_per_block=1)],
              call(4, 4, (679,), scales=[[0.8]], guess=[False], size=[[512, 512, 0, 0, 512, 512]])),
}


def controlnet(index, unet_config, more):
    """The net of that number, with hash weights of the names that they have in the UNet's graph."""
    config = {key: value for key, value in unet_config.items() if key in SHARED} | more
    net = ControlNetModel(**config)
    state = {name: torch.from_numpy(hash_weights.tensor(f"controlnets.{index}.{name}", tuple(value.shape)))
             for name, value in net.state_dict().items()}
    net.load_state_dict(state)
    return net.eval().requires_grad_(False)


def scaled(net, index, inputs, shape):
    """The residuals of a net, row by row."""
    rows = []
    for row in range(shape["rows"]):
        one = {key: value[row:row + 1] for key, value in inputs.items()}
        more = {"added_cond_kwargs": {"text_embeds": one["text_embeds"], "time_ids": one["time_ids"]}} \
            if "time_ids" in one else {}
        down, middle = net(one["latents"], one["timesteps"], one["context"], one[f"picture.{index}"],
                           conditioning_scale=shape["scales"][index][row], guess_mode=shape["guess"][index],
                           return_dict=False, **more)
        off = shape["guess"][index] and shape.get("without", [False] * shape["rows"])[row]
        rows.append([r * 0 if off else r for r in (*down, middle)])
    return [torch.cat(same) for same in zip(*rows)]


def run(unet_config, nets, shape):
    model = with_hash_weights(UNet2DConditionModel(**unet_config))
    context = torch.from_numpy(normal_input("context", (shape["prompts"], shape["tokens"],
                                                        unet_config["cross_attention_dim"])))
    inputs = {"latents": nchw(normal_input("latents", (shape["rows"], shape["h"], shape["w"], 4))),
              "timesteps": torch.tensor(shape["timesteps"]), "context": context[shape["kv_rows"]]}
    more = {}
    if "size" in shape:
        pooled = unet_config["projection_class_embeddings_input_dim"] - 6 * unet_config["addition_time_embed_dim"]
        inputs["text_embeds"] = torch.from_numpy(normal_input("pooled", (shape["rows"], pooled)))
        inputs["time_ids"] = torch.tensor(shape["size"], dtype=torch.float32)
        more["added_cond_kwargs"] = {"text_embeds": inputs["text_embeds"], "time_ids": inputs["time_ids"]}
    outputs, total = {}, None
    models = [controlnet(index, unet_config, net) for index, net in enumerate(nets)]
    for index, net in enumerate(models):
        pixels = integer_input(f"pixels.{index}", (shape["rows"], PICTURE_SCALE * shape["h"],
                                                   PICTURE_SCALE * shape["w"], 3), 256)
        inputs[f"picture.{index}"] = nchw((pixels / np.float32(255)).astype(np.float32))
        ordered = inputs[f"picture.{index}"]
        if net.config.controlnet_conditioning_channel_order == "bgr":
            ordered = ordered.flip(1)
        outputs[f"control.{index}"] = summarize(nhwc(net.controlnet_cond_embedding(ordered)))
        residuals = scaled(net, index, inputs, shape)
        total = residuals if total is None else [a + b for a, b in zip(total, residuals)]
    result = model(inputs["latents"], inputs["timesteps"], inputs["context"],
                   down_block_additional_residuals=total[:-1], mid_block_additional_residual=total[-1], **more)
    outputs["prediction"] = summarize(nhwc(result.sample))
    return {"unet": config_of(model), "controlnets": [config_of(net) for net in models], "call": shape,
            "outputs": outputs}


def main():
    folder = FOLDER / "controlnet"
    folder.mkdir(parents=True, exist_ok=True)
    for name, case in CASES.items():
        golden = run(*case)
        (folder / f"{name}.json").write_text(to_json(golden))
        print(name, {key: (value["shape"], value["rms"]) for key, value in golden["outputs"].items()})


if __name__ == "__main__":
    with torch.inference_mode():
        main()
