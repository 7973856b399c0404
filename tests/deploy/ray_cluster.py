"""Two machines in two network namespaces of this one, joined by a bridge, with a Ray cluster on both. Needs root,
`ip`, and Ray in the Python that runs it."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "deploy/ray"
RAY = pathlib.Path(sys.executable).parent / "ray"
BRIDGE, HERE = "sdray", "10.77.0.1"
MACHINES = {"sdray-a": "10.77.0.2", "sdray-b": "10.77.0.3"}
HEAD = "10.77.0.2:6379"
PLACEMENTS = [f"http://{address}:8000/api/place" for address in MACHINES.values()]


def missing() -> str:
    """Why this machine cannot do it; empty if it can."""
    if not RAY.exists():
        return f"Ray is not installed: no {RAY}"
    if os.geteuid() != 0 or not shutil.which("ip"):
        return "network namespaces need root and ip (iproute2)"
    return ""


def sh(command: str, check: bool = True) -> str:
    done = subprocess.run(command.split(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stdout}")
    return done.stdout


def wait(what: str, condition, seconds: float = 60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds:g} s: {what}")


def environment() -> dict[str, str]:
    """That of deploy/ray/cluster.env, as its first line says."""
    lines = (PACKAGE / "cluster.env").read_text().splitlines()
    told = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return os.environ | told | {"PATH": f"{RAY.parent}:{os.environ['PATH']}", "PYTHONPATH": str(PACKAGE),
                                "RAY_ADDRESS": HEAD}


class Server:
    """A process of `streamdiffusion serve` that runs."""

    def __init__(self, machine: str, pid: int, words: list[str]):
        self.machine, self.pid = machine, pid
        self.url = f"http://{MACHINES[machine]}:{words[words.index('--port') + 1]}"

    @property
    def replica(self) -> int:
        """The process id of the replica of Ray Serve that started it."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("PPid:")[1].split()[0])


class Cluster:
    def __init__(self, program: str, token: str):
        self.program, self.environment = program, environment()
        # Not in the default place: the sockets' paths would be too long there.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sdray", dir="/tmp"))
        self.token_file = self.folder / "token"
        self.token_file.write_text(token + "\n")

    def start(self) -> None:
        self.end_network()
        sh(f"ip link add {BRIDGE} type bridge")
        sh(f"ip addr add {HERE}/24 dev {BRIDGE}")
        sh(f"ip link set {BRIDGE} up")
        for machine, address in MACHINES.items():
            sh(f"ip netns add {machine}")
            sh(f"ip link add {machine} type veth peer name eth0 netns {machine}")
            sh(f"ip link set {machine} master {BRIDGE} up")
            sh(f"ip -n {machine} addr add {address}/24 dev eth0")
            sh(f"ip -n {machine} link set eth0 up")
            sh(f"ip -n {machine} link set lo up")
            sh(f"ip -n {machine} route add default via {HERE}")
            self.start_ray(machine)

    def start_ray(self, machine: str) -> None:
        address = MACHINES[machine]
        where = f"--address {HEAD}"
        if address == HEAD.split(":")[0]:
            where = f"--head --port 6379 --temp-dir {self.folder} --include-dashboard false"
        self.inside(machine, f"{RAY} start {where} --node-ip-address {address} --num-cpus 4 --disable-usage-stats")

    def inside(self, machine: str, command: str, seconds: float = 300) -> str:
        """Runs a command on a machine; raises with what it wrote if it fails."""
        words = ["ip", "netns", "exec", machine, *command.split()]
        with tempfile.TemporaryFile("w+") as written:  # no pipe: what the command leaves running would hold it
            status = subprocess.run(words, env=self.environment, stdin=subprocess.DEVNULL, stdout=written,
                                    stderr=subprocess.STDOUT, timeout=seconds).returncode
            written.seek(0)
            text = written.read()
        if status != 0:
            raise RuntimeError(f"{command}: status {status}\n{text}")
        return text

    def deploy(self, flags: str, serve_flags: str) -> str:
        return self.inside("sdray-a", f"{sys.executable} -m streamdiffusion_ray deploy --program {self.program} "
                           f"--token-file {self.token_file} {flags} -- {serve_flags}")

    def servers(self) -> list[Server]:
        found = []
        for machine in MACHINES:
            for pid in sh(f"ip netns pids {machine}", check=False).split():
                with contextlib.suppress(OSError, ValueError):
                    words = pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
                    if words[0] == self.program and words[1] == "serve":
                        found.append(Server(machine, int(pid), words))
        return found

    def placements(self) -> list[str]:
        """The machine of each placement that runs."""
        found = []
        for machine in MACHINES:
            for pid in sh(f"ip netns pids {machine}", check=False).split():
                with contextlib.suppress(OSError, ValueError):
                    title = pathlib.Path(f"/proc/{pid}/cmdline").read_text()
                    found += [machine] * title.startswith("ray::ServeReplica:streamdiffusion:placement")
        return found

    def cut(self, machine: str) -> None:
        sh(f"ip link set {machine} down")

    def mend(self, machine: str) -> None:
        """Joins a machine again, which the cluster has given up: Ray starts anew there."""
        self.end_processes(machine)
        sh(f"ip link set {machine} up")
        self.start_ray(machine)

    @staticmethod
    def end_processes(machine: str) -> None:
        for _ in range(100):
            pids = sh(f"ip netns pids {machine}", check=False).split()
            if not pids or not all(pid.isdigit() for pid in pids):
                return
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.1)

    def end_network(self) -> None:
        for machine in MACHINES:
            self.end_processes(machine)
            sh(f"ip netns del {machine}", check=False)
            sh(f"ip link del {machine}", check=False)
        sh(f"ip link del {BRIDGE}", check=False)

    def end(self) -> None:
        self.end_network()
        shutil.rmtree(self.folder, ignore_errors=True)
