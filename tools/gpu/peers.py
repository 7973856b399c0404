"""Times one frame, image to image at one size, of the frameworks that the engine is compared with, on
a GPU: the same architecture with random weights, an image of bytes in host memory in and out. Prints
one JSON line a peer.

    python3 peers.py --peer diffusers --peer autopipeline
    python3 peers.py --device cpu --dtype float32 --size 64 --frames 1    # a dry run
"""

import argparse
import json
import statistics
import time
import types
import warnings

import numpy as np
import torch
from PIL import Image

from models import Frame

WARM_UP = 3
STEPS = {1: [32], 4: [16, 27, 37, 48]}


class Peer:
    """What all peers share: networks on the device, in one type, and an input image."""

    def __init__(self, args):
        self.device, self.dtype = torch.device(args.device), getattr(torch, args.dtype)
        self.size = args.size
        with self.device:
            self.frame = Frame(args.model, args.size)
        for module in (self.frame.unet, self.frame.vae):
            module.to(self.device, self.dtype, memory_format=torch.channels_last)
        self.context = self.frame.context.to(self.device, self.dtype)
        self.pixels = np.asarray(self.frame.as_pil())

    def upload(self):
        """The image as the networks want it, in -1..1."""
        pixels = torch.from_numpy(self.pixels).to(self.device).permute(2, 0, 1)[None]
        return (pixels.to(self.dtype) / 127.5 - 1).to(memory_format=torch.channels_last)

    @staticmethod
    def download(image):
        """Bytes of an image in -1..1, in host memory."""
        pixels = ((image[0].float() + 1) * 127.5).clamp(0, 255).round().byte()
        return pixels.permute(1, 2, 0).contiguous().cpu().numpy()


def frame_of(peer, compiled=None):
    """One step: encode, add noise, one UNet call, LCM's prediction, decode."""
    wrap = compiled or (lambda module: module)
    unet, vae = peer.frame.unet, peer.frame.vae
    encode, decode = wrap(vae.encoder), wrap(vae.decoder)
    predict = wrap(lambda x, t, c: unet(x, t, c, return_dict=False)[0])
    noise = torch.randn_like(peer.frame.latents).to(peer.device, peer.dtype)
    timestep = peer.frame.timestep.to(peer.device)
    alpha, beta = 0.8, 0.6

    @torch.inference_mode()
    def run():
        # a CUDA graph writes to the same memory each time: what it gave is copied
        latents = encode(peer.upload()).clone()
        noisy = alpha * latents + beta * noise
        prediction = predict(noisy, timestep, peer.context).clone()
        return peer.download(decode((noisy - beta * prediction) / alpha))
    return run


def diffusers(peer):
    """diffusers' modules, eager, channels_last, tiny autoencoder."""
    return frame_of(peer)


def compiled(peer):
    """The same with torch.compile and CUDA graphs."""
    mode = "reduce-overhead" if peer.device.type == "cuda" else "default"
    return frame_of(peer, lambda module: torch.compile(module, mode=mode))


def autopipeline(peer):
    """The pipeline that AutoPipelineForImage2Image chooses, as most run it: AutoencoderKL, PIL images
    in and out, one UNet call."""
    from diffusers import AutoencoderKL, LCMScheduler, StableDiffusionImg2ImgPipeline
    with peer.device:
        vae = AutoencoderKL(**peer.frame.autoencoder_kl)
    pipeline = StableDiffusionImg2ImgPipeline(
        vae=vae, text_encoder=None, tokenizer=None, unet=peer.frame.unet,
        scheduler=LCMScheduler(), safety_checker=None, feature_extractor=None, image_encoder=None,
        requires_safety_checker=False).to(peer.device, peer.dtype)
    pipeline.set_progress_bar_config(disable=True)
    image = Image.fromarray(peer.pixels)

    @torch.inference_mode()
    def run():
        pipeline(image=image, prompt_embeds=peer.context, num_inference_steps=2, strength=0.5,
                 guidance_scale=1.0)
    return run


def original(peer, steps=1):
    """The original Python package, as its examples call it, with the tiny autoencoder, without
    TensorRT: one frame of the stream batch."""
    from diffusers import LCMScheduler
    from diffusers.image_processor import VaeImageProcessor
    from streamdiffusion import StreamDiffusion
    if peer.device.type == "cpu":
        torch.cuda.Event = lambda **_: types.SimpleNamespace(record=lambda: None,
                                                             elapsed_time=lambda _: 0.0)
        torch.cuda.synchronize = lambda: None
    factor = peer.size // peer.frame.latents.shape[-1]
    scheduler = LCMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
                             original_inference_steps=50)
    pipe = types.SimpleNamespace(
        device=peer.device, vae_scale_factor=factor, scheduler=scheduler, unet=peer.frame.unet,
        vae=peer.frame.vae, text_encoder=None,
        encode_prompt=lambda **_: [peer.context, torch.zeros_like(peer.context)])
    stream = StreamDiffusion(pipe, STEPS[steps], torch_dtype=peer.dtype, width=peer.size,
                             height=peer.size, cfg_type="none" if steps == 1 else "self")
    # its own passes the factor where today's diffusers expects a switch
    stream.image_processor = VaeImageProcessor(vae_scale_factor=factor)
    stream.prepare("", guidance_scale=1.0 if steps == 1 else 1.2)
    image = Image.fromarray(peer.pixels)

    @torch.inference_mode()
    def run():
        return stream.image_processor.postprocess(stream(image), output_type="pil")
    return run


PEERS = {"diffusers": diffusers, "autopipeline": autopipeline, "original": original,
         "original-4-steps-self": lambda peer: original(peer, 4), "compiled": compiled}


def measure(name, peer, args):
    """One peer's figures."""
    start = time.perf_counter()
    run = PEERS[name](peer)
    for _ in range(WARM_UP):
        run()
    ready = time.perf_counter() - start
    times = []
    while len(times) < args.frames and sum(times) < args.seconds:
        start = time.perf_counter()
        run()  # its result is in host memory: the device has finished
        times.append(time.perf_counter() - start)
    return {"peer": name, "p50_ms": statistics.median(times) * 1e3, "frames": len(times),
            "ready_s": ready}


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=PEERS, action="append", help="may be repeated")
    parser.add_argument("--model", default="sd-turbo", choices=("sd-turbo", "sd15"))
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--frames", type=int, default=50, help="at most")
    parser.add_argument("--seconds", type=float, default=3, help="of each peer, at most")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtype", default="float16", help="a type of torch")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    peer = Peer(args)
    for name in args.peer or PEERS:
        try:
            result = measure(name, peer, args)
        except Exception as error:  # the next peer may run
            result = {"peer": name, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result | {"dtype": args.dtype, "size": args.size}), flush=True)


if __name__ == "__main__":
    main()
