"""What the tests with a stand-in hub have in common. The arguments of their programs: PROGRAM DEVICE curl|no_curl."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from fake_hub import Hub, Repository

PROGRAM, DEVICE, CLIENT = sys.argv.pop(1), sys.argv.pop(1), sys.argv.pop(1)
LONGEST = 60 * float(os.environ.get("SD_TEST_PATIENCE", "1"))  # seconds that a command may take
DONE, FAILED, USAGE = 0, 1, 2
LARGE = bytes(range(256)) * 4096  # 1 MiB

MODEL_INDEX = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
               "vae": ["diffusers", "AutoencoderKL"], "text_encoder": ["transformers", "CLIPTextModel"],
               "tokenizer": ["transformers", "CLIPTokenizer"], "scheduler": ["diffusers", "LCMScheduler"]}

UNET_CONFIG = {"_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4, "block_out_channels": [16, 32],
               "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
               "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"], "layers_per_block": 1, "attention_head_dim": 2,
               "cross_attention_dim": 1024, "norm_num_groups": 8, "use_linear_projection": True}
TEXT_CONFIG = {"model_type": "clip_text_model", "hidden_size": 1024, "intermediate_size": 1024, "num_hidden_layers": 1,
               "num_attention_heads": 16, "vocab_size": 3000}
TOKENIZER = pathlib.Path(__file__).resolve().parents[1] / "data/text"
VAE_CONFIG = {"_class_name": "AutoencoderKL", "block_out_channels": [16, 32], "latent_channels": 4,
              "down_block_types": ["DownEncoderBlock2D"] * 2, "up_block_types": ["UpDecoderBlock2D"] * 2,
              "layers_per_block": 1, "norm_num_groups": 8, "scaling_factor": 0.18215}


def turbo():
    """A repository with the names of sd-turbo's files."""
    files = {"model_index.json": json.dumps(MODEL_INDEX).encode(), "README.md": b"readme",
             "scheduler/scheduler_config.json": b"{}", "tokenizer/vocab.json": (TOKENIZER / "vocab.json").read_bytes(),
             "tokenizer/merges.txt": (TOKENIZER / "merges.txt").read_bytes(),
             "text_encoder/config.json": json.dumps(TEXT_CONFIG).encode(), "text_encoder/model.fp16.safetensors": LARGE[::-1],
             "text_encoder/model.safetensors": b"f32 weights", "unet/config.json": json.dumps(UNET_CONFIG).encode(),
             "unet/diffusion_pytorch_model.fp16.safetensors": LARGE, "vae/config.json": json.dumps(VAE_CONFIG).encode(),
             "unet/diffusion_pytorch_model.safetensors": b"f32 weights too",
             "vae/diffusion_pytorch_model.fp16.safetensors": b"vae" * 1000, "sd_turbo.safetensors": b"all in one"}
    return Repository(files, lfs={path for path in files if path.endswith(".safetensors")})


def taesd():
    return Repository({"config.json": b'{"_class_name": "AutoencoderTiny"}', "README.md": b"",
                       "diffusion_pytorch_model.safetensors": b"tiny" * 100, "taesd_decoder.safetensors": b"x"},
                      lfs={"diffusion_pytorch_model.safetensors", "taesd_decoder.safetensors"})


# What a pull of it fetches.
WANTED = {"model_index.json", "scheduler/scheduler_config.json", "tokenizer/vocab.json", "tokenizer/merges.txt",
          "text_encoder/config.json", "text_encoder/model.fp16.safetensors", "unet/config.json",
          "unet/diffusion_pytorch_model.fp16.safetensors", "vae/config.json",
          "vae/diffusion_pytorch_model.fp16.safetensors"}
UNET = "unet/diffusion_pytorch_model.fp16.safetensors"


class HubTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.hub = self.enterContext(Hub().running())
        self.hub.repositories = {"org/turbo": turbo(), "madebyollin/taesd": taesd()}
        self.cache = self.folder / "home/hub"

    def environment(self, **more):
        keep = {key: value for key, value in os.environ.items()
                if not key.startswith(("HF_", "HUGGING", "TRANSFORMERS_", "XDG_", "CIVITAI")) and
                not key.lower().endswith("_proxy")}
        return keep | {"HOME": str(self.folder), "HF_HOME": str(self.folder / "home"),
                       "HF_ENDPOINT": self.hub.endpoint, "CIVITAI_ENDPOINT": self.hub.endpoint,
                       "HF_HUB_DOWNLOAD_TIMEOUT": "2"} | more

    def start(self, *arguments, **environment):
        return subprocess.Popen([PROGRAM, *arguments], text=True, env=self.environment(**environment),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run_program(self, *arguments, expect=DONE, preexec_fn=None, **environment):
        done = subprocess.run([PROGRAM, *arguments], text=True, env=self.environment(**environment), timeout=LONGEST,
                              stdin=subprocess.DEVNULL, capture_output=True, preexec_fn=preexec_fn)
        self.assertEqual(done.returncode, expect, done.stderr)
        self.said = done.stderr
        return done.stdout.strip()

    def pull(self, name="org/turbo", *flags, **more):
        return self.run_program("pull", name, *flags, **more)

    def refused(self, *parts, name="org/turbo", flags=(), **more):
        self.pull(name, *flags, expect=FAILED, **more)
        for part in parts:
            self.assertIn(part, self.said)

    def snapshot(self, name="org/turbo"):
        repository = self.hub.repositories[name]
        return self.cache / f"models--{name.replace('/', '--')}" / "snapshots" / repository.refs["main"]

    def there(self, name="org/turbo"):
        root = self.snapshot(name)
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    def check(self, name="org/turbo"):
        for path in self.there(name):
            self.assertEqual((self.snapshot(name) / path).read_bytes(), self.hub.repositories[name].files[path], path)

    def partial(self, hash):
        return self.cache / "models--org--turbo/blobs" / f"{hash}.sd-partial"

    def left_over(self):
        return [path.name for path in self.cache.rglob("*")
                if path.name.endswith(".sd-partial") or path.name.startswith(".unfinished")]
