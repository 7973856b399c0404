"""The generator: text encoder, UNet and tokenizer, which are trained, saved and sampled together.
"""

import torch

from . import runtime
from .architecture import build_text_encoder, build_unet
from .diffusion import Schedule
from .tokenizer import load_tokenizer, tokenize


class Generator:
    """The trainable part of the model. `scaling_factor` multiplies the autoencoder's latents."""

    def __init__(self, work, device, seed=0):
        torch.manual_seed(seed)
        self.device = device
        self.tokenizer = load_tokenizer(work)
        self.text_encoder = build_text_encoder(len(self.tokenizer)).to(device)
        self.unet = build_unet().to(device, memory_format=torch.channels_last)
        self.schedule = Schedule(device)
        self.scaling_factor = 1.0
        self.encoder_hash = None
        self.compiled_unet = self.unet  # the base stage compiles it

    @property
    def modules(self):
        """Everything with parameters, in the order of the EMA weights."""
        return [self.text_encoder, self.unet]

    def encode_prompts(self, prompts, count=None):
        """Token features [B, TOKENS, width] of a list of strings, or of their first `count` tokens.
        """
        tokens = tokenize(self.tokenizer, prompts).to(self.device)
        return self.text_encoder(tokens[:, :count]).last_hidden_state

    def denoise(self, x, t, context):
        """v in float32. Runs the UNet uncompiled, at any batch size."""
        with runtime.autocast(self.device):
            return self.unet(x, t, context).sample.float()

    def state_dict(self):
        """For a checkpoint. The keys keep their first names."""
        return {"text": self.text_encoder.state_dict(), "unet": self.unet.state_dict(),
                "scaling": self.scaling_factor, "encoder_mark": self.encoder_hash}

    def load_state_dict(self, state):
        """From a checkpoint."""
        self.text_encoder.load_state_dict(state["text"])
        self.unet.load_state_dict(state["unet"])
        self.scaling_factor = state["scaling"]
        self.encoder_hash = state["encoder_mark"]

    def freeze(self):
        """Eval mode, no gradients."""
        for module in self.modules:
            module.eval().requires_grad_(False)
        return self


def load_generator(work, device, stages=("base",)):
    """The newest stage's EMA weights, and the checkpoint's own facts (stage, step, images,
    seconds)."""
    for stage in stages:
        state = runtime.load_checkpoint(work / "checkpoints" / f"{stage}.pt")
        if state is None:
            continue
        generator = Generator(work, device)
        generator.load_state_dict(state["model"])
        ema = runtime.EMA(generator.modules)
        ema.load_state_dict(state["average"])
        with torch.no_grad():
            parameters = [p for m in generator.modules for p in m.parameters()]
            torch._foreach_copy_(parameters, ema.shadow)
        checkpoint_info = {k: state[k] for k in ("stage", "step", "images", "seconds")}
        return generator.freeze(), checkpoint_info
    raise FileNotFoundError(f"no {' or '.join(stages)} checkpoint under {work}/checkpoints")
