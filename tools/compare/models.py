"""The networks of a frame, built with diffusers: the included model, or a known architecture with
random weights."""

import pathlib

import torch
from diffusers import AutoencoderTiny, UNet2DConditionModel
from PIL import Image

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SD_BLOCKS = {"block_out_channels": (320, 640, 1280, 1280), "layers_per_block": 2, "sample_size": 64}
UNETS = {
    "sd-turbo": {**SD_BLOCKS, "attention_head_dim": (5, 10, 20, 20), "cross_attention_dim": 1024,
                 "use_linear_projection": True},
    "sd15": {**SD_BLOCKS, "attention_head_dim": 8, "cross_attention_dim": 768},
    "sdxl-turbo": {"block_out_channels": (320, 640, 1280), "layers_per_block": 2, "sample_size": 128,
                   "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                   "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
                   "transformer_layers_per_block": (1, 2, 10), "attention_head_dim": (5, 10, 20),
                   "cross_attention_dim": 2048, "use_linear_projection": True,
                   "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
                   "projection_class_embeddings_input_dim": 2816},
}
IN_F16 = ("sdxl-turbo",)  # as its files are; in f32 it would take 10 GB
POOLED = 1280  # channels of SDXL's pooled text embedding
TOKENS = 77
AUTOENCODER_KL = {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2,
                  "latent_channels": 4, "down_block_types": ("DownEncoderBlock2D",) * 4,
                  "up_block_types": ("UpDecoderBlock2D",) * 4}


class Frame:
    """Encoder, UNet and decoder of one model in f32 or f16, with example inputs in f32. `autoencoder_kl` is the
    config of Stable Diffusion's own autoencoder, or None."""

    def __init__(self, name, side):
        torch.manual_seed(0)
        if name in UNETS:
            torch.set_default_dtype(torch.float16 if name in IN_F16 else torch.float32)
            self.unet, self.vae = UNet2DConditionModel(**UNETS[name]), AutoencoderTiny()
            torch.set_default_dtype(torch.float32)
            self.tokens, factor, self.autoencoder_kl = TOKENS, 8, AUTOENCODER_KL
        else:
            folder, self.autoencoder_kl = REPOSITORY / "models" / name, None
            self.unet = UNet2DConditionModel.from_pretrained(folder / "unet",
                                                             torch_dtype=torch.float32)
            self.vae = AutoencoderTiny.from_pretrained(folder / "vae", torch_dtype=torch.float32)
            self.tokens, factor = 32, 2 ** (len(self.vae.config.encoder_block_out_channels) - 1)
        for module in (self.unet, self.vae):
            module.eval().requires_grad_(False)
        self.image = torch.rand(1, 3, side, side) * 2 - 1
        self.latents = torch.randn(1, self.unet.config.in_channels, side // factor, side // factor)
        self.context = torch.randn(1, self.tokens, self.unet.config.cross_attention_dim)
        self.timestep = torch.tensor([359])
        self.added = ()
        if self.unet.config.addition_embed_type == "text_time":
            self.added = (torch.randn(1, POOLED),
                          torch.tensor([[side, side, 0, 0, side, side]], dtype=torch.float32))

    def as_pil(self):
        """The image as a PIL image, as most applications hold it."""
        pixels = ((self.image[0].permute(1, 2, 0) + 1) * 127.5).byte().cpu().numpy()
        return Image.fromarray(pixels)

    def components(self):
        """(name, module, example arguments) of the three networks."""
        return (("encode", self.vae.encoder, (self.image,)),
                ("unet", PlainUNet(self.unet), (self.latents, self.timestep, self.context, *self.added)),
                ("decode", self.vae.decoder, (self.latents,)))


class PlainUNet(torch.nn.Module):
    """The UNet with positional arguments and a plain tensor as result, for tracing."""

    def __init__(self, unet):
        super().__init__()
        self.unet = unet

    def forward(self, latents, timestep, context, pooled=None, size=None):
        """`pooled` and `size` are SDXL's added conditions."""
        added = None if pooled is None else {"text_embeds": pooled, "time_ids": size}
        return self.unet(latents, timestep, context, added_cond_kwargs=added, return_dict=False)[0]
