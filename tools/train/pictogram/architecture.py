"""The model's fixed sizes as diffusers and transformers configs, and a builder for each part."""

import torch
from diffusers import AutoencoderTiny, LCMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0
from transformers import CLIPTextConfig, CLIPTextModel

TOKENS = 32

# Blocks at full resolution are the slowest of a frame. So the decoder has none there, and the
# encoder starts with one at half resolution. Most blocks are where the feature maps are small.
AUTOENCODERS = {
    "f16": {"stages": 5, "encoder": (0, 1, 2, 3, 3), "decoder": (4, 3, 3, 2, 0), "latents": 16},
    "f8": {"stages": 4, "encoder": (0, 1, 3, 4), "decoder": (4, 3, 2, 0), "latents": 4},
}
VARIANT = "f16"


def build_autoencoder(variant=VARIANT):
    """AutoencoderTiny, 32 channels wide."""
    spec = AUTOENCODERS[variant]
    channels = (32,) * spec["stages"]
    model = AutoencoderTiny(
        encoder_block_out_channels=channels, decoder_block_out_channels=channels,
        num_encoder_blocks=spec["encoder"], num_decoder_blocks=spec["decoder"],
        latent_channels=spec["latents"])
    initialize(model)
    return model


@torch.no_grad()
def initialize(model, noise=0.5):
    """Initialize so that the autoencoder passes a thumbnail: its first three channels carry the
    mean colors through all layers.

    PyTorch's default initialization shrinks the signal in each of thirty layers, and color then
    needs thousands of steps to get through. With this one the autoencoder learns detail from the
    first step.
    """
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            parameter.zero_()
            continue
        torch.nn.init.kaiming_normal_(parameter, nonlinearity="relu")
        parameter.mul_(0.1 if ".conv.4." in name else noise)
        if ".conv." in name:
            continue
        parameter[:3] *= 0.1
        stride_two = name.startswith("encoder") and parameter.shape[0] == parameter.shape[1]
        for channel in range(3):
            if stride_two:
                parameter[channel, channel, 1:, 1:] += 0.25
            else:
                parameter[channel, channel, 1, 1] += 1
    encoder_out, decoder_out = model.encoder.layers[-1], model.decoder.layers[-1]
    encoder_out.weight[:3] *= 4
    encoder_out.bias[:3] = -2
    model.decoder.layers[0].bias[:3] = 2
    decoder_out.weight *= 0.25


# Three levels (16x16, 8x8 and 4x4 latents for 256 px), attention heads of 32 channels. The two
# lower levels have cross-attention, and so has the up block of the first. Most parameters are where
# the feature maps are smallest, which is cheap in training and in inference.
TEXT_WIDTH = 192
TEXT_LAYERS = 4


def build_unet(variant=VARIANT):
    """The denoiser, 11.5 M parameters."""
    latents = AUTOENCODERS[variant]["latents"]
    model = UNet2DConditionModel(
        sample_size=16, in_channels=latents, out_channels=latents,
        block_out_channels=(96, 160, 160), layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=(3, 5, 5),  # in diffusers this is the number of heads
        use_linear_projection=True)
    use_fused_attention = torch.cuda.is_available()  # its backward pass is slow on a CPU
    model.set_attn_processor(AttnProcessor2_0() if use_fused_attention else AttnProcessor())
    return model


def build_text_encoder(vocabulary):
    """A CLIP text transformer with new weights. The last two tokens of the vocabulary are start and
    end."""
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=vocabulary, hidden_size=TEXT_WIDTH, intermediate_size=4 * TEXT_WIDTH,
        num_hidden_layers=TEXT_LAYERS, num_attention_heads=TEXT_WIDTH // 32,
        max_position_embeddings=TOKENS, hidden_act="quick_gelu", projection_dim=TEXT_WIDTH,
        bos_token_id=vocabulary - 2, eos_token_id=vocabulary - 1, pad_token_id=vocabulary - 1,
        attn_implementation="sdpa", initializer_factor=1.0))


def build_scheduler():
    """The engine's schedule; the network predicts v."""
    return LCMScheduler(
        num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012,
        beta_schedule="scaled_linear", prediction_type="v_prediction", clip_sample=False,
        set_alpha_to_one=False, steps_offset=1, original_inference_steps=50)


def alphas_cumprod():
    """alpha_bar of every timestep, float32 [1000]."""
    betas = torch.linspace(0.00085 ** 0.5, 0.012 ** 0.5, 1000, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float()
