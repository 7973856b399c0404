"""Writes tests/data/lora/*.json: what diffusers and peft compute with LoRAs.

As in models.py nothing random is stored: the factors come from a hash of "lora.MODULE.down" and
"lora.MODULE.up". models.json holds outputs of tiny models under a LoRA, with the keys and the
metadata that diffusers writes; changes.json the change of one weight by every form of factors, from
einsum in float64 after LyCORIS' definitions.

    python tools/goldens/lora.py
"""

import json
import pathlib
import tempfile

import numpy as np
import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from peft import LoraConfig, inject_adapter_in_model
from peft.utils import get_peft_model_state_dict
from safetensors import safe_open
from transformers import CLIPTextConfig, CLIPTextModel

import hash_weights
from models import config_of, integer_input, nchw, nhwc, normal_input, rounded, summarize, with_hash_weights
from models_list import TEXT_ENCODERS, UNETS

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "lora"
RANK, ALPHA, SCALE = 4, 2, 0.7
UNET_MODULES = ["to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2", "conv1",
                "conv2", "conv_shortcut", "downsamplers.0.conv", "upsamplers.0.conv", "time_emb_proj", "conv_in"]
TEXT_MODULES = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]


def factor(module, part, shape):
    return torch.from_numpy(hash_weights.tensor(f"lora.{module}.{part}", shape))


def add_lora(model, modules):
    """The model with a LoRA of hashed factors, and the names of its modules."""
    inject_adapter_in_model(LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=modules), model)
    names = []
    for name, module in model.named_modules():
        if not hasattr(module, "lora_A"):
            continue
        down, up = module.lora_A["default"].weight, module.lora_B["default"].weight
        short = name.removeprefix("text_model.")
        down.data = factor(short, "down", tuple(down.shape))
        up.data = factor(short, "up", tuple(up.shape))
        module.set_scale("default", SCALE)
        names.append(name)
    return names


def file_of(unet=None, text=None):
    """Keys and metadata of the file that diffusers writes."""
    layers = {k: get_peft_model_state_dict(m) for k, m in (("unet_lora_layers", unet),
                                                          ("text_encoder_lora_layers", text)) if m is not None}
    metadata = {k: m.peft_config["default"].to_dict() for k, m in
                (("unet_lora_adapter_metadata", unet), ("text_encoder_lora_adapter_metadata", text)) if m is not None}
    with tempfile.TemporaryDirectory() as folder:
        StableDiffusionPipeline.save_lora_weights(folder, **layers, **metadata)
        with safe_open(folder + "/pytorch_lora_weights.safetensors", "pt") as file:
            return sorted(file.keys()), file.metadata()["lora_adapter_metadata"]


def unet_case(name):
    config, call = UNETS[name]
    model = with_hash_weights(UNet2DConditionModel(**config))
    names = add_lora(model, UNET_MODULES)
    latents = normal_input("latents", (call["rows"], call["h"], call["w"], model.config.in_channels))
    context = normal_input("context", (call["prompts"], call["tokens"], int(np.max(model.config.cross_attention_dim))))
    result = model(nchw(latents), torch.tensor(call["timesteps"]), torch.from_numpy(context)[call["kv_rows"]]).sample
    keys, metadata = file_of(unet=model)
    return {"model": "unet", "config": config_of(model), "call": call, "modules": names, "keys": keys,
            "metadata": metadata, "outputs": {"prediction": summarize(nhwc(result))}}


def text_case(name):
    config, call = TEXT_ENCODERS[name]
    model = with_hash_weights(CLIPTextModel(CLIPTextConfig(**config)))
    names = add_lora(model, TEXT_MODULES)
    ids = integer_input("ids", (call["prompts"], call["tokens"]), config["vocab_size"])
    result = model(torch.from_numpy(ids)).last_hidden_state.numpy()
    keys, metadata = file_of(text=model)
    return {"model": "clip_text", "config": config_of(model), "call": call, "modules": names, "keys": keys,
            "metadata": metadata, "outputs": {"embeddings": summarize(result[:, :, None, :])}}


def change(kind, shape, alpha, parts, formula):
    """One weight's change: the factors' shapes and the result's numbers."""
    values = {part: hash_weights.tensor(f"lora.{kind}.{part}", dims).astype(np.float64) for part, dims in parts.items()}
    result = formula(values)
    assert result.size == np.prod(shape)
    return {"kind": kind, "shape": shape, "alpha": alpha, "parts": {k: list(v) for k, v in parts.items()},
            "values": [rounded(v) for v in result.reshape(-1)]}


def changes():
    """After LyCORIS' make_weight_cp, rebuild_tucker and make_kron."""
    e = np.einsum
    return [
        change("linear", [6, 8], 2, {"lora_down.weight": (4, 8), "lora_up.weight": (6, 4)},
               lambda f: f["lora_up.weight"] @ f["lora_down.weight"] * 2 / 4),
        change("conv", [6, 8, 3, 3], 1, {"lora_down.weight": (4, 8, 3, 3), "lora_up.weight": (6, 4, 1, 1)},
               lambda f: e("orxy,rikl->oikl", f["lora_up.weight"], f["lora_down.weight"]) / 4),
        change("conv_as_linear", [6, 8], 4, {"lora_down.weight": (4, 8, 1, 1), "lora_up.weight": (6, 4, 1, 1)},
               lambda f: f["lora_up.weight"][..., 0, 0] @ f["lora_down.weight"][..., 0, 0]),
        change("mid", [6, 8, 3, 3], 3, {"lora_down.weight": (4, 8, 1, 1), "lora_up.weight": (6, 4, 1, 1),
                                        "lora_mid.weight": (4, 4, 3, 3)},
               lambda f: e("op,pqkl,qi->oikl", f["lora_up.weight"][..., 0, 0], f["lora_mid.weight"],
                           f["lora_down.weight"][..., 0, 0]) * 3 / 4),
        change("hada", [6, 8], 2, {"hada_w1_a": (6, 3), "hada_w1_b": (3, 8), "hada_w2_a": (6, 3), "hada_w2_b": (3, 8)},
               lambda f: (f["hada_w1_a"] @ f["hada_w1_b"]) * (f["hada_w2_a"] @ f["hada_w2_b"]) * 2 / 3),
        change("hada_conv", [6, 8, 3, 3], 2, {"hada_w1_a": (6, 3), "hada_w1_b": (3, 72), "hada_w2_a": (6, 3),
                                              "hada_w2_b": (3, 72)},
               lambda f: (f["hada_w1_a"] @ f["hada_w1_b"]) * (f["hada_w2_a"] @ f["hada_w2_b"]) * 2 / 3),
        change("hada_mid", [6, 8, 3, 3], 2, {"hada_w1_a": (3, 6), "hada_w1_b": (3, 8), "hada_t1": (3, 3, 3, 3),
                                             "hada_w2_a": (3, 6), "hada_w2_b": (3, 8), "hada_t2": (3, 3, 3, 3)},
               lambda f: e("ijkl,jr,ip->prkl", f["hada_t1"], f["hada_w1_b"], f["hada_w1_a"]) *
               e("ijkl,jr,ip->prkl", f["hada_t2"], f["hada_w2_b"], f["hada_w2_a"]) * 2 / 3),
        change("kron", [6, 8], 5, {"lokr_w1": (2, 4), "lokr_w2": (3, 2)}, lambda f: np.kron(f["lokr_w1"], f["lokr_w2"])),
        change("kron_low", [6, 8], 1, {"lokr_w1": (2, 4), "lokr_w2_a": (3, 2), "lokr_w2_b": (2, 2)},
               lambda f: np.kron(f["lokr_w1"], f["lokr_w2_a"] @ f["lokr_w2_b"]) / 2),
        change("kron_both_low", [6, 8], 1, {"lokr_w1_a": (2, 2), "lokr_w1_b": (2, 4), "lokr_w2_a": (3, 2),
                                            "lokr_w2_b": (2, 2)},
               lambda f: np.kron(f["lokr_w1_a"] @ f["lokr_w1_b"], f["lokr_w2_a"] @ f["lokr_w2_b"]) / 2),
        change("kron_conv", [6, 8, 3, 3], 1, {"lokr_w1": (2, 4), "lokr_w2": (3, 2, 3, 3)},
               lambda f: np.kron(f["lokr_w1"][..., None, None], f["lokr_w2"])),
        change("kron_mid", [6, 8, 3, 3], 1, {"lokr_w1": (2, 4), "lokr_t2": (2, 2, 3, 3), "lokr_w2_a": (2, 3),
                                             "lokr_w2_b": (2, 2)},
               lambda f: np.kron(f["lokr_w1"][..., None, None],
                                 e("ijkl,jr,ip->prkl", f["lokr_t2"], f["lokr_w2_b"], f["lokr_w2_a"])) / 2),
        change("diff", [6, 8], None, {"diff": (6, 8)}, lambda f: f["diff"]),
    ]


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    cases = {"unet_sd15": unet_case("sd15"), "unet_sd2_odd": unet_case("sd2_odd"), "clip_gelu": text_case("gelu")}
    constants = {"rank": RANK, "alpha": ALPHA, "scale": SCALE}
    lines = [f' {json.dumps(k)}: {json.dumps(v)}' for k, v in (constants | cases).items()]
    (FOLDER / "models.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    (FOLDER / "changes.json").write_text("[\n" + ",\n".join(" " + json.dumps(c) for c in changes()) + "\n]\n")
    for name, case in cases.items():
        print(name, len(case["modules"]), {k: (v["rms"], v["max_abs"]) for k, v in case["outputs"].items()})


if __name__ == "__main__":
    with torch.inference_mode():
        main()
