#!/usr/bin/env python3
"""What `pull` fetches, and what it says. Usage: pull_test.py PROGRAM DEVICE curl|no_curl"""
import contextlib
import json
import os
import pathlib
import subprocess
import unittest

from hub_case import CLIENT, DONE, FAILED, LARGE, LONGEST, PROGRAM, UNET, UNET_CONFIG, USAGE, WANTED, HubTest, turbo
from fake_hub import Fault, Repository


@unittest.skipIf(CLIENT == "no_curl", "this build cannot download")
class Pull(HubTest):
    def test_only_what_is_needed_arrives_in_pythons_layout(self):
        self.assertEqual(self.pull(), str(self.snapshot()))
        self.assertEqual(self.there(), WANTED)
        self.check()
        root = self.cache / "models--org--turbo"
        self.assertEqual((root / "refs/main").read_text(), self.hub.repositories["org/turbo"].refs["main"])
        blob = self.hub.repositories["org/turbo"].hashes[UNET]
        self.assertEqual(os.readlink(self.snapshot() / UNET), f"../../../blobs/{blob}")
        self.assertEqual(self.left_over(), [])
        self.assertIn("license mit", self.said)
        self.assertEqual(self.hub.leaked, [])

    def test_the_tiny_autoencoder_comes_along(self):
        self.pull()
        self.assertEqual(self.there("madebyollin/taesd"), {"config.json", "diffusion_pytorch_model.safetensors"})
        self.run_program("models", "--remove", "madebyollin/taesd")
        self.pull("org/turbo", "--no-tiny")
        self.assertFalse((self.cache / "models--madebyollin--taesd").exists())
        del self.hub.repositories["madebyollin/taesd"]
        self.pull()
        self.assertIn("warning: madebyollin/taesd: no such repository", self.said)

    def test_a_mirror_may_pass_on_the_addresses_of_the_original(self):
        self.hub.link_host = "https://hub.invalid"
        self.pull()
        self.check()

    def test_a_second_pull_asks_and_fetches_nothing(self):
        self.pull()
        before = self.hub.count("/resolve/")
        self.pull()
        self.assertEqual(self.hub.count("/resolve/"), before)
        self.assertIn("all there", self.said)

    def test_a_new_revision_fetches_what_is_new(self):
        self.pull()
        old, repository = self.snapshot(), self.hub.repositories["org/turbo"]
        repository.refs["main"] = "1" * 40
        repository.files["unet/config.json"] = json.dumps(UNET_CONFIG, indent=1).encode()
        before = self.hub.count("/resolve/")
        self.pull()
        self.assertEqual(self.hub.count("/resolve/"), before + 1)
        self.check()
        self.assertTrue(old.exists())

    def test_full_precision_revisions_and_single_files(self):
        self.pull("org/turbo", "--full", "--no-tiny")
        self.assertIn("unet/diffusion_pytorch_model.safetensors", self.there())
        self.assertNotIn(UNET, self.there())
        repository = self.hub.repositories["org/turbo"]
        repository.refs["refs/pr/1"] = "2" * 40
        self.assertTrue(self.pull("org/turbo@refs/pr/1").endswith("2" * 40))
        self.assertTrue(self.pull("org/turbo/sd_turbo.safetensors").endswith("/sd_turbo.safetensors"))
        self.assertIn("sd_turbo.safetensors", self.there())

    def test_refusals_say_what_to_do(self):
        self.refused("org/none: no such repository", "private", "no token is set", name="org/none")
        self.refused("the token that is set may not read it", name="org/none", HF_TOKEN="hf_wrong")
        self.refused("no revision \"v9\"", name="org/turbo@v9")
        self.refused("no file \"x.safetensors\"", "sd_turbo.safetensors", name="org/turbo/x.safetensors")
        repository = self.hub.repositories["org/turbo"]
        repository.gated = "auto"
        self.refused("license has to be accepted", f"{self.hub.endpoint}/org/turbo", "set a token")
        self.refused("with the account of the token", HF_TOKEN="hf_wrong")
        self.hub.token = "hf_right"
        self.pull(HF_TOKEN="hf_right")
        self.check()
        self.assertEqual(self.hub.leaked, [])
        repository.gated, repository.private = False, True
        self.refused("no such repository")

    def test_a_token_comes_from_pythons_file(self):
        self.hub.repositories["org/turbo"].private = True
        self.hub.token = "hf_filed"
        self.cache.mkdir(parents=True)
        (self.folder / "home/token").write_text("hf_filed\n")
        self.pull()
        self.check()

    def test_a_repository_that_was_renamed_is_found(self):
        self.hub.renamed["old/turbo"] = "org/turbo"
        path = self.pull("old/turbo")
        self.assertIn("old/turbo is now called org/turbo", self.said)
        self.assertIn("models--old--turbo", path)
        self.assertEqual((pathlib.Path(path) / UNET).read_bytes(), LARGE)

    def test_pickles_are_refused_by_name(self):
        files = {path: content for path, content in self.hub.repositories["org/turbo"].files.items()
                 if not path.startswith("unet/diffusion")} | {"unet/diffusion_pytorch_model.bin": b"x"}
        self.hub.repositories["org/turbo"] = Repository(files)
        self.refused("unet/diffusion_pytorch_model.bin", "pickle")

    def test_what_cannot_be_used_is_refused_before_its_weights(self):
        index, text = json.loads(turbo().files["model_index.json"]), ["transformers", "T5EncoderModel"]
        for path, content, part in (
                ("unet/config.json", UNET_CONFIG | {"act_fn": "mish"}, "act_fn"),
                ("unet/config.json", UNET_CONFIG | {"in_channels": 9}, "an inpainting model"),
                ("unet/config.json", UNET_CONFIG | {"in_channels": 8}, "InstructPix2Pix"),
                ("unet/config.json", UNET_CONFIG | {"cross_attention_dim": 512}, "cross_attention_dim"),
                ("unet/config.json", "{", "unet/config.json"),
                ("vae/config.json", {"_class_name": "PaellaVQModel"}, "PaellaVQModel"),
                ("text_encoder/config.json", {"model_type": "t5"}, "t5"),
                ("model_index.json", index | {"text_encoder": text}, "T5EncoderModel"),
                ("model_index.json", index | {"requires_aesthetics_score": True}, "a refiner"),
                ("model_index.json", "{", "model_index.json"), ("model_index.json", [], "model_index.json"),
                ("scheduler/scheduler_config.json", {"thresholding": True}, "thresholding"),
                ("scheduler/scheduler_config.json", {"prediction_type": "flow"}, "scheduler_config.json: \"prediction_type"),
                ("scheduler/scheduler_config.json", "{", "scheduler_config.json"),
                ("tokenizer/vocab.json", "{", "vocab.json"), ("tokenizer/merges.txt", "a b c", "merges.txt")):
            with self.subTest(path=path, part=part):
                files = turbo().files | {path: (content if isinstance(content, str) else json.dumps(content)).encode()}
                self.hub.repositories["org/bad"] = Repository(files, lfs={p for p in files if p.endswith("safetensors")})
                self.refused(part, "its weights are not downloaded", name="org/bad")
                self.run_program("image", "--model", "org/bad", "--output", str(self.folder / "x.png"), expect=FAILED)
                self.assertIn("its weights are not downloaded", self.said)
                self.assertEqual(self.hub.count("", "store"), 0)
                self.assertIn("cannot be used", self.run_program("models"))
                self.run_program("models", "--remove", "org/bad")
        self.hub.repositories["org/flux"] = Repository({"model_index.json": b"{}", "transformer/config.json": b"{}",
                                                        "text_encoder_2/model.safetensors": b"x"})
        self.refused("without unet/", "transformer/", name="org/flux")

    def test_weights_without_a_byte_are_refused(self):
        repository = self.hub.repositories["org/turbo"]
        files = repository.files | {UNET: b""}
        self.hub.repositories["org/turbo"] = Repository(files, lfs=repository.lfs)
        self.refused(UNET, "has 0 bytes", "too few for a safetensors file")
        self.assertEqual(self.hub.count("", "store"), 0)
        self.hub.civitai["9"] = (b"", "ink.safetensors")
        self.refused("ink.safetensors", "has 0 bytes", name="civitai:9")

    def test_a_component_that_cannot_be_used_is_refused_before_its_weights(self):
        for config, part in (({"_class_name": "FluxTransformer2DModel"}, "FluxTransformer2DModel"),
                             ({"_class_name": "ControlNetModel", "act_fn": "mish"}, "act_fn")):
            files = {"config.json": json.dumps(config).encode(), "diffusion_pytorch_model.safetensors": LARGE}
            self.hub.repositories["org/part"] = Repository(files, lfs={"diffusion_pytorch_model.safetensors"})
            self.refused(part, "its weights are not downloaded", name="org/part")
            self.assertEqual(self.hub.count("", "store"), 0)
            self.assertIn("cannot be used", self.run_program("models"))
            self.run_program("models", "--remove", "org/part")

    def test_progress_has_a_rate_and_the_time_that_is_left(self):
        self.hub.faults[UNET] = Fault("slow", after=0.02)
        terminal, end = os.openpty()
        program = subprocess.Popen([PROGRAM, "pull", "org/turbo"], env=self.environment(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=end)
        os.close(end)
        said = b""
        with contextlib.suppress(OSError):  # at the end of a terminal
            while piece := os.read(terminal, 4096):
                said += piece
        os.close(terminal)
        program.stdout.read()
        program.stdout.close()
        self.assertEqual(program.wait(LONGEST), DONE, said)
        self.assertRegex(said.decode(), r"\rorg/turbo  \d/\d+ files  [\d.]+ .?B of 2.10 MB  [\d.]+ .?B/s  0:\d\d left")

    def test_shards_follow_their_index(self):
        repository = self.hub.repositories["org/turbo"]
        files = {path: content for path, content in repository.files.items() if "diffusion_pytorch_model" not in path
                 or path.startswith("vae")}
        files["unet/diffusion_pytorch_model.safetensors.index.json"] = json.dumps(
            {"weight_map": {"a": "part-1.safetensors", "b": "part-2.safetensors"}}).encode()
        files |= {"unet/part-1.safetensors": b"1" * 8, "unet/part-2.safetensors": b"2" * 8}
        self.hub.repositories["org/turbo"] = Repository(files)
        self.pull()
        self.assertTrue({"unet/part-1.safetensors", "unet/part-2.safetensors"} <= self.there())

    def test_equal_files_are_fetched_once(self):
        repository = self.hub.repositories["org/turbo"]
        repository.files["text_encoder/model.fp16.safetensors"] = LARGE
        repository.hashes["text_encoder/model.fp16.safetensors"] = repository.hashes[UNET]
        self.pull()
        self.check()
        self.assertEqual(self.there(), WANTED)
        self.run_program("models", "--remove", "org/turbo")
        self.pull(HF_HUB_DISABLE_SYMLINKS="1")
        self.check()
        self.assertEqual(self.there(), WANTED)
        self.assertFalse((self.snapshot() / UNET).is_symlink())

    def test_civitai(self):
        self.hub.civitai["7"] = (LARGE, "ink.safetensors")
        path = pathlib.Path(self.pull("civitai:7"))
        self.assertEqual(path, self.folder / ".cache/streamdiffusion/civitai/7/ink.safetensors")
        self.assertEqual(path.read_bytes(), LARGE)
        self.assertIn(f"license not named: {self.hub.endpoint}/models/4384?modelVersionId=7\n", self.said)
        self.run_program("models")
        self.assertIn(f" in {path.parents[1]}\n", self.said)
        self.assertNotIn(str(self.cache), self.said)
        self.assertEqual(json.loads((path.parent / "model-version.json").read_text())["baseModel"], "SD 1.5")
        self.assertEqual(self.pull("civitai:7", "--offline"), str(path))
        self.refused("no such version", "modelVersionId", name="civitai:8")
        self.run_program("models", "--remove", "civitai:7")
        self.hub.token = "key"
        self.refused("CIVITAI_TOKEN", name="civitai:7")
        self.pull("civitai:7", CIVITAI_TOKEN="key")
        self.assertEqual(self.hub.leaked, [])

    def test_usage(self):
        self.run_program("pull", expect=USAGE)
        self.run_program("pull", "turbo", expect=USAGE)
        self.assertIn("ORG/NAME", self.said)
        self.run_program("pull", "a/b c", expect=USAGE)
        self.run_program("pull", "a/b", "--jobs", "0", expect=USAGE)
        self.assertIn("Examples", self.run_program("pull", "--help"))
        self.run_program("pull", "org/turbo", HF_ENDPOINT="mirror", expect=USAGE)


if __name__ == "__main__":
    unittest.main()
