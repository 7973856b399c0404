#!/usr/bin/env python3
"""Models by name, and what `models` says of them. Usage: cached_test.py PROGRAM DEVICE curl|no_curl"""
import json
import pathlib
import subprocess
import unittest
import urllib.error
import urllib.request

from hub_case import CLIENT, DEVICE, FAILED, LONGEST, PROGRAM, HubTest
from fake_hub import Repository

PICTOGRAM = pathlib.Path(__file__).resolve().parents[2] / "models/pictogram"


class Cached(HubTest):
    def setUp(self):
        super().setUp()
        files = {str(path.relative_to(PICTOGRAM)): path.read_bytes() for path in PICTOGRAM.rglob("*") if path.is_file()}
        self.hub.repositories["org/pictogram"] = Repository(files, lfs={p for p in files if p.endswith("safetensors")})

    def put(self, name):
        """As Python's client would have downloaded it."""
        repository, root = self.hub.repositories[name], self.snapshot(name)
        for path, content in repository.files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        refs = root.parents[1] / "refs"
        refs.mkdir()
        (refs / "main").write_text(repository.refs["main"])

    def image(self, *flags, **more):
        return self.run_program("image", "--prompt", "red apple", "--count", "1", "--width", "64", "--height", "64",
                                "--device", DEVICE, "--output", str(self.folder / "out.png"), *flags, **more)

    def test_a_name_in_the_cache_is_used_without_a_request(self):
        self.put("org/pictogram")
        self.image("--model", "org/pictogram", HF_HUB_OFFLINE="1")
        self.assertIn("org/pictogram  64x64", self.said)
        self.assertTrue((self.folder / "out.png").exists())
        self.assertEqual(self.run_program("pull", "org/pictogram", "--offline"), str(self.snapshot("org/pictogram")))
        self.image("--model", "org/pictogram")
        self.assertEqual(self.hub.requests, [])

    def test_components_and_loras_have_names_too(self):
        self.put("org/pictogram")
        weights = (PICTOGRAM / "unet/diffusion_pytorch_model.safetensors").read_bytes()
        self.hub.repositories["org/parts"] = Repository({"unet.safetensors": weights}, lfs={"unet.safetensors"})
        self.put("org/parts")
        self.image("--model", "org/pictogram", "--vae", "own")
        expected = (self.folder / "out.png").read_bytes()
        self.image("--model", "org/pictogram", "--vae", "own", "--unet", "org/parts/unet.safetensors")
        self.assertEqual((self.folder / "out.png").read_bytes(), expected)
        self.image("--model", "org/pictogram", "--vae", "own", "--unet", "org/parts")
        self.assertEqual((self.folder / "out.png").read_bytes(), expected, "the only file of its repository")
        self.image("--model", "org/pictogram", "--lora", "org/parts/unet.safetensors:0.5", expect=FAILED)
        self.assertIn("models--org--parts", self.said)
        self.assertEqual(self.hub.requests, [])

    def test_what_is_missing_is_named_offline(self):
        self.run_program("info", "--model", "org/pictogram", HF_HUB_OFFLINE="1", expect=FAILED)
        self.assertIn("is not in " + str(self.cache), self.said)
        self.assertIn("no folder here", self.said)
        self.put("org/pictogram")
        (self.snapshot("org/pictogram") / "unet/config.json").unlink()
        self.run_program("info", "--model", "org/pictogram", HF_HUB_OFFLINE="1", expect=FAILED)
        self.assertIn("lacks unet/config.json", self.said)

    def test_nothing_is_read_through_a_link_out_of_the_cache(self):
        self.put("org/pictogram")
        secret, config = self.folder / "secret", self.snapshot("org/pictogram") / "vae/config.json"
        secret.write_text("x9-secret")
        config.unlink()
        config.symlink_to(secret)
        self.run_program("info", "--model", "org/pictogram", expect=FAILED)
        self.assertIn(f"{config}: is a link to {secret}, outside of the cache {self.cache}", self.said)
        self.assertNotIn("x9-", self.said)  # no name of a folder has a hyphen
        self.assertRegex(self.run_program("models"), "cannot be used: .*vae/config.json: is a link to")
        self.run_program("info", "--model", str(self.snapshot("org/pictogram")), expect=FAILED)
        self.assertIn("vae/config.json: not valid JSON", self.said)  # a folder of the user's own
        if CLIENT == "no_curl":
            return
        self.pull("org/pictogram")
        self.assertIn("it is taken away", self.said)
        self.check("org/pictogram")
        self.assertEqual(secret.read_text(), "x9-secret")

    def test_models_lists_and_removes(self):
        self.put("org/pictogram")
        self.put("org/turbo")
        self.put("madebyollin/taesd")
        listed = {model["name"]: model for model in json.loads(self.run_program("models", "--json"))["models"]}
        self.assertEqual(listed["org/pictogram"]["flag"], "--model")
        self.assertEqual(listed["org/pictogram"]["bytes"],
                         sum(len(content) for content in self.hub.repositories["org/pictogram"].files.values()))
        self.assertIn("cannot be used", listed["org/turbo"]["use"])
        table = self.run_program("models")
        self.assertRegex(table, r"org/pictogram +29.\d MB  --model")
        self.run_program("models", "--remove", "org/pictogram", "org/turbo")
        self.assertIn("org/turbo is removed", self.said)
        self.assertNotIn("org/", self.run_program("models"))
        self.run_program("models", "--remove", "org/turbo", expect=FAILED)
        self.run_program("models", "--remove", "madebyollin/taesd")
        self.run_program("models")
        self.assertIn("no models in", self.said)

    def test_the_server_opens_no_other_model_for_a_visitor(self):
        self.put("org/pictogram")
        server = self.start("serve", "--model", "org/pictogram", "--port", "0", "--device", DEVICE, "--width", "64",
                            "--height", "64")
        self.addCleanup(lambda: (server.kill(), server.communicate()))
        address = server.stdout.readline().strip()
        with urllib.request.urlopen(address + "/api/models", timeout=LONGEST) as answer:
            self.assertEqual([model["name"] for model in json.load(answer)["models"]], ["org/pictogram"])
        for key in ("model", "vae", "model_id"):
            body = json.dumps({"prompt": "cat", key: "org/turbo"}).encode()
            request = urllib.request.Request(address + "/api/txt2img", body, {"Content-Type": "application/json"})
            with self.assertRaises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=LONGEST)
            self.assertEqual(refused.exception.code, 400)
            refused.exception.close()
        self.assertEqual(self.hub.requests, [])

    def test_a_server_needs_no_cache(self):
        server = self.start("serve", "--model", str(PICTOGRAM), "--port", "0", "--device", DEVICE, "--width", "64",
                            "--height", "64", HF_HOME="", HOME="")
        self.addCleanup(lambda: (server.kill(), server.communicate()))
        with urllib.request.urlopen(server.stdout.readline().strip() + "/api/models", timeout=LONGEST) as answer:
            self.assertEqual([model["name"] for model in json.load(answer)["models"]], ["pictogram"])

    def test_a_path_that_exists_is_a_path(self):
        self.run_program("info", "--model", str(PICTOGRAM), "--device", DEVICE)
        self.assertEqual(self.hub.requests, [])

    @unittest.skipIf(CLIENT == "no_curl", "this build cannot download")
    def test_a_name_that_is_not_there_is_downloaded_by_every_command(self):
        config = self.folder / "run.yaml"
        config.write_text("model_id: org/pictogram\nwidth: 64\nheight: 64\nprompt: cat\n")
        self.image("--model", "org/pictogram")
        self.assertEqual(self.hub.count("/unet/", "store"), 1)
        self.run_program("models", "--remove", "org/pictogram")
        frame = subprocess.run([PROGRAM, "run", "--config", str(config), "--device", DEVICE, "--input-format", "rgb24",
                                "--input-size", "64x64", "--output-format", "rgb24"], input=bytes(64 * 64 * 3),
                               env=self.environment(), capture_output=True, timeout=LONGEST)
        self.assertEqual(len(frame.stdout), 64 * 64 * 3, frame.stderr)
        self.assertEqual(self.hub.count("/unet/", "store"), 2)

    @unittest.skipIf(CLIENT == "no_curl", "this build cannot download")
    def test_vae_is_a_name_or_a_word(self):
        files = {str(path.relative_to(PICTOGRAM / "vae")): path.read_bytes() for path in (PICTOGRAM / "vae").iterdir()}
        self.hub.repositories["org/vae"] = Repository(files)
        self.image("--model", "org/pictogram", "--vae", "org/vae")
        self.assertEqual(self.there("org/vae"), {"config.json", "diffusion_pytorch_model.safetensors"})
        self.image("--model", "org/pictogram", "--vae", "own")
        self.image("--model", "org/pictogram", "--vae", "tiny")
        self.assertIn("--vae tiny: the model's own autoencoder is a tiny one", self.said)

    @unittest.skipUnless(CLIENT == "no_curl", "this build can download")
    def test_a_build_without_libcurl_says_so(self):
        self.run_program("pull", "org/turbo", expect=FAILED)
        self.assertIn("without libcurl", self.said)


if __name__ == "__main__":
    unittest.main()
