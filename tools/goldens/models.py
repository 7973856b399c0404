"""Writes tests/data/golden/*.json: what diffusers and transformers compute for tiny models.

Weights and inputs come from a hash of their names (hash_weights.py). So a file holds only a config,
the shape of the call and a few hundred numbers of the result.

    python tools/goldens/models.py [NAME ...]
"""

import json
import pathlib
import sys

import numpy as np
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, LatentConsistencyModelPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

import hash_weights
from models_list import AUTOENCODERS_KL, AUTOENCODERS_TINY, TEXT_ENCODERS, UNETS

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "golden"
SAMPLES = 256  # elements stored of each output
STRIDE = 7919  # a prime, so that these elements are spread over rows, pixels and channels


def with_hash_weights(model):
    """The model with hash weights, in eval mode."""
    state = {name: torch.from_numpy(hash_weights.tensor(name, tuple(value.shape)))
             for name, value in model.state_dict().items() if value.is_floating_point()}
    model.load_state_dict(state, strict=False)
    return model.eval().requires_grad_(False)


def normal_input(name, shape):
    """Uniform numbers of variance one, in the order of `shape`."""
    return hash_weights.tensor("golden." + name, (int(np.prod(shape)), 1)).reshape(shape)


def integer_input(name, shape, count):
    """Integers in 0..count-1."""
    flat = hash_weights.tensor(f"golden.{name}.bias", (int(np.prod(shape)),)).astype(np.float64)
    return np.floor((flat * 16 + 1) * 0.5 * count).astype(np.int64).reshape(shape)


def nchw(array):
    return torch.from_numpy(np.ascontiguousarray(array)).permute(0, 3, 1, 2).contiguous()


def nhwc(tensor):
    return tensor.permute(0, 2, 3, 1).contiguous().numpy()


def rounded(value):
    """The value with nine significant digits."""
    return float(f"{float(value):.9g}")


def summarize(array):
    """What a file stores of an output: shape, statistics, and the elements (k * STRIDE) % size for
    k = 0, 1, ..."""
    flat = array.astype(np.float64).reshape(-1)
    assert flat.size % STRIDE and np.isfinite(flat).all()
    indices = np.arange(min(SAMPLES, flat.size)) * STRIDE % flat.size
    return {"shape": list(array.shape), "max_abs": rounded(np.abs(flat).max()),
            "mean": rounded(flat.mean()), "rms": rounded(np.sqrt((flat**2).mean())),
            "values": [rounded(v) for v in array.reshape(-1)[indices]]}


def config_of(model):
    """The model's config as diffusers or transformers writes it, without names and versions."""
    config = json.loads(model.config.to_json_string()) if hasattr(model.config, "to_json_string") \
        else json.loads(model.to_json_string())
    config.pop("_name_or_path", None)
    config.pop("transformers_version", None)
    config.pop("_diffusers_version", None)
    return config


def unet(config, call):
    model = with_hash_weights(UNet2DConditionModel(**config))
    latents = normal_input("latents", (call["rows"], call["h"], call["w"], model.config.in_channels))
    dim = int(np.max(model.config.cross_attention_dim))
    context = normal_input("context", (call["prompts"], call["tokens"], dim))
    rows = torch.from_numpy(context)[call["kv_rows"]]
    more = {}
    if "size" in call:
        pooled = config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]
        more["added_cond_kwargs"] = {"time_ids": torch.tensor(call["size"], dtype=torch.float32),
                                     "text_embeds": torch.from_numpy(normal_input("pooled", (call["rows"], pooled)))}
    if "guidance" in call:
        more["timestep_cond"] = LatentConsistencyModelPipeline.get_guidance_scale_embedding(
            None, torch.tensor(call["guidance"]), config["time_cond_proj_dim"])
    result = model(nchw(latents), torch.tensor(call["timesteps"]), rows, **more).sample
    return model, {"prediction": summarize(nhwc(result))}


def text_encoder(config, call):
    output = call.get("output", "last")
    cls = CLIPTextModelWithProjection if output == "penultimate_and_projected" else CLIPTextModel
    model = with_hash_weights(cls(CLIPTextConfig(**config)))
    ids = torch.from_numpy(integer_input("ids", (call["prompts"], call["tokens"]), config["vocab_size"]))
    result = model(ids, output_hidden_states=True)
    found = result.last_hidden_state if output == "last" else result.hidden_states[-2]
    outputs = {"embeddings": summarize(found[:, :, None, :].numpy())}
    if output == "penultimate_and_projected":
        projected = model.text_projection(result.last_hidden_state)
        check_pooled(model, ids.clone(), config["eos_token_id"])
        outputs["projected"] = summarize(projected[:, :, None, :].numpy())
    return model, outputs


def check_pooled(model, ids, eos):
    """The pooled embedding is the projected one of the first end-of-text token."""
    ids[:, [5, 9]] = eos
    result = model(ids)
    first = (ids == eos).int().argmax(dim=1)
    projected = model.text_projection(result.last_hidden_state)
    torch.testing.assert_close(projected[torch.arange(len(ids)), first], result.text_embeds)


def autoencoder(cls, config, call):
    model = with_hash_weights(cls(**config))
    scale, shift = model.config.scaling_factor, model.config.shift_factor or 0.0
    pixels = integer_input("pixels", (call["frames"], call["height"], call["width"], 3), 256)
    encoded = model.encode(nchw(pixels.astype(np.float32) / 127.5 - 1))
    z = encoded.latents if cls is AutoencoderTiny else encoded.latent_dist.mode()
    z = nhwc((z - shift) * scale)
    latents = normal_input("latents", z.shape)
    image = model.decode(nchw(latents) / scale + shift).sample
    return model, {"latents": summarize(z), "image": summarize(nhwc(image))}


def to_json(golden):
    """The golden with one line for each entry, so that a diff shows what changed."""
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in golden.items() if key != "outputs"]
    outputs = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in golden["outputs"].items())
    return "{\n" + ",\n".join(lines) + ',\n "outputs": {\n' + outputs + "\n }\n}\n"


def main():
    torch.manual_seed(0)
    jobs = {f"unet_{name}": ("unet", unet, *job) for name, job in UNETS.items()}
    jobs |= {f"clip_{name}": ("clip_text", text_encoder, *job) for name, job in TEXT_ENCODERS.items()}
    for cls, prefix, cases in ((AutoencoderTiny, "tiny", AUTOENCODERS_TINY),
                               (AutoencoderKL, "kl", AUTOENCODERS_KL)):
        run = lambda config, call, cls=cls: autoencoder(cls, config, call)
        jobs |= {f"{prefix}_{name}": ("autoencoder", run, *job) for name, job in cases.items()}
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or jobs:
        kind, run, config, call = jobs[name]
        model, outputs = run(config, call)
        golden = {"model": kind, "config": config_of(model), "call": call, "outputs": outputs}
        (FOLDER / f"{name}.json").write_text(to_json(golden))
        print(name, {k: (v["shape"], v["rms"], v["max_abs"]) for k, v in outputs.items()})


if __name__ == "__main__":
    with torch.inference_mode():
        main()
