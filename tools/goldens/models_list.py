"""The tiny models of the goldens. Each entry is (config, call). Together they use every config key
that the engine reads."""

DOWN, UP = "DownBlock2D", "UpBlock2D"
CROSS_DOWN, CROSS_UP = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"


SDXL = dict(block_out_channels=(32, 64, 64), down_block_types=(DOWN, CROSS_DOWN, CROSS_DOWN),
            up_block_types=(CROSS_UP, CROSS_UP, UP), attention_head_dim=4, cross_attention_dim=48, norm_num_groups=16,
            use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=32 + 6 * 8)


def call(h, w, timesteps=(459,), kv_rows=(0,), tokens=7, **more):
    """The shape of a UNet's call; `more` holds the inputs "size" and "guidance", an entry a row."""
    return {"rows": len(kv_rows), "h": h, "w": w, "prompts": max(kv_rows) + 1, "tokens": tokens,
            "kv_rows": list(kv_rows), "timesteps": list(timesteps), **more}


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
    # SDXL: pooled text embedding and image size join the time embedding. Rows with several prompts,
    # timesteps and sizes.
    "sdxl": (dict(SDXL, transformer_layers_per_block=(1, 2, 3), attention_head_dim=(2, 4, 4)),
             call(16, 12, (999, 459, 19), (0, 1, 0),
                  size=[[512, 512, 0, 0, 512, 512], [1024, 768, 16, 8, 512, 640], [512, 512, 0, 0, 512, 512]])),
    # SSD-1B: a depth for each transformer, another list for the up blocks, a middle block without attention.
    "ssd_1b": (dict(SDXL, transformer_layers_per_block=[[1], [1, 2], [2, 2]],
                    reverse_transformer_layers_per_block=[[2, 2, 3], [2, 1, 1], 1], mid_block_type="UNetMidBlock2D"),
               call(8, 8, (679,), size=[[512, 512, 0, 0, 512, 512]])),
    # KOALA: one resnet a level, no middle block.
    "koala": (dict(SDXL, transformer_layers_per_block=[1, 2, 5], layers_per_block=1, mid_block_type=None),
              call(9, 7, (679,), size=[[1024, 1024, 0, 0, 576, 448]])),
    # LCM-SDXL: the guidance scale joins them as well.
    "lcm_sdxl": (dict(SDXL, transformer_layers_per_block=(1, 1, 2), time_cond_proj_dim=16),
                 call(8, 8, (999, 499), (0, 0), size=[[512, 512, 0, 0, 512, 512]] * 2, guidance=[7.5, 0.5])),
    # LCM_Dreamshaper_v7: Stable Diffusion 1.5 with the guidance scale.
    "lcm_dreamshaper": (dict(block_out_channels=(16, 32, 32, 32), attention_head_dim=4, cross_attention_dim=24,
                             norm_num_groups=8, time_cond_proj_dim=32),
                        call(16, 16, (759,), guidance=[7.5])),
    # SDXS-0.9: in one level both attentions attend to the prompt.
    "sdxs": (dict(block_out_channels=(32, 64, 64), down_block_types=(CROSS_DOWN,) * 3, up_block_types=(CROSS_UP,) * 3,
                  attention_head_dim=(2, 4, 4), cross_attention_dim=40, norm_num_groups=16, layers_per_block=1,
                  mid_block_type=None, use_linear_projection=True, only_cross_attention=[True, False, False]),
             call(8, 12, (999, 499), (0, 1), 9)),
    # One value for all levels; the middle block has attention of its own all the same.
    "only_cross_attention": (dict(block_out_channels=(32,), down_block_types=(CROSS_DOWN,), up_block_types=(CROSS_UP,),
                                  attention_head_dim=4, cross_attention_dim=24, norm_num_groups=8, layers_per_block=1,
                                  only_cross_attention=True),
                             call(6, 6)),
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
    # SDXL's first encoder gives the input of its last layer; the second one the pooled embedding too.
    "sdxl": (dict(vocab_size=300, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
                  max_position_embeddings=77, hidden_act="quick_gelu", bos_token_id=298, eos_token_id=299),
             {"prompts": 1, "tokens": 77, "output": "penultimate"}),
    "sdxl_2": (dict(vocab_size=300, hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4,
                    max_position_embeddings=77, hidden_act="gelu", projection_dim=48, bos_token_id=298,
                    eos_token_id=299),
               {"prompts": 2, "tokens": 20, "output": "penultimate_and_projected"}),
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
