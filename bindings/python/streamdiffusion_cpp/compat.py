"""The interface of the original package's wrapper (utils/wrapper.py), for its users' scripts.

    from streamdiffusion_cpp.compat import StreamDiffusionWrapper

Arguments that have no meaning here are accepted, each with one warning; what is not implemented is refused by name.
Two habits of the original are not kept. Images with all pixels at or above a half are not normalized twice. The first
n - 1 calls return no image of an empty slot, but the first frame, finished: never None, never a gray flash.
"""
from __future__ import annotations

import os
import pathlib
import random
import warnings
from typing import Any

import numpy as np

from ._compat_stream import Stream
from ._errors import Error, InputOutput, InvalidArgument, NotFound, Unsupported, one_of
from ._frames import array_of, off_torch, to_pixels
from ._outputs import Output
from ._progress import Progress
from ._streams import Engine, Session

_MODES = ("img2img", "txt2img")
_OUTPUT_TYPES = ("pil", "np", "pt", "latent")
_LCM_LORA = "latent-consistency/lcm-lora-sdv1-5"


class NotPrepared(Error, RuntimeError):
    """A call that needs prepare() first."""


def _ignored(name: str, value: Any, why: str) -> None:
    warnings.warn(f"{name}={value!r} has no effect: {why}", stacklevel=4)


class StreamDiffusionWrapper:
    """Constructor and methods as in the original: same arguments, order and defaults."""

    def __init__(self, model_id_or_path: str, t_index_list: list[int], lora_dict: dict[str, float] | None = None,
                 mode: str = "img2img", output_type: str = "pil", lcm_lora_id: str | None = None,
                 vae_id: str | None = None, device: Any = "cuda", dtype: Any = None, frame_buffer_size: int = 1,
                 width: int = 512, height: int = 512, warmup: int = 10, acceleration: str = "tensorrt",
                 do_add_noise: bool = True, device_ids: list[int] | None = None, use_lcm_lora: bool = True,
                 use_tiny_vae: bool = True, enable_similar_image_filter: bool = False,
                 similar_image_filter_threshold: float = 0.98, similar_image_filter_max_skip_frame: int = 10,
                 use_denoising_batch: bool = True, cfg_type: str = "self", seed: int = 2,
                 use_safety_checker: bool = False, engine_dir: str | os.PathLike[str] = "engines",
                 is_drawing: bool | None = None):
        self._check_modes(mode, output_type, cfg_type, use_denoising_batch, use_safety_checker)
        self._warn(device, warmup, acceleration, device_ids, engine_dir)
        if is_drawing is not None:
            do_add_noise = self._by_its_earlier_name(is_drawing, do_add_noise)
        self.mode, self.output_type = mode, output_type
        self.width, self.height = width, height
        self.device, self.dtype = "cpu", dtype
        self.frame_buffer_size = frame_buffer_size
        self.use_denoising_batch = use_denoising_batch
        self.batch_size = len(t_index_list) * frame_buffer_size if use_denoising_batch else frame_buffer_size
        loras = dict(lora_dict or {})
        vae = self._autoencoder(vae_id, use_tiny_vae)
        if use_lcm_lora and lcm_lora_id is None and self._wants_lcm_lora(model_id_or_path):
            self._engine = self._with_lcm_lora(model_id_or_path, loras, vae)
        else:
            if use_lcm_lora and lcm_lora_id is not None:
                loras[lcm_lora_id] = 1.0
            self._engine = Engine(model_id_or_path, on_progress=Progress(), lora_dict=loras or None, vae=vae)
        if dtype is not None:
            self._warn_of_dtype(dtype)
        self._parameters: dict[str, Any] = {
            "t_index_list": list(t_index_list), "width": width, "height": height, "cfg_type": cfg_type,
            "mode": mode, "frame_buffer_size": frame_buffer_size, "do_add_noise": do_add_noise,
            "use_denoising_batch": use_denoising_batch, "seed": seed if seed >= 0 else random.getrandbits(32),
            "enable_similar_image_filter": enable_similar_image_filter,
            "similar_image_filter_threshold": similar_image_filter_threshold,
            "similar_image_filter_max_skip_frame": similar_image_filter_max_skip_frame}
        self._session: Session | None = None
        self._previous: list[Output] | None = None  # what was returned last
        self._rest: list[Output] = []  # fewer than a batch
        self.stream = Stream(self)

    @staticmethod
    def _check_modes(mode: str, output_type: str, cfg_type: str, use_denoising_batch: bool, safety: bool) -> None:
        one_of("mode", mode, _MODES)
        one_of("output_type", output_type, _OUTPUT_TYPES)
        if mode == "txt2img" and cfg_type != "none":
            raise InvalidArgument(f"cfg_type is {cfg_type!r}, expected 'none' in the mode txt2img", "cfg_type")
        if mode == "img2img" and not use_denoising_batch:
            raise Unsupported("use_denoising_batch is False, expected True in the mode img2img", "use_denoising_batch")
        if safety:
            raise Unsupported("use_safety_checker is True, and there is no safety checker; pass False",
                              "use_safety_checker")

    @staticmethod
    def _warn(device: Any, warmup: int, acceleration: str, device_ids: Any, engine_dir: Any) -> None:
        if str(device) not in ("cpu", "cuda"):
            _ignored("device", device, "the library chooses the device")
        if warmup != 10:
            _ignored("warmup", warmup, "nothing needs warming up")
        if acceleration not in ("tensorrt", "none"):
            _ignored("acceleration", acceleration, "there is one engine")
        if device_ids is not None:
            _ignored("device_ids", device_ids, "one device is used")
        if str(engine_dir) != "engines":
            _ignored("engine_dir", engine_dir, "no engine is built")

    @staticmethod
    def _by_its_earlier_name(is_drawing: bool, do_add_noise: bool) -> bool:
        """Scripts of the original's first days say is_drawing where later ones say do_add_noise."""
        if is_drawing and not do_add_noise:
            raise InvalidArgument("is_drawing is True and do_add_noise False, expected one of them: they are names of the "
                                  "same argument", "is_drawing")
        warnings.warn(f"is_drawing={is_drawing!r} is the earlier name of do_add_noise, and is taken as that", stacklevel=3)
        return is_drawing

    def _warn_of_dtype(self, dtype: Any) -> None:
        """It is not what the engine computes in; of tensors it is the type."""
        computes = f"the engine computes in {self._engine.info['dtype']}, which it chose itself"
        if self.output_type in ("pt", "latent"):
            warnings.warn(f"dtype={dtype!r} is the type of the tensors that come out, and nothing else: {computes}",
                          stacklevel=3)
        else:
            _ignored("dtype", dtype, f"output_type={self.output_type!r} gives no tensors, and {computes}")

    @staticmethod
    def _autoencoder(vae_id: str | None, use_tiny_vae: bool) -> str | None:
        if vae_id is not None and not use_tiny_vae:
            _ignored("vae_id", vae_id, "use_tiny_vae is False")
        return vae_id if use_tiny_vae else "own"

    @staticmethod
    def _wants_lcm_lora(model: Any) -> bool:
        """As in the original: models with "turbo" in their names go without it. So does the included model."""
        return model is not None and "turbo" not in str(model).lower()

    @staticmethod
    def _with_lcm_lora(model: Any, loras: dict[str, float], vae: str | None) -> Engine:
        """With the LoRA that the original adds by itself; without it, and a warning, where it cannot be had."""
        try:
            return Engine(model, on_progress=Progress(), lora_dict={_LCM_LORA: 1.0} | loras, vae=vae)
        except Error as error:
            engine = Engine(model, on_progress=Progress(), lora_dict=loras or None, vae=vae)  # raises where something else is at fault
            warnings.warn(f"lcm_lora_id=None: the original adds {_LCM_LORA}, which is left out here: {error}. Pass "
                          "use_lcm_lora=False for a model that needs none", stacklevel=3)
            return engine

    def prepare(self, prompt: str, negative_prompt: str = "", num_inference_steps: int = 50,
                guidance_scale: float = 1.2, delta: float = 1.0) -> None:
        """Starts the stream anew."""
        self._parameters |= {"prompt": prompt, "negative_prompt": negative_prompt,
                             "num_inference_steps": num_inference_steps, "guidance_scale": guidance_scale,
                             "delta": delta}
        self._session = self._engine.session(**self._parameters)
        self._previous, self._rest = None, []

    def update_prompt(self, prompt: str) -> None:
        """Frames in flight go on under the new prompt. Both halves of the guidance follow it."""
        self._started().change(prompt=prompt)
        self._parameters["prompt"] = prompt

    def __call__(self, image: Any = None, prompt: str | None = None) -> Any:
        return self.img2img(image, prompt) if self.mode == "img2img" else self.txt2img(prompt)

    def img2img(self, image: Any, prompt: str | None = None) -> Any:
        """A path, PIL image, array or tensor in; an image of the output type out. With n steps it is that of the frame
        n - 1 calls ago, and during the first n - 1 calls that of the first frame. With frame_buffer_size F, a list or
        batch of F in, and one of F out."""
        if prompt is not None:
            self.update_prompt(prompt)
        return self._returned(self._denoised(image))

    def txt2img(self, prompt: str | None = None) -> Any:
        """An image from fresh noise; with frame_buffer_size F a list or batch of F. With n steps each call takes a step
        for n images and returns the one begun n - 1 calls ago; during the first n - 1 calls the first one, finished."""
        if prompt is not None:
            self.update_prompt(prompt)
        return self._returned(self._generated(self.frame_buffer_size))

    def preprocess_image(self, image: Any) -> Any:
        """The pixels of a path, PIL image, array or tensor in the stream's size, [height, width, 3]."""
        return self._pixels_of([image])[0]

    def _denoised(self, image: Any) -> list[Output]:
        """A batch of frame_buffer_size images."""
        return self._taken(self._pixels_of(self._batch(image)))

    def _generated(self, count: int) -> list[Output]:
        """So many images from fresh noise."""
        return self._taken([None] * count)

    def _taken(self, frames: list[Any]) -> list[Output]:
        """As many outputs as frames, None for fresh noise. The frames stay in the stream, a step a call."""
        ready = self._rest + self._through(self._started(), frames)
        if len(ready) >= len(frames):
            self._previous, ready = ready[:len(frames)], ready[len(frames):]
        elif self._previous is None or len(self._previous) != len(frames):
            self._previous = self._finished_alone(frames)
        self._rest = ready
        return self._previous

    @staticmethod
    def _through(session: Session, frames: list[Any]) -> list[Output]:
        return [output for frame in frames for output in session.process(frame)]

    def _batch(self, image: Any) -> list[Any]:
        several = isinstance(image, (list, tuple)) or len(getattr(image, "shape", ())) == 4
        images = list(image) if several else [image]
        if len(images) != self.frame_buffer_size:
            raise InvalidArgument(f"a batch of {len(images)}, expected {self.frame_buffer_size} images, as "
                                  "frame_buffer_size says", "image")
        return images

    def _pixels_of(self, images: list[Any]) -> list[Any]:
        arrays = [self._array_of(image) for image in images]
        if any(array.dtype.kind == "f" and array.size > 0 and float(array.min()) < 0 for array in arrays):
            arrays = [array / 2 + 0.5 if array.dtype.kind == "f" else array for array in arrays]  # in -1..1, as diffusers takes it
        return [to_pixels(array) for array in arrays]

    def _array_of(self, image: Any) -> np.ndarray:
        if isinstance(image, (str, os.PathLike)):
            image = self._opened(pathlib.Path(image))
        if hasattr(image, "convert") and hasattr(image, "resize"):
            return np.asarray(image.convert("RGB").resize((self.width, self.height)))
        return array_of(off_torch(image))

    @staticmethod
    def _opened(path: pathlib.Path) -> Any:
        from PIL import Image
        try:
            return Image.open(path)
        except FileNotFoundError:
            raise NotFound(f"there is no image {path}", "image") from None
        except OSError as error:
            raise InputOutput(f"{path}: {error}", "image") from error

    def _returned(self, outputs: list[Output]) -> Any:
        results = [self.postprocess_image(output, self.output_type) for output in outputs]
        if self.frame_buffer_size == 1:
            return results[0]
        return results if self.output_type == "pil" else self._stacked(results)

    def postprocess_image(self, output: Output, output_type: str = "pil") -> Any:
        """pil; np: [height, width, 3] in 0..1; pt: [3, height, width] in 0..1; latent, as in the original: the same in
        -1..1."""
        if output_type == "pil":
            return output.pil()
        pixels = output.image.astype(np.float32) / 255
        if output_type == "np":
            return pixels
        import torch
        tensor = torch.from_numpy(np.ascontiguousarray(np.moveaxis(pixels, 2, 0)))
        if self.dtype is not None:
            tensor = tensor.to(self.dtype)
        return tensor * 2 - 1 if output_type == "latent" else tensor

    def enable_similar_image_filter(self, threshold: float = 0.98, max_skip_frame: int = 10) -> None:
        self._started().change(enable_similar_image_filter=True, similar_image_filter_threshold=threshold,
                               similar_image_filter_max_skip_frame=max_skip_frame)

    def disable_similar_image_filter(self) -> None:
        self._started().change(enable_similar_image_filter=False)

    def _started(self) -> Session:
        if self._session is None:
            raise NotPrepared("call prepare() first")
        return self._session

    def _finished_alone(self, frames: list[Any]) -> list[Output]:
        """The same in a stream of their own, to the end."""
        with self._engine.session(**self._parameters) as other:
            ready = self._through(other, frames)
            return (ready + other.flush())[-len(frames):]

    @staticmethod
    def _stacked(results: list[Any]) -> Any:
        if isinstance(results[0], np.ndarray):
            return np.stack(results)
        import torch
        return torch.stack(results)
