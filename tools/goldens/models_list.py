"""The tiny models of the goldens. Each entry is (config, call). Together they use every config key
that the engine reads."""

DOWN, UP = "DownBlock2D", "UpBlock2D"
CROSS_DOWN, CROSS_UP = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"


def call(h, w, timesteps=(459,), kv_rows=(0,), tokens=7):
    """The shape of a UNet's call."""
    return {"rows": len(kv_rows), "h": h, "w": w, "prompts": max(kv_rows) + 1, "tokens": tokens,
            "kv_rows": list(kv_rows), "timesteps": list(timesteps)}


UNETS = {
    # Stable Diffusion 1.5: the same number of heads everywhere, 1x1 convolution projections.
    "sd15": (dict(block_out_channels=(16, 32, 32, 32), attention_head_dim=4, cross_attention_dim=24,
                  norm_num_groups=8, sample_size=16), call(16, 16, (999,))),
    # Stable Diffusion 2: heads by level, linear projections. Rows with several prompts and
    # timesteps, odd sizes on every level.
    "sd2_odd": (dict(block_out_channels=(32, 64, 64, 64), attention_head_dim=(2, 4, 4, 4), cross_attention_dim=40,
                     norm_num_groups=16, use_linear_projection=True, upcast_attention=True),
                call(15, 20, (999, 459, 19), (0, 1, 0), 11)),
    # The head sizes of Stable Diffusion 1.5, 40 and 80, and many latent channels.
    "heads_of_40": (dict(block_out_channels=(80, 160), down_block_types=(CROSS_DOWN, CROSS_DOWN),
                         up_block_types=(CROSS_UP, CROSS_UP), attention_head_dim=2, cross_attention_dim=48,
                         layers_per_block=1, norm_num_groups=16, in_channels=16, out_channels=16),
                    call(8, 8, (299,), tokens=32)),
    "one_level": (dict(block_out_channels=(32,), down_block_types=(CROSS_DOWN,), up_block_types=(CROSS_UP,),
                       attention_head_dim=4, cross_attention_dim=24, norm_num_groups=8, layers_per_block=1),
                  call(9, 9, (639, 199), (0, 0))),
    "no_attention": (dict(block_out_channels=(16, 32), down_block_types=(DOWN, DOWN), up_block_types=(UP, UP),
                          mid_block_type="UNetMidBlock2D", norm_num_groups=4, layers_per_block=(1, 2)),
                     call(9, 9)),
    # Blocks with and without attention in any order, several transformer layers, a level with fewer
    # channels than the one before.
    "deep_transformers": (dict(block_out_channels=(32, 48, 32), down_block_types=(DOWN, CROSS_DOWN, DOWN),
                               up_block_types=(UP, CROSS_UP, CROSS_UP), transformer_layers_per_block=(1, 2, 3),
                               layers_per_block=(2, 1, 1), attention_head_dim=(2, 3, 1), cross_attention_dim=16,
                               norm_num_groups=16, norm_eps=1e-3, use_linear_projection=True),
                          call(10, 7, (59,))),
    # The other value of every option.
    "switches": (dict(block_out_channels=(24, 48), down_block_types=(CROSS_DOWN, DOWN), up_block_types=(CROSS_UP, UP),
                      mid_block_type=None, attention_head_dim=3, cross_attention_dim=[20, 20], norm_num_groups=6,
                      layers_per_block=1, downsample_padding=0, flip_sin_to_cos=False, freq_shift=1,
                      time_embedding_dim=40, act_fn="swish", out_channels=3),
                 call(13, 11, (7.5,))),
}

TEXT_ENCODERS = {
    "quick_gelu": (dict(vocab_size=300, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
                        num_attention_heads=4, max_position_embeddings=77, hidden_act="quick_gelu",
                        bos_token_id=298, eos_token_id=299),
                   {"prompts": 2, "tokens": 77}),
    "gelu": (dict(vocab_size=300, hidden_size=80, intermediate_size=320, num_hidden_layers=3, num_attention_heads=5,
                  max_position_embeddings=40, hidden_act="gelu", layer_norm_eps=1e-3,
                  bos_token_id=298, eos_token_id=299),
             {"prompts": 1, "tokens": 32}),
}


def tiny(width, encoder, decoder, latents, **more):
    """Config of an AutoencoderTiny."""
    return dict(encoder_block_out_channels=(width,) * len(encoder), decoder_block_out_channels=(width,) * len(decoder),
                num_encoder_blocks=encoder, num_decoder_blocks=decoder, latent_channels=latents, **more)


def image_call(frames, height, width):
    """The shape of an autoencoder's call."""
    return {"frames": frames, "height": height, "width": width}


AUTOENCODERS_TINY = {
    "f8": (tiny(16, (1, 2, 1, 1), (1, 1, 2, 1), 4), image_call(1, 24, 40)),
    "f16_no_full_size_blocks": (tiny(16, (0, 1, 1, 1, 1), (1, 1, 1, 1, 0), 16), image_call(2, 32, 16)),
    "silu_scaled": (tiny(8, (1, 1), (1, 1), 3, act_fn="silu", scaling_factor=0.5, shift_factor=0.25),
                    image_call(1, 6, 10)),
    "one_stage_gelu": (tiny(8, (1,), (2,), 5, act_fn="gelu"), image_call(1, 5, 7)),
}


def kl(channels, **more):
    """Config of an AutoencoderKL."""
    return dict(block_out_channels=channels, down_block_types=("DownEncoderBlock2D",) * len(channels),
                up_block_types=("UpDecoderBlock2D",) * len(channels), **more)


AUTOENCODERS_KL = {
    "sd": (kl((16, 32, 32, 32), layers_per_block=2, norm_num_groups=8), image_call(1, 24, 40)),
    "plain": (kl((16, 24), layers_per_block=1, norm_num_groups=8, latent_channels=6, use_quant_conv=False,
                 use_post_quant_conv=False, mid_block_add_attention=False, scaling_factor=0.36, shift_factor=0.11),
              image_call(2, 10, 6)),
}
