"""The peers. Each is a function that makes a callable `frame()`: encode, one UNet call, decode, on two or more threads."""

import torch


def openvino(frame, dtype, threads):
    """OpenVINO: the three networks traced from PyTorch and compiled for latency."""
    import openvino as ov
    core = ov.Core()
    options = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": str(threads),
               "INFERENCE_PRECISION_HINT": dtype}
    requests = []
    for _, module, arguments in frame.parts():
        model = ov.convert_model(module, example_input=arguments)
        for place, argument in enumerate(arguments):
            model.inputs[place].get_node().set_partial_shape(ov.PartialShape(list(argument.shape)))
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


def diffusers(frame, dtype, threads, layout=torch.contiguous_format, prepare=lambda module: module):
    """Diffusers' modules as they come; `prepare` may compile each."""
    torch.set_num_threads(threads)
    kind = TYPES[dtype]
    calls = []
    for _, module, arguments in frame.parts():
        module.to(kind, memory_format=layout)
        calls.append((prepare(module), [a.to(kind) if a.is_floating_point() else a for a in arguments]))

    @torch.inference_mode()
    def run():
        for module, arguments in calls:
            module(*arguments)
    return run


def diffusers_channels_last(frame, dtype, threads):
    """The same in channels_last."""
    return diffusers(frame, dtype, threads, torch.channels_last)


def diffusers_compiled(frame, dtype, threads):
    """The same through torch.compile."""
    return diffusers(frame, dtype, threads, torch.channels_last, torch.compile)


def autopipeline(frame, dtype, threads):
    """The pipeline that AutoPipelineForImage2Image finds, with the large autoencoder, PIL picture in and out, one step."""
    from diffusers import AutoencoderKL, LCMScheduler, StableDiffusionImg2ImgPipeline
    torch.set_num_threads(threads)
    if frame.large_autoencoder is None:
        raise SystemExit("autopipeline needs a model of Stable Diffusion's own shape: sd-turbo or sd15")
    pipeline = StableDiffusionImg2ImgPipeline(
        vae=AutoencoderKL(**frame.large_autoencoder), text_encoder=None, tokenizer=None, unet=frame.unet,
        scheduler=LCMScheduler(), safety_checker=None, feature_extractor=None, image_encoder=None,
        requires_safety_checker=False).to(TYPES[dtype])
    pipeline.set_progress_bar_config(disable=True)
    context, picture = frame.context.to(TYPES[dtype]), frame.as_pil()

    @torch.inference_mode()
    def run():
        pipeline(image=picture, prompt_embeds=context, num_inference_steps=2, strength=0.5, guidance_scale=1.0)
    return run


TYPES = {"bf16": torch.bfloat16, "f32": torch.float32}
PEERS = {"openvino": openvino, "diffusers": diffusers, "diffusers-channels-last": diffusers_channels_last,
         "diffusers-compiled": diffusers_compiled, "autopipeline": autopipeline}
