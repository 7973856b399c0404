#!/usr/bin/env python3
"""One cache for the program and for Python's huggingface_hub, where that can be imported.

Usage: compatible_test.py PROGRAM DEVICE curl|no_curl
"""
import importlib.util
import subprocess
import sys
import unittest

from hub_case import CLIENT, LONGEST, UNET, HubTest


@unittest.skipIf(CLIENT == "no_curl", "this build cannot download")
@unittest.skipUnless(importlib.util.find_spec("huggingface_hub"), "huggingface_hub is not installed")
class Compatible(HubTest):
    def python(self, script, **more):
        done = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True, timeout=LONGEST,
                              env=self.environment(**more))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def test_python_reads_what_the_program_wrote(self):
        path = self.pull()
        self.assertEqual(path, self.python("from huggingface_hub import snapshot_download as s\n"
                                           "print(s('org/turbo', local_files_only=True))"))
        scan = ("from huggingface_hub import scan_cache_dir\nc = scan_cache_dir()\n"
                "print(len(c.warnings), sorted(r.repo_id for r in c.repos))")
        self.assertEqual(self.python(scan), "0 ['madebyollin/taesd', 'org/turbo']")
        before = self.hub.count("/resolve/")
        self.python("from huggingface_hub import hf_hub_download as d\n"
                    f"print(d('org/turbo', '{UNET}', local_files_only=True))")
        self.assertEqual(self.hub.count("/resolve/"), before)

    def test_python_goes_on_with_what_the_program_wrote(self):
        self.pull()
        before = self.hub.count("/resolve/", "hub")
        self.python("from huggingface_hub import snapshot_download as s\n"
                    "s('org/turbo', allow_patterns=['unet/config.json', '*.fp16.safetensors'])", HF_HUB_DISABLE_XET="1")
        heads = sum(method == "GET" for server, method, path, _ in self.hub.requests[before:]
                    if server == "store")
        self.assertEqual(self.hub.count(UNET, "store"), 1)
        self.assertLessEqual(heads, 4)

    def test_the_program_reads_what_python_wrote(self):
        path = self.python("from huggingface_hub import snapshot_download as s\n"
                           "print(s('org/turbo', ignore_patterns=['README.md']))", HF_HUB_DISABLE_XET="1")
        self.assertEqual(self.run_program("pull", "org/turbo", "--offline", "--no-tiny"), path)
        before = self.hub.count("/resolve/")
        self.pull("org/turbo", "--no-tiny")
        self.assertEqual(self.hub.count("/resolve/"), before)
        self.assertIn("org/turbo", self.run_program("models"))
        self.run_program("models", "--remove", "org/turbo")
        self.assertFalse((self.cache / "models--org--turbo").exists())


if __name__ == "__main__":
    unittest.main()
