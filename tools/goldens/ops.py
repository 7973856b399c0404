"""Writes tests/data/backend/ops.json: what PyTorch computes for cases of the op table
(tests/backend/*_cases.cpp).

Weights and inputs come from a hash of their names (hash_weights.py).

    python tools/goldens/ops.py
"""

import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.models.embeddings import get_timestep_embedding

import hash_weights

FILE = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "backend" / "ops.json"
SAMPLES = 96  # elements stored of each output
STRIDE = 7919  # a prime, so that these elements are spread over rows, pixels and channels

ACTIVATIONS = {
    "none": lambda x: x,
    "relu": F.relu,
    "silu": F.silu,
    "gelu": F.gelu,
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "tanh3": lambda x: 3 * torch.tanh(x / 3),
}


def weight(name, *shape):
    """The hash weights of this name and shape."""
    return torch.from_numpy(hash_weights.tensor(name, shape))


def uniform_input(name, shape, scale=1.0, shift=0.0):
    """An input of the op table: shift + scale * uniform, [n, h, w, c]."""
    values = hash_weights.uniform(name, int(np.prod(shape))).astype(np.float64)
    return torch.from_numpy((shift + scale * values).astype(np.float32).reshape(shape))


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def conv(shape, out, kernel=3, stride=1, pads=None, bias=True, row_bias=False, residual=False,
         upsample2x=False, act="none"):
    begin, end = pads or (kernel // 2, kernel // 2)
    x = nchw(uniform_input("x", shape))
    if upsample2x:
        x = F.interpolate(x, scale_factor=2, mode="nearest")
    x = F.pad(x, (begin, end, begin, end))
    y = F.conv2d(x, weight("conv.weight", out, shape[3], kernel, kernel),
                 weight("conv.bias", out) if bias else None, stride)
    y = nhwc(y)
    if row_bias:
        y = y + uniform_input("row_bias", (shape[0], 1, 1, out))
    if residual:
        y = y + uniform_input("residual", tuple(y.shape))
    return ACTIVATIONS[act](y)


def linear(shape, out, bias=True, extra_bias=False, residual=False, act="none"):
    y = F.linear(uniform_input("x", shape), weight("linear.weight", out, shape[3]),
                 weight("linear.bias", out) if bias else None)
    if extra_bias:
        y = y + weight("conv.bias", out)
    if residual:
        y = y + uniform_input("residual", tuple(y.shape))
    return ACTIVATIONS[act](y)


def geglu(shape, out):
    y = F.linear(uniform_input("x", shape), weight("proj.weight", 2 * out, shape[3]),
                 weight("proj.bias", 2 * out))
    hidden, gate = y.chunk(2, dim=-1)
    return hidden * F.gelu(gate)


def group_norm(shape, groups, eps=1e-5, silu=False, second=0, shift=0.0):
    x = uniform_input("x", shape, shift=shift)
    if second:
        x = torch.cat([x, uniform_input("second", (*shape[:3], second), shift=shift)], dim=-1)
    c = x.shape[-1]
    y = F.group_norm(nchw(x), groups, weight("norm.weight", c), weight("norm.bias", c), eps)
    return nhwc(F.silu(y) if silu else y)


def layer_norm(shape, eps=1e-5):
    c = shape[-1]
    return F.layer_norm(uniform_input("x", shape), (c,), weight("norm.weight", c),
                        weight("norm.bias", c), eps)


def attention(n, h, w, heads, size, keys, causal=False, kv_rows=None):
    c = heads * size
    rows = max(kv_rows) + 1 if kv_rows else n

    def split(x):
        return x.reshape(x.shape[0], -1, heads, size).transpose(1, 2)

    q = split(uniform_input("q", (n, h, w, c), 3))
    k = split(uniform_input("k", (rows, keys, 1, c), 3))[kv_rows or list(range(n))]
    v = split(uniform_input("v", (rows, keys, 1, c)))[kv_rows or list(range(n))]
    y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    return y.transpose(1, 2).reshape(n, h, w, c)


def act(name, shape):
    return ACTIVATIONS[name](uniform_input("residual", shape, 12))


def upsample(shape, h, w):
    return nhwc(F.interpolate(nchw(uniform_input("x", shape)), size=(h, w), mode="nearest"))


def embedding(n, tokens, vocabulary, positions, width):
    values = hash_weights.uniform("ids", n * tokens).astype(np.float64)
    ids = np.floor((values + 1) / 2 * vocabulary).astype(np.int64)
    ids[0], ids[1] = 0, vocabulary - 1
    y = F.embedding(torch.from_numpy(ids.reshape(n, tokens)),
                    weight("embeddings.token_embedding.weight", vocabulary, width))
    y = y + weight("embeddings.position_embedding.weight", positions, width)[:tokens]
    return y.reshape(n, tokens, 1, width)


def timestep_embedding(n, width, flip=True, shift=0.0):
    t = torch.tensor([999.0 - 211 * i for i in range(n)])
    return get_timestep_embedding(t, width, flip_sin_to_cos=flip, downscale_freq_shift=shift).reshape(n, 1, 1, width)


def to_bf16(shape):
    return (uniform_input("x", shape, 200) * 0.75 + 3.25).bfloat16().float()


def pixels_out(shape):
    return (uniform_input("x", shape, 1.25) * 127.5 + 127.5).round().clamp(0, 255)


CASES = {
    "conv2d_k3_c3_o16": conv((1, 15, 20, 3), 16),
    "conv2d_k3_c16_o16_gelu": conv((1, 5, 7, 16), 16, act="gelu"),
    "conv2d_k3_c16_o16_quick_gelu": conv((1, 5, 7, 16), 16, act="quick_gelu"),
    "conv2d_k3_one_pixel": conv((2, 1, 1, 16), 16),
    "conv2d_k3_s2_odd": conv((1, 15, 21, 16), 32, stride=2),
    "conv2d_k3_s2_asymmetric_odd": conv((1, 15, 20, 16), 16, stride=2, pads=(0, 1)),
    "conv2d_k1_s2": conv((1, 15, 20, 16), 32, kernel=1, stride=2),
    "conv2d_upsample2x_bias": conv((1, 15, 20, 16), 48, upsample2x=True),
    "conv2d_upsample2x_relu": conv((3, 5, 7, 16), 16, upsample2x=True, act="relu"),
    "conv2d_k5": conv((1, 9, 11, 8), 16, kernel=5),
    "conv2d_row_bias_silu": conv((3, 8, 8, 16), 16, bias=False, row_bias=True, act="silu"),
    "conv2d_row_bias_residual_input_relu":
        conv((2, 5, 7, 16), 16, bias=False, row_bias=True, residual=True, act="relu"),
    "conv2d_k3_s2_residual_input": conv((2, 15, 20, 16), 32, stride=2, residual=True),
    "linear_c30_o17_odd": linear((3, 7, 1, 30), 17),
    "linear_conv_weight": linear((2, 5, 7, 32), 48),
    "linear_extra_bias": linear((2, 5, 1, 16), 24, extra_bias=True),
    "linear_extra_bias_alone": linear((2, 5, 1, 16), 24, bias=False, extra_bias=True),
    "linear_residual_input_relu": linear((3, 5, 7, 16), 16, residual=True, act="relu"),
    "geglu_c30_o17_odd": geglu((3, 7, 1, 30), 17),
    "group_norm_c64_silu": group_norm((2, 15, 20, 64), 32, silu=True),
    "group_norm_c30_g5": group_norm((3, 5, 7, 30), 5, eps=1e-6),
    "group_norm_two_32_64_straddling": group_norm((1, 15, 20, 32), 32, silu=True, second=64),
    "group_norm_two_7_3_g2_straddling": group_norm((2, 3, 5, 7), 2, silu=True, second=3),
    "layer_norm_c320": layer_norm((2, 5, 7, 320)),
    "layer_norm_c768_eps12": layer_norm((1, 7, 1, 768), 1e-12),
    "attention_h8_d40_77_keys": attention(1, 8, 8, 8, 40, 77),
    "attention_h6_d5_odd_size": attention(2, 3, 3, 6, 5, 9),
    "attention_causal_7": attention(3, 7, 1, 8, 64, 7, causal=True),
    "attention_shared_mixed": attention(5, 5, 3, 3, 32, 7, kv_rows=[0, 1, 1, 0, 1]),
    **{f"act_{name}": act(name, (2, 15, 20, 5)) for name in ACTIVATIONS if name != "none"},
    "upsample_8x8_to_15x15": upsample((1, 8, 8, 32), 15, 15),
    "upsample_8x10_to_15x20": upsample((3, 8, 10, 30), 15, 20),
    "upsample_5x7_to_17x9": upsample((2, 5, 7, 3), 17, 9),
    "embedding_7_tokens_odd_width": embedding(3, 7, 1000, 77, 30),
    "timestep_embedding_320": timestep_embedding(5, 320),
    "timestep_embedding_odd": timestep_embedding(2, 33),
    "timestep_embedding_sines_first": timestep_embedding(1, 32, flip=False),
    "timestep_embedding_odd_sines_first_freq_shift_1": timestep_embedding(2, 21, flip=False, shift=1),
    "convert_f32_to_bf16_scaled": to_bf16((2, 5, 7, 3)),
    "convert_pixels_out": pixels_out((1, 15, 20, 3)),
}


def main():
    lines = []
    for name, y in CASES.items():
        flat = y.detach().numpy().astype(np.float64).reshape(-1)
        assert flat.size % STRIDE and np.isfinite(flat).all(), name
        stored = flat[np.arange(min(SAMPLES, flat.size)) * STRIDE % flat.size]
        text = ", ".join(f"{value:.9g}" for value in stored)
        largest = float(f"{np.abs(flat).max():.9g}")
        lines.append(f'"{name}": {{"shape": {json.dumps(list(y.shape))}, "max_abs": {largest}, "values": [{text}]}}')
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
