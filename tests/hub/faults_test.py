#!/usr/bin/env python3
"""What `pull` makes of broken and lying servers. Usage: faults_test.py PROGRAM DEVICE curl|no_curl"""
import resource
import signal
import time
import unittest

from hub_case import CLIENT, DONE, LARGE, LONGEST, UNET, HubTest
from fake_hub import Fault


@unittest.skipIf(CLIENT == "no_curl", "this build cannot download")
class Faults(HubTest):
    def test_what_a_stopped_download_left_is_continued(self):
        self.hub.faults[UNET] = Fault("drop", after=20_000)
        self.refused("trying again", "org/turbo")
        self.assertFalse((self.cache / "models--org--turbo/refs/main").exists())
        partial = self.partial(self.hub.repositories["org/turbo"].hashes[UNET])
        size = partial.stat().st_size
        self.assertGreaterEqual(size, 20_000)
        self.hub.faults.clear()
        with self.hub.lock:
            self.hub.requests.clear()
        self.pull()
        self.check()
        ranges = [headers.get("Range") for server, _, path, headers in self.hub.requests if server == "store" and UNET in path]
        self.assertEqual(ranges, [f"bytes={size}-"])
        self.assertEqual(self.left_over(), [])

    def test_a_dropped_connection_is_taken_up_again(self):
        self.hub.faults[UNET] = Fault("drop", times=2, after=200_000)
        self.pull()
        self.check()

    def test_a_server_without_ranges_is_asked_for_all(self):
        partial = self.partial(self.hub.repositories["org/turbo"].hashes[UNET])
        partial.parent.mkdir(parents=True)
        partial.write_bytes(LARGE[:1000])
        self.hub.faults[UNET] = Fault("no_range")
        self.pull()
        self.check()

    def test_a_partial_file_with_other_content_is_fetched_anew(self):
        partial = self.partial(self.hub.repositories["org/turbo"].hashes[UNET])
        partial.parent.mkdir(parents=True)
        for left in (b"wrong" * 100, b"wrong" * 10**6, b"x" * len(LARGE)):
            partial.write_bytes(left)
            self.pull("org/turbo", "--no-tiny")
            self.check()
            self.run_program("models", "--remove", "org/turbo")
            partial.parent.mkdir(parents=True)

    def test_wrong_content_is_refused_and_not_kept(self):
        repository = self.hub.repositories["org/turbo"]
        for path in (UNET, "unet/config.json"):
            self.hub.faults = {path: Fault("wrong")}
            self.refused(path, "expected", "nothing of it is kept")
            self.assertNotIn(path, self.there())
            hash = repository.entry(path).get("lfs", repository.entry(path))["oid"]
            self.assertFalse(self.partial(hash).exists())
            self.assertFalse((self.cache / "models--org--turbo/refs/main").exists())
            self.run_program("models", "--remove", "org/turbo")
        self.hub.faults = {UNET: Fault("wrong", times=1)}
        self.pull()
        self.assertIn("downloading it again", self.said)
        self.check()

    def test_more_than_is_listed_and_another_range_are_refused(self):
        self.hub.faults = {UNET: Fault("too_long")}
        self.refused(UNET, "sends more than the 1048576 bytes")
        partial = self.partial(self.hub.repositories["org/turbo"].hashes[UNET])
        partial.write_bytes(LARGE[:1000])
        self.hub.faults = {UNET: Fault("wrong_range")}
        self.refused(UNET, "expected bytes from 1000")

    def test_lying_lists_write_nothing_outside(self):
        repository = self.hub.repositories["org/turbo"]
        entry = repository.entry("unet/config.json")
        for path in ("../../../../evil.json", "/tmp/evil.json", "unet/../../evil.json"):
            repository.extra_entries = [entry | {"path": path}]
            self.refused("is refused", path)
        repository.extra_entries = [repository.entry("unet/config.json")]
        self.refused("stands there twice")
        repository.extra_entries = []
        repository.changed_entries = {"unet/config.json": {"oid": "../../../../../evil"}}
        self.refused("40 hexadecimal digits")
        repository.changed_entries = {"unet/config.json": {"size": 5 * 10**13}}
        self.refused("the download needs 50.0 TB", "the disk has")
        repository.changed_entries = {"unet/config.json": {"size": 2}}
        self.refused("sends more than the 2 bytes")
        self.assertEqual(list(self.folder.rglob("*evil*")), [])

    def test_busy_servers_are_asked_again_and_refusals_are_not(self):
        revision = "/api/models/org/turbo/revision/main"
        self.hub.faults = {revision: Fault("status", times=1, after=429, header={"Retry-After": "1"}),
                           UNET: Fault("status", times=2, after=503)}
        begin = time.monotonic()
        self.pull()
        self.assertGreaterEqual(time.monotonic() - begin, 1)
        self.assertIn("HTTP 429", self.said)
        self.check()
        self.hub.faults = {revision: Fault("status", after=429, header={"Retry-After": "3600"})}
        before = self.hub.count(revision)
        self.refused("no more requests", "HTTP 429")
        self.assertEqual(self.hub.count(revision), before + 1)
        self.hub.faults = {revision: Fault("status", after=403)}
        before = self.hub.count(revision)
        self.refused("refuses access")
        self.assertEqual(self.hub.count(revision), before + 1)

    def test_an_old_signature_is_renewed_at_the_hub(self):
        self.hub.faults[UNET] = Fault("status", times=1, after=403)
        self.pull()
        self.check()

    def test_silence_and_an_absent_server_end(self):
        self.hub.faults[UNET] = Fault("hang_up", times=1)
        self.pull()
        self.refused("cannot be reached", HF_ENDPOINT="http://127.0.0.1:9")

    def test_a_hub_whose_name_is_unknown_cannot_be_reached(self):
        self.refused("no-such-hub.invalid", "cannot be reached", HF_ENDPOINT="http://no-such-hub.invalid")

    def test_an_answer_without_an_end_is_given_up(self):
        revision = "/api/models/org/turbo/revision/main"
        self.hub.faults = {revision: Fault("headers")}
        self.refused("the headers of an answer are longer than 262144 bytes")
        self.hub.faults = {UNET: Fault("headers")}
        self.refused("the headers of an answer are longer than 262144 bytes")
        self.hub.faults = {revision: Fault("drip")}
        self.refused("the answer is not complete after 3 s", HF_HUB_DOWNLOAD_TIMEOUT="0.25")

    def test_a_redirect_that_leads_back_ends(self):
        revision = "/api/models/org/turbo/revision/main"
        self.hub.faults = {revision: Fault("status", after=302, header={"Location": revision})}
        self.refused(revision, "leads on to another address more than 10 times")
        self.assertEqual(self.hub.count(revision), 11)

    def test_a_web_page_is_no_file(self):
        for path in (UNET, "/api/models/org/turbo/revision/main"):
            self.hub.faults = {path: Fault("page")}
            self.refused("web page", "login")

    def test_a_full_disk_ends_and_is_continued(self):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
        self.refused("cannot be written", preexec_fn=limit)
        self.assertFalse((self.cache / "models--org--turbo/refs/main").exists())
        self.pull()
        self.check()

    def test_ctrl_c_keeps_what_is_there(self):
        self.hub.faults[UNET] = Fault("silent")  # the connection stays open, nothing comes
        program = self.start("pull", "org/turbo", HF_HUB_DOWNLOAD_TIMEOUT="60")
        while not self.hub.count(UNET, "store"):
            time.sleep(0.01)
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=LONGEST)
        self.assertEqual(program.returncode, 130, said)
        self.assertIn("is kept", said)
        self.hub.faults.clear()
        self.pull()
        self.check()

    def test_two_at_once_fetch_each_file_once(self):
        programs = [self.start("pull", "org/turbo", "--no-tiny") for _ in range(3)]
        for program in programs:
            _, said = program.communicate(timeout=LONGEST)
            self.assertEqual(program.returncode, DONE, said)
        self.check()
        self.assertEqual(self.hub.count(UNET, "store"), 1)


if __name__ == "__main__":
    unittest.main()
