"""Weights made from a hash of the tensor's name: the same numbers, bit for bit, as
src/weights/hash_weights.h, which has the formula."""

import numpy as np


def _fnv1a(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def uniform(name: str, count: int) -> np.ndarray:
    """`count` float32 numbers, uniform in (-1, 1)."""
    with np.errstate(over="ignore"):
        z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z += np.uint64(_fnv1a(name))
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    odd = (z >> np.uint64(40)).astype(np.int64) * 2 + 1 - (1 << 24)
    return odd.astype(np.float32) * np.float32(2.0**-24)


def tensor(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The float32 tensor with this name and shape."""
    values = uniform(name.removeprefix("text_model."), int(np.prod(shape, dtype=np.int64)))
    if name.endswith("bias"):
        result = values * np.float32(2.0**-4)
    elif len(shape) < 2:
        result = np.float32(1) + values * np.float32(2.0**-3)
    else:
        fan_in = float(np.prod(shape[1:], dtype=np.int64))
        result = values * np.float32(np.sqrt(np.float64(3.0) / fan_in))
    return result.reshape(shape)


# Prints the values that tests/weights/hash_weights_test.cpp expects.
if __name__ == "__main__":
    for name, shape in [("conv_in.weight", (4, 3, 3, 3)), ("conv_in.bias", (4,)), ("norm.weight", (4,)),
                        ("text_model.embeddings.token_embedding.weight", (2, 7))]:
        values = tensor(name, shape).reshape(-1)
        print(name, shape, [float(v).hex() for v in values[:4]], hex(int(values.view(np.uint32).sum(dtype=np.uint64))))
