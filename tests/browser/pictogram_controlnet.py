"""Writes a ControlNet for the included model: the UNet's own down path, as diffusers' ControlNetModel.from_unet()
copies it, with random factors where a training starts from zeros."""
import json
import pathlib
import random
import struct

UNET = pathlib.Path(__file__).resolve().parents[2] / "models" / "pictogram" / "unet"
COPIED = ("conv_in.", "time_embedding.", "down_blocks.", "mid_block.")
KEYS = ("act_fn", "attention_head_dim", "block_out_channels", "cross_attention_dim", "down_block_types",
        "downsample_padding", "flip_sin_to_cos", "freq_shift", "in_channels", "layers_per_block", "mid_block_type",
        "norm_eps", "norm_num_groups", "use_linear_projection")
EMBEDDING = (8, 8, 16, 16, 16)  # the image is 2 ** 4 times larger than the latents
SPREAD = 0.05


class Tensors:
    def __init__(self, seed: int):
        self.header, self.data = {}, bytearray()
        self.random = random.Random(seed)

    def add(self, name: str, dtype: str, shape: list[int], data: bytes) -> None:
        begin = len(self.data)
        self.data += data
        self.header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, len(self.data)]}

    def convolution(self, name: str, inputs: int, outputs: int, side: int) -> None:
        count = outputs * inputs * side * side
        spread = SPREAD if side == 1 else (inputs * side * side) ** -0.5
        values = (self.random.gauss(0, spread) for _ in range(count))
        self.add(f"{name}.weight", "F32", [outputs, inputs, side, side], struct.pack(f"<{count}f", *values))
        self.add(f"{name}.bias", "F32", [outputs], bytes(4 * outputs))

    def write(self, path: pathlib.Path) -> None:
        text = json.dumps(self.header).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + self.data)


def skip_channels(config: dict) -> list[int]:
    """Of the first convolution, each layer and each downsampler."""
    channels = config["block_out_channels"]
    found = [channels[0]]
    for level, count in enumerate(channels):
        last = level == len(channels) - 1
        found += [count] * (config["layers_per_block"] + (not last))
    return found


def write_controlnet(folder: pathlib.Path, seed: int = 1) -> None:
    config = json.loads((UNET / "config.json").read_text())
    [source] = UNET.glob("*.safetensors")
    raw = source.read_bytes()
    size, = struct.unpack("<Q", raw[:8])
    header, body = json.loads(raw[8:8 + size]), raw[8 + size:]
    tensors = Tensors(seed)
    for name, tensor in header.items():
        if name.startswith(COPIED):
            begin, end = tensor["data_offsets"]
            tensors.add(name, tensor["dtype"], tensor["shape"], body[begin:end])
    embedding = "controlnet_cond_embedding"
    tensors.convolution(f"{embedding}.conv_in", 3, EMBEDDING[0], 3)
    for i, (narrow, wide) in enumerate(zip(EMBEDDING, EMBEDDING[1:])):
        tensors.convolution(f"{embedding}.blocks.{2 * i}", narrow, narrow, 3)
        tensors.convolution(f"{embedding}.blocks.{2 * i + 1}", narrow, wide, 3)
    first, last = config["block_out_channels"][0], config["block_out_channels"][-1]
    tensors.convolution(f"{embedding}.conv_out", EMBEDDING[-1], first, 3)
    for i, channels in enumerate(skip_channels(config)):
        tensors.convolution(f"controlnet_down_blocks.{i}", channels, channels, 1)
    tensors.convolution("controlnet_mid_block", last, last, 1)
    folder.mkdir(parents=True)
    net = {"_class_name": "ControlNetModel", "conditioning_embedding_out_channels": EMBEDDING,
           **{key: config[key] for key in KEYS if key in config}}
    (folder / "config.json").write_text(json.dumps(net))
    tensors.write(folder / "diffusion_pytorch_model.safetensors")
