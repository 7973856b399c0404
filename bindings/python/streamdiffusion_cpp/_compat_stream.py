"""What the original's examples call of `StreamDiffusionWrapper.stream`, which is a StreamDiffusion there."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from .compat import StreamDiffusionWrapper


class Stream:
    """Images as tensors [count, 3, height, width] in -1..1, for streamdiffusion.image_utils.postprocess_image(). The
    wrapper's own methods and attributes are here too."""

    def __init__(self, wrapper: StreamDiffusionWrapper):
        self._wrapper = wrapper

    def __call__(self, x: Any = None) -> torch.Tensor:
        """A batch of frame_buffer_size images of x, or from fresh noise without x."""
        wrapper = self._wrapper
        return self._batch(wrapper._generated(wrapper.frame_buffer_size) if x is None else wrapper._denoised(x))

    def txt2img(self, batch_size: int = 1) -> torch.Tensor:
        """So many images from fresh noise."""
        return self._batch(self._wrapper._generated(batch_size))

    txt2img_sd_turbo = txt2img

    def _batch(self, outputs: list[Any]) -> torch.Tensor:
        import torch
        return torch.stack([self._wrapper.postprocess_image(output, "latent") for output in outputs])

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and hasattr(self._wrapper, name):
            return getattr(self._wrapper, name)
        raise AttributeError(f"stream.{name} is not there: it is of a StreamDiffusion that works on a diffusers pipeline, "
                             "which there is none of here")
