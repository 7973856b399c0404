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


def diffusers_channels_last(frame, dtype, threads):
    """Diffusers' modules, eager, in channels_last."""
    torch.set_num_threads(threads)
    kind = {"bf16": torch.bfloat16, "f32": torch.float32}[dtype]
    calls = []
    for _, module, arguments in frame.parts():
        module.to(kind, memory_format=torch.channels_last)
        calls.append((module, [a.to(kind) if a.is_floating_point() else a for a in arguments]))

    @torch.inference_mode()
    def run():
        for module, arguments in calls:
            module(*arguments)
    return run


PEERS = {"openvino": openvino, "diffusers-channels-last": diffusers_channels_last}
