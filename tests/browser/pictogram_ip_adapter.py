"""Writes an IP-Adapter for the included model, and a small image encoder beside it, of random weights."""
import json
import pathlib
import struct

from pictogram_controlnet import UNET, Tensors

WIDTH, MLP, LAYERS, SIDE, PATCH, PROJECTION, TOKENS = 32, 48, 2, 12, 4, 20, 4
GAIN = 12  # so that a style image is seen in the result


def fill(tensors: Tensors, name: str, shape: list[int], spread: float, mean: float = 0) -> None:
    count = 1
    for side in shape:
        count *= side
    values = (tensors.random.gauss(mean, spread) for _ in range(count))
    tensors.add(name, "F32", shape, struct.pack(f"<{count}f", *values))


def linear(tensors: Tensors, name: str, inputs: int, outputs: int, bias=True, gain=1.0) -> None:
    fill(tensors, f"{name}.weight", [outputs, inputs], gain * inputs ** -0.5)
    if bias:
        fill(tensors, f"{name}.bias", [outputs], 0.1)


def norm(tensors: Tensors, name: str, channels: int) -> None:
    fill(tensors, f"{name}.weight", [channels], 0.1, 1)
    fill(tensors, f"{name}.bias", [channels], 0.1)


def write_encoder(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({
        "model_type": "clip_vision_model", "hidden_size": WIDTH, "intermediate_size": MLP, "num_hidden_layers": LAYERS,
        "num_attention_heads": 2, "image_size": SIDE, "patch_size": PATCH, "projection_dim": PROJECTION,
        "hidden_act": "gelu"}))
    tensors, root = Tensors(7), "vision_model"
    fill(tensors, f"{root}.embeddings.class_embedding", [WIDTH], 1)
    fill(tensors, f"{root}.embeddings.patch_embedding.weight", [WIDTH, 3, PATCH, PATCH], 0.2)
    fill(tensors, f"{root}.embeddings.position_embedding.weight", [1 + (SIDE // PATCH) ** 2, WIDTH], 0.2)
    for name in ("pre_layrnorm", "post_layernorm"):
        norm(tensors, f"{root}.{name}", WIDTH)
    for i in range(LAYERS):
        layer = f"{root}.encoder.layers.{i}"
        for name in ("layer_norm1", "layer_norm2"):
            norm(tensors, f"{layer}.{name}", WIDTH)
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            linear(tensors, f"{layer}.self_attn.{name}", WIDTH, WIDTH)
        linear(tensors, f"{layer}.mlp.fc1", WIDTH, MLP)
        linear(tensors, f"{layer}.mlp.fc2", MLP, WIDTH)
    linear(tensors, "visual_projection", WIDTH, PROJECTION, bias=False)
    tensors.write(folder / "model.safetensors")


def key_shapes() -> list[list[int]]:
    """Of the cross-attentions' keys, in the order of an adapter's file: down, up, middle."""
    [source] = UNET.glob("*.safetensors")
    raw = source.read_bytes()
    size, = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8:8 + size])
    names = [name for name in header if name.endswith("attn2.to_k.weight")]
    order = ("down_blocks", "up_blocks", "mid_block")
    return [header[name]["shape"] for name in sorted(names, key=lambda name: (order.index(name.split(".")[0]), name))]


def write_ip_adapter(folder: pathlib.Path, name: str, seed: int = 1) -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "image_encoder").exists():
        write_encoder(folder / "image_encoder")
    context = json.loads((UNET / "config.json").read_text())["cross_attention_dim"]
    tensors = Tensors(seed)
    linear(tensors, "image_proj.proj", PROJECTION, TOKENS * context)
    norm(tensors, "image_proj.norm", context)
    for i, (outputs, inputs) in enumerate(key_shapes()):
        linear(tensors, f"ip_adapter.{2 * i + 1}.to_k_ip", inputs, outputs, bias=False)
        linear(tensors, f"ip_adapter.{2 * i + 1}.to_v_ip", inputs, outputs, bias=False, gain=GAIN)
    path = folder / f"{name}.safetensors"
    tensors.write(path)
    return path
