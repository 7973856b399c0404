#!/usr/bin/env python3
"""The Kubernetes files: they parse, agree with the program, and end a pod in the right order. Usage: kubernetes_test.py
PROGRAM"""
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

try:
    import yaml
except ImportError:
    print("PyYAML is not installed (Debian: python3-yaml)")
    sys.exit(77)

PROGRAM = sys.argv.pop(1)
DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
SPARE_S = 5  # for the threads of a busy machine to end


def manifests(text: str) -> dict[str, dict]:
    """By kind."""
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def patched(document: dict, operations: list[dict]) -> dict:
    """RFC 6902, as far as deploy/kustomization.yaml has it: add and replace."""
    for operation in operations:
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        place = document
        for part in parents:
            place = place[int(part)] if isinstance(place, list) else place[part]
        if last == "-":
            place.append(operation["value"])
            continue
        if operation["op"] == "replace" and last not in place:
            raise KeyError(f"{operation['path']} replaces nothing")
        place[last] = operation["value"]
    return document


def plain() -> dict[str, dict]:
    return manifests((DEPLOY / "kubernetes.yaml").read_text())


def with_cards() -> dict[str, dict]:
    overlay = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())
    made = plain()
    for patch in overlay["patches"]:
        patched(made[patch["target"]["kind"]], yaml.safe_load(patch["patch"]))
    image = overlay["images"][0]
    pod(made)["containers"][0]["image"] = f"{image['newName']}:{image['newTag']}"
    return made


def pod(made: dict[str, dict]) -> dict:
    return made["Deployment"]["spec"]["template"]["spec"]


def value_of(arguments: list[str], flag: str) -> float:
    return float(arguments[arguments.index(flag) + 1])


class Files(unittest.TestCase):
    def test_what_is_told_to_end_has_the_time_for_it(self):
        for made in (plain(), with_cards()):
            (container,) = pod(made)["containers"]
            command = container["lifecycle"]["preStop"]["exec"]["command"]
            self.assertEqual(command[0], "sleep")
            hook = float(command[1])
            # Readiness is asked every second: by then every node should know that the pod ends.
            self.assertGreater(hook, container["readinessProbe"]["periodSeconds"])
            phases = sum(value_of(container["args"], flag) for flag in ("--lame-duck", "--drain-timeout"))
            self.assertGreaterEqual(pod(made)["terminationGracePeriodSeconds"], hook + phases + SPARE_S)

    def test_the_program_has_the_flags(self):
        help_text = subprocess.run([PROGRAM, "serve", "--help"], text=True, capture_output=True, check=True,
                                   timeout=60).stdout
        for made in (plain(), with_cards()):
            for flag in (text for text in pod(made)["containers"][0]["args"] if text.startswith("--")):
                self.assertRegex(help_text, rf"(?m)^\s+(\S+,\s*)?{re.escape(flag)}\b", flag)

    def test_the_service_finds_the_pods_by_their_port(self):
        made = plain()
        labels = made["Deployment"]["spec"]["template"]["metadata"]["labels"]
        self.assertEqual(made["Service"]["spec"]["selector"], labels)
        self.assertEqual(made["Deployment"]["spec"]["selector"]["matchLabels"], labels)
        (container,) = pod(made)["containers"]
        names = {port["name"] for port in container["ports"]}
        used = {made["Service"]["spec"]["ports"][0]["targetPort"],
                *(container[f"{kind}Probe"]["httpGet"]["port"] for kind in ("readiness", "liveness", "startup"))}
        self.assertEqual(used, names)

    def test_a_card_each_and_no_more_than_there_are(self):
        made = with_cards()
        (container,) = pod(made)["containers"]
        self.assertEqual(container["resources"]["limits"]["nvidia.com/gpu"], 1)
        self.assertEqual(container["args"][-2:], ["--device", "cuda"])
        self.assertEqual(made["Deployment"]["spec"]["strategy"]["rollingUpdate"], {"maxUnavailable": 1, "maxSurge": 0})
        (without,) = pod(plain())["containers"]
        self.assertNotIn("nvidia.com/gpu", without["resources"]["limits"])
        self.assertNotIn("--device", without["args"])

    @unittest.skipUnless(shutil.which("kubectl"), "kubectl is not installed")
    def test_kustomize_makes_the_same(self):
        made = subprocess.run(["kubectl", "kustomize", str(DEPLOY)], text=True, capture_output=True, timeout=60)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(manifests(made.stdout), with_cards())


if __name__ == "__main__":
    unittest.main()
