"""The original's interface. What needs PyTorch is skipped without it."""
import json
import struct
import subprocess
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

import streamdiffusion_cpp as sd
from streamdiffusion_cpp.compat import StreamDiffusionWrapper
from test_model_names import MODEL, NAME, Repository, hub  # noqa: F401

SIZE = 64
LCM_LORA = "latent-consistency/lcm-lora-sdv1-5"


def drawing(number=0):
    pixels = np.full((SIZE, SIZE, 3), 255, np.uint8)
    pixels[16:48, 8 + number:40 + number] = (220, 30, 30)
    return pixels


# The flows of the original's examples, written anew.

def wrapper(**more):
    return StreamDiffusionWrapper(None, [18, 32], width=SIZE, height=SIZE, use_lcm_lora=False, **more)


def test_image_to_image_as_the_examples_do_it(tmp_path):
    Image.fromarray(drawing()).save(tmp_path / "in.png")
    stream = wrapper(frame_buffer_size=1, cfg_type="self", seed=2)
    stream.prepare(prompt="red apple", negative_prompt="", num_inference_steps=50, guidance_scale=1.2, delta=0.5)
    image = stream.preprocess_image(str(tmp_path / "in.png"))
    first = stream(image=image)
    for _ in range(stream.batch_size - 1):
        stream(image=image)
    last = stream(image=image)
    assert isinstance(first, Image.Image) and first.size == (SIZE, SIZE)
    assert np.array_equal(np.asarray(first), np.asarray(last))


@pytest.mark.parametrize("output_type", ["np", "pil"])
def test_text_to_image_as_the_examples_do_it(output_type):
    stream = StreamDiffusionWrapper(None, [0, 16, 32, 45], mode="txt2img", cfg_type="none", output_type=output_type,
                                    width=SIZE, height=SIZE)
    stream.prepare(prompt="red apple", num_inference_steps=50)
    for _ in range(stream.batch_size - 1):
        stream()
    image = stream()
    assert np.asarray(image).shape == (SIZE, SIZE, 3)


def test_arguments_without_meaning_are_warned_of_by_name():
    with pytest.warns(UserWarning, match="acceleration='xformers'"):
        wrapper(acceleration="xformers")
    with pytest.raises(NotImplementedError, match="safety"):
        wrapper(use_safety_checker=True)
    with pytest.raises(ValueError, match="cfg_type"):
        wrapper(mode="txt2img")
    with pytest.raises(RuntimeError, match="prepare"):
        wrapper()(drawing())


def test_what_dtype_is_for_is_said():
    class Type:
        def __repr__(self):
            return "torch.float16"

    computes = "the engine computes in (bf16|f32), which it chose itself"
    for output_type, says in [("pil", f"has no effect: output_type='pil' gives no tensors, and {computes}"),
                              ("pt", f"is the type of the tensors that come out, and nothing else: {computes}")]:
        with pytest.warns(UserWarning, match=f"dtype=torch.float16 {says}") as caught:
            wrapper(dtype=Type(), output_type=output_type)
        assert len(caught) == 1 and caught[0].filename == __file__


def test_the_earlier_name_of_do_add_noise_is_taken():
    for value in (False, True):
        with pytest.warns(UserWarning, match=f"is_drawing={value} is the earlier name of do_add_noise") as caught:
            stream = wrapper(is_drawing=value)
        assert len(caught) == 1 and caught[0].filename == __file__
        stream.prepare("red apple")
        assert stream._session.parameters["do_add_noise"] is value
    with pytest.raises(ValueError, match="is_drawing is True and do_add_noise False"):
        wrapper(is_drawing=True, do_add_noise=False)


def count_calls(stream):
    """Of the stream itself."""
    calls, process = [], stream._session.process
    stream._session.process = lambda *frame: calls.append(frame) or process(*frame)
    stream._session.flush = None  # would end the frames in flight
    return calls


def test_text_to_image_takes_one_step_of_several_images_a_call():
    stream = StreamDiffusionWrapper(None, [0, 16, 32], mode="txt2img", cfg_type="none", output_type="np",
                                    width=SIZE, height=SIZE)
    stream.prepare("red apple")
    calls = count_calls(stream)
    images = [stream() for _ in range(6)]
    assert len(calls) == 6
    with sd.Engine.open().session(**stream._parameters) as session:
        alone = [output.image / np.float32(255) for _ in range(6) for output in session.process()]
    assert len(alone) == 4
    expected = alone[:1] * 3 + alone[1:]  # the first one, finished, until it leaves the stream
    for got, wanted in zip(images, expected, strict=True):
        assert np.abs(got - wanted).max() < 0.02


def test_an_unchanged_script_runs_through_the_shim(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import sys\nfrom utils.wrapper import StreamDiffusionWrapper\n"
                      "stream = StreamDiffusionWrapper(sys.argv[1] or None, [30], width=64, height=64)\n"
                      "stream.prepare('red apple')\nprint(stream(sys.argv[2]).size)\n")
    Image.fromarray(drawing()).save(tmp_path / "in.png")
    done = subprocess.run([sys.executable, "-m", "streamdiffusion_cpp.shim", script, "", tmp_path / "in.png"],
                          capture_output=True, text=True, timeout=60)
    assert done.stdout == "(64, 64)\n", done.stderr


def run_script(folder, text, *arguments, name="examples/img2img/single.py", environment=None):
    script = folder / name
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(text)
    done = subprocess.run([sys.executable, "-m", "streamdiffusion_cpp.shim", script, *arguments], capture_output=True,
                          text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_script_imports_from_its_own_folder_and_from_the_rest_of_the_checkout(tmp_path):
    (tmp_path / "utils").mkdir()
    (tmp_path / "utils/viewer.py").write_text("def receive_images():\n    return 'viewer'\n")
    (tmp_path / "utils/wrapper.py").write_text("raise SystemExit('the wrapper of the checkout')\n")
    (tmp_path / "examples/img2img").mkdir(parents=True)
    (tmp_path / "examples/img2img/helper.py").write_text("NAME = 'helper'\n")
    lines = run_script(tmp_path, "import os, sys\n"
                       "sys.path.append(os.path.join(os.path.dirname(__file__), '..', '..'))\n"
                       "import helper\nfrom utils.viewer import receive_images\n"
                       "from utils.wrapper import StreamDiffusionWrapper\n"
                       "print(helper.NAME, receive_images(), StreamDiffusionWrapper.__module__)\n")
    assert lines == ["helper viewer streamdiffusion_cpp.compat"]


def test_the_processes_of_a_script_have_the_modules_too(tmp_path):
    lines = run_script(tmp_path, "import multiprocessing, sys\n"
                       "from utils.wrapper import StreamDiffusionWrapper\n"
                       "def work(queue):\n"
                       "    stream = StreamDiffusionWrapper(None, [0], mode='txt2img', cfg_type='none', width=64, height=64)\n"
                       "    stream.prepare('red apple')\n"
                       "    queue.put((stream().size, sys.argv[1:]))\n"
                       "if __name__ == '__main__':\n"
                       "    queue = multiprocessing.Queue()\n"
                       "    process = multiprocessing.Process(target=work, args=(queue,))\n"
                       "    process.start()\n"
                       "    print(queue.get(timeout=60))\n"
                       "    process.join()\n"
                       "    multiprocessing.set_start_method('spawn')\n"
                       "    print(process.exitcode)\n", "word")
    assert lines == ["((64, 64), ['word'])", "0"]


def test_what_the_shim_lacks_is_named(tmp_path):
    lines = run_script(tmp_path, "for text in ('from streamdiffusion import StreamDiffusion',\n"
                       "             'import streamdiffusion.acceleration.tensorrt', 'import utils.absent'):\n"
                       "    try:\n        exec(text)\n"
                       "    except ImportError as error:\n        print(error)\n")
    assert "streamdiffusion.StreamDiffusion works on a diffusers pipeline" in lines[0]
    assert "streamdiffusion.acceleration works on a diffusers pipeline" in lines[1]
    assert "utils.absent" in lines[2]
    absent = subprocess.run([sys.executable, "-m", "streamdiffusion_cpp.shim", tmp_path / "absent.py"],
                            capture_output=True, text=True, timeout=60)
    assert absent.returncode == 1 and absent.stderr == f"streamdiffusion_cpp.shim: there is no file {tmp_path}/absent.py\n"


@pytest.mark.parametrize("form", ["planes", "array", "pil"])
def test_a_batch_of_frames_goes_in_and_comes_out(form):
    stream = wrapper(frame_buffer_size=2, output_type="np")
    stream.prepare("red apple")
    alone = wrapper(output_type="np")
    alone.prepare("red apple")
    frames = [drawing(number) for number in range(6)]
    expected = [alone(frame) for frame in frames]  # the second step's: one call late
    forms = {"planes": lambda pair: np.stack([np.moveaxis(frame, 2, 0) for frame in pair]) / np.float32(255),
             "array": np.stack, "pil": lambda pair: [Image.fromarray(frame) for frame in pair]}
    batches = [stream(forms[form](frames[i:i + 2])) for i in range(0, 6, 2)]
    assert [batch.shape for batch in batches] == [(2, SIZE, SIZE, 3)] * 3
    assert np.array_equal(batches[0], batches[1])  # the first batch, finished, until it is ready
    assert np.abs(batches[1][0] - expected[1]).max() < 0.1 and np.abs(batches[1][1] - expected[2]).max() < 0.1
    assert np.abs(batches[2][0] - expected[3]).max() < 0.1 and np.abs(batches[2][1] - expected[4]).max() < 0.1
    with pytest.raises(sd.InvalidArgument, match="a batch of 1, expected 2 images"):
        stream(frames[0])


def test_text_to_image_gives_a_batch():
    stream = StreamDiffusionWrapper(None, [0], mode="txt2img", cfg_type="none", output_type="np", width=SIZE, height=SIZE,
                                    frame_buffer_size=3)
    stream.prepare("red apple")
    images = stream()
    assert images.shape == (3, SIZE, SIZE, 3) and not np.array_equal(images[0], images[1])


def lora_file():
    """One layer of the included model's UNet, in kohya's spelling; f32, rank 1."""
    module = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q"
    tensors = {f"{module}.lora_down.weight": [1, 160], f"{module}.lora_up.weight": [160, 1]}
    header, data = {}, b""
    for name, shape in tensors.items():
        values = np.full(shape, 0.01, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_the_lora_that_the_original_adds_is_added(hub):
    name = "pytorch_lora_weights.safetensors"
    hub.repositories[LCM_LORA] = Repository({name: lora_file()}, lfs={name})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stream = StreamDiffusionWrapper(NAME, [30], width=SIZE, height=SIZE)
    assert len(stream._engine.info["loras"]) == 1
    requests = len(hub.requests)
    for model, more in [(NAME, {"use_lcm_lora": False}), (None, {})]:
        assert not StreamDiffusionWrapper(model, [30], width=SIZE, height=SIZE, **more)._engine.info["loras"]
    assert len(hub.requests) == requests


def test_downloads_are_told_on_standard_error(hub, capfd):
    StreamDiffusionWrapper(NAME, [30], width=SIZE, height=SIZE, use_lcm_lora=False)
    told = capfd.readouterr().err
    assert told.splitlines()[-1] == f"{NAME}: 29 of 29 MB" and told.count("\n") <= 3
    StreamDiffusionWrapper(NAME, [30], width=SIZE, height=SIZE, use_lcm_lora=False)
    assert capfd.readouterr().err == ""


def test_the_lora_that_the_original_adds_is_missed_by_name(hub):
    with pytest.warns(UserWarning, match=f"lcm_lora_id=None: .*{LCM_LORA}.*use_lcm_lora=False") as caught:
        stream = StreamDiffusionWrapper(NAME, [30], width=SIZE, height=SIZE)
    assert len(caught) == 1 and caught[0].filename == __file__
    stream.prepare("red apple")
    assert stream(drawing()).size == (SIZE, SIZE)
    with pytest.raises(sd.NotFound, match="org/absent"):
        StreamDiffusionWrapper("org/absent", [30])


def test_errors_of_the_wrapper_are_the_librarys(tmp_path):
    (tmp_path / "text.png").write_text("no image")
    stream = wrapper()
    calls = [(sd.InvalidArgument, lambda: wrapper(mode="img2vid")), (sd.InvalidArgument, lambda: wrapper(output_type="x")),
             (sd.Unsupported, lambda: wrapper(use_denoising_batch=False)), (sd.Error, lambda: stream(drawing())),
             (sd.NotFound, lambda: stream.preprocess_image(tmp_path / "absent.png")),
             (sd.InputOutput, lambda: stream.preprocess_image(tmp_path / "text.png")),
             (sd.InvalidType, lambda: stream.preprocess_image(object()))]
    for kind, call in calls:
        with pytest.raises(kind):
            call()


# With PyTorch.

def test_tensors_of_every_kind_are_taken():
    torch = pytest.importorskip("torch")
    stream = wrapper(output_type="np")
    planes = torch.from_numpy(np.moveaxis(drawing(), 2, 0).copy()).float() / 255
    for kind in (planes, planes.half(), planes.bfloat16(), planes.clone().requires_grad_(), planes * 2 - 1, planes[None],
                 (planes * 2 - 1).bfloat16().requires_grad_()):
        pixels = stream.preprocess_image(kind)
        assert pixels.dtype == np.uint8 and np.abs(pixels.astype(int) - drawing()).max() <= 2, kind.dtype


def test_outputs_are_tensors():
    torch = pytest.importorskip("torch")
    pair = torch.from_numpy(np.stack([np.moveaxis(drawing(), 2, 0)] * 2))
    images = {}
    for output_type in ("pt", "latent", "np"):
        with pytest.warns(UserWarning, match="dtype=torch.float16"):
            stream = wrapper(output_type=output_type, dtype=torch.float16, frame_buffer_size=2)
        stream.prepare("red apple")
        images[output_type] = stream(pair)
    assert images["pt"].shape == (2, 3, SIZE, SIZE) and images["pt"].dtype == images["latent"].dtype == torch.float16
    expected = np.moveaxis(images["np"], 3, 1)
    assert np.abs(images["pt"].float().numpy() - expected).max() < 1e-3
    assert np.abs(images["latent"].float().numpy() - (2 * expected - 1)).max() < 1e-3


def test_the_calls_of_the_stream_inside():
    pytest.importorskip("torch")
    stream = StreamDiffusionWrapper(None, [0], mode="txt2img", cfg_type="none", width=SIZE, height=SIZE, frame_buffer_size=2)
    stream.prepare("red apple")
    images = stream.stream.txt2img_sd_turbo(3)
    assert images.shape == (3, 3, SIZE, SIZE) and not bool((images[0] == images[1]).all())
    assert stream.stream().shape == (2, 3, SIZE, SIZE) and stream.stream.batch_size == 2
    with pytest.raises(AttributeError, match="stream.unet .* diffusers pipeline"):
        stream.stream.unet
    outer, inner = wrapper(output_type="np"), wrapper()
    outer.prepare("red apple")
    inner.stream.prepare("red apple")
    images = inner.stream(drawing())
    assert np.abs(np.moveaxis(images.numpy() / 2 + 0.5, 1, 3) - outer(drawing())).max() < 1e-3


def test_image_utils(tmp_path):
    pytest.importorskip("torch")
    Image.fromarray(drawing()).save(tmp_path / "in.png")
    lines = run_script(tmp_path, "import sys\nfrom PIL import Image\nimport numpy as np\n"
                       "from streamdiffusion.image_utils import (denormalize, numpy_to_pil, pil2tensor, postprocess_image,\n"
                       "                                         process_image, pt_to_numpy)\n"
                       "image = Image.open(sys.argv[1])\n"
                       "batch = pil2tensor(image)\n"
                       "print(tuple(batch.shape), batch.dtype, float(batch.max()))\n"
                       "back, = postprocess_image(batch)\n"
                       "print(np.abs(np.asarray(back).astype(int) - np.asarray(image)).max() <= 1)\n"
                       "print(postprocess_image(batch, 'np').shape, tuple(postprocess_image(batch, 'pt').shape))\n"
                       "print(postprocess_image(batch, 'latent') is batch)\n"
                       "print(float(process_image(image, (0, 1))[0].min()) > 0.1)\n", tmp_path / "in.png")
    assert lines == ["(1, 3, 64, 64) torch.float16 1.0", "True", "(1, 64, 64, 3) (1, 3, 64, 64)", "True", "True"]
