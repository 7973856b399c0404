"""The peers. Each function returns a callable that runs one frame: encode, one UNet call, decode.
"""

import torch


def cap_to_avx2():
    """Loops that PyTorch compiles use 256 bits. Its own kernels and oneDNN's go by the environment:
    ATEN_CPU_CAPABILITY and ONEDNN_MAX_CPU_ISA, set before the process starts."""
    from torch._inductor import config
    config.cpp.simdlen = 256


def openvino(frame, dtype, threads):
    """OpenVINO: the three networks, traced from PyTorch and compiled for latency."""
    import openvino as ov
    from openvino.frontend.pytorch.patch_model import __make_16bit_traceable as make_16bit_traceable
    core = ov.Core()
    options = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1",
               "INFERENCE_NUM_THREADS": str(threads),
               "INFERENCE_PRECISION_HINT": dtype}
    requests = []
    for _, module, arguments in frame.components():
        if next(module.parameters()).dtype == torch.float16:
            make_16bit_traceable(module)
        model = ov.convert_model(module, example_input=arguments)
        for index, argument in enumerate(arguments):
            model.inputs[index].get_node().set_partial_shape(ov.PartialShape(list(argument.shape)))
        model.validate_nodes_and_infer_types()
        request = core.compile_model(model, "CPU", options).create_infer_request()
        requests.append((request, [a.numpy() for a in arguments]))
        del model
    encode, unet, decode = requests

    def run():
        encode[0].infer(encode[1])
        unet[0].infer(unet[1])
        decode[0].infer(decode[1])
    return run


def diffusers(frame, dtype, threads, layout=torch.contiguous_format,
              transform=lambda module: module):
    """diffusers' modules; `transform` may compile each."""
    torch.set_num_threads(threads)
    type_ = TYPES[dtype]
    calls = []
    for _, module, arguments in frame.components():
        module.to(type_, memory_format=layout)
        inputs = [a.to(type_) if a.is_floating_point() else a for a in arguments]
        calls.append((transform(module), inputs))

    @torch.inference_mode()
    def run():
        for module, arguments in calls:
            module(*arguments)
    return run


def diffusers_channels_last(frame, dtype, threads):
    """The same in channels_last."""
    return diffusers(frame, dtype, threads, torch.channels_last)


def diffusers_compiled(frame, dtype, threads):
    """The same with torch.compile."""
    return diffusers(frame, dtype, threads, torch.channels_last, torch.compile)


def autopipeline(frame, dtype, threads):
    """The pipeline of AutoPipelineForImage2Image with AutoencoderKL, PIL images in and out, one
    step."""
    from diffusers import AutoencoderKL, LCMScheduler, StableDiffusionImg2ImgPipeline
    torch.set_num_threads(threads)
    if frame.autoencoder_kl is None or frame.added:
        raise SystemExit("autopipeline needs a Stable Diffusion architecture: sd-turbo or sd15")
    pipeline = StableDiffusionImg2ImgPipeline(
        vae=AutoencoderKL(**frame.autoencoder_kl), text_encoder=None, tokenizer=None,
        unet=frame.unet, scheduler=LCMScheduler(), safety_checker=None, feature_extractor=None,
        image_encoder=None, requires_safety_checker=False).to(TYPES[dtype])
    pipeline.set_progress_bar_config(disable=True)
    context, image = frame.context.to(TYPES[dtype]), frame.as_pil()

    @torch.inference_mode()
    def run():
        pipeline(image=image, prompt_embeds=context, num_inference_steps=2, strength=0.5,
                 guidance_scale=1.0)
    return run


TYPES = {"bf16": torch.bfloat16, "f32": torch.float32}
PEERS = {"openvino": openvino, "diffusers": diffusers,
         "diffusers-channels-last": diffusers_channels_last,
         "diffusers-compiled": diffusers_compiled, "autopipeline": autopipeline}
