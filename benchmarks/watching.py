"""How a page of a run serves: a log of a million events, a list of 200 runs, ten pages beside a training, play.

    python benchmarks/watching.py long [--events 1000000] [--save FILE]
    python benchmarks/watching.py list
    python benchmarks/watching.py pages [--seconds 60] [--save FILE]
    python benchmarks/watching.py play RUN

Everything is measured on a server in a process of its own, through its own addresses.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from datetime import date
from pathlib import Path
from typing import Any

from sparring.events import Event

SETTINGS = {
    "format": 1, "sparring": "0.1.0", "recipe": {"name": "dcgan", "d_lr": 2e-4, "g_lr": 2e-4}, "seed": 0,
    "data": {"kind": "folder", "source": "photos", "n": 10_000, "size_px": 64, "channels": 3},
    "networks": {"family": "dcgan"}, "decided": {"threads": 2, "device": "cpu", "precision": "fp32", "z_shape": [100]},
}  # fmt: skip
SIGNALS = (
    "d_loss", "d_loss_real", "d_loss_fake", "d_real_logit", "d_fake_logit", "d_accuracy_real", "d_accuracy_fake",
    "d_grad_norm", "g_loss", "g_grad_norm", "g_sample_std", "d_moved_in_d_step", "g_moved_in_g_step",
)  # fmt: skip


class Server:
    """`sparring watch` in a process of its own."""

    def __init__(self, path: Path) -> None:
        words = [sys.executable, "-m", "sparring", "watch", str(path), "--port", "0"]
        self.process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        found = re.search(r"127\.0\.0\.1:(\d+)", self.process.stderr.readline())
        assert found is not None
        self.port = int(found[1])
        self.get("/")
        time.sleep(6)  # until what is loaded beside has been

    def get(self, path: str) -> tuple[float, bytes]:
        """(seconds, content) of one address."""
        begin = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("GET", path)
        content = connection.getresponse().read()
        connection.close()
        return time.monotonic() - begin, content

    def post(self, path: str, told: dict[str, Any], key: str) -> float:
        """Seconds of what is asked for."""
        begin = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("POST", path, json.dumps(told), {"x-sparring": key, "content-type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        connection.close()
        return time.monotonic() - begin

    def megabytes(self) -> float:
        """Memory that the process holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]

    def end(self) -> None:
        self.process.terminate()
        self.process.communicate()


def cpu_seconds(pid: int) -> float:
    """What a process has used so far."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def write_log(path: Path, first: int, n: int) -> None:
    """n events as a run writes them: a tick every ten steps, a sheet and a checkpoint now and then."""
    with open(path, "a", encoding="utf-8") as log:
        for i in range(first, first + n):
            step = 10 * i
            if i == 0:
                log.write(Event("started", 0, 0, {"until_step": 10_000_000, "torch": "2.13.0"}).to_json() + "\n")
            elif i % 50 == 25:
                log.write(Event("sample", step, 64 * step, {"file": f"samples/step-{step:08d}.png"}).to_json() + "\n")
            elif i % 100 == 0:
                kept = {"file": f"checkpoints/step-{step:08d}.pt"}
                log.write(Event("checkpoint", step, 64 * step, kept).to_json() + "\n")
            else:
                values = {name: 0.5 + ((i * 7919 + j * 104_729) % 10_007) / 10_007 for j, name in enumerate(SIGNALS)}
                values |= {"images_per_second": 612.25, "nonfinite": 0, "epoch": round(64 * step / 10_000, 3)}
                log.write(Event("tick", step, 64 * step, values).to_json() + "\n")


def pages_of(server: Server, name: str, n: int, seconds: float) -> int:
    """n pages that look on for a while; returns the bytes that they were sent."""
    sent, end = [0] * n, time.monotonic() + seconds

    def look(i: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.request("GET", f"/run/{name}/stream?from=0")
        answer = connection.getresponse()
        while time.monotonic() < end:
            sent[i] += len(answer.readline())
        connection.close()

    threads = [threading.Thread(target=look, args=(i,), daemon=True) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 30)
    return sum(sent)


def long(events: int) -> dict[str, Any]:
    """A long log opened, and read on."""
    root = Path(tempfile.mkdtemp())
    try:
        run = root / "long"
        run.mkdir()
        (run / "recipe.json").write_text(json.dumps(SETTINGS))
        write_log(run / "events.jsonl", 0, events)
        size = (run / "events.jsonl").stat().st_size
        server = Server(run)
        before = server.megabytes()
        first, content = server.get("/run/long")
        opened = server.megabytes()
        begin, used = time.monotonic(), cpu_seconds(server.process.pid)
        while b'"coarse":true' in content:
            time.sleep(1)
            again, content = server.get("/run/long")
        whole, used = time.monotonic() - begin, cpu_seconds(server.process.pid) - used
        again, _ = server.get("/run/long")
        read = server.megabytes()
        looking = threading.Thread(target=pages_of, args=(server, "long", 1, 60))
        looking.start()
        grown = []
        for i in range(20):
            write_log(run / "events.jsonl", events + 5_000 * i, 5_000)
            time.sleep(1.5)
            grown.append(round(server.megabytes(), 1))
        looking.join()
        last, content = server.get("/run/long")
        assert f"{10 * (events + 99_999):,}".encode() in content
        server.end()
        return {
            "events": events, "log_megabytes": round(size / 1e6, 1), "opens_seconds": round(first, 2),
            "read_whole_seconds": round(whole, 1), "read_whole_cpu_seconds": round(used, 1),
            "opens_again_seconds": round(again, 2), "opens_after_100000_more_seconds": round(last, 2),
            "megabytes_before": round(before, 1), "megabytes_opened": round(opened, 1),
            "megabytes_read": round(read, 1),
            "megabytes_while_100000_are_appended": grown, "page_megabytes": round(len(content) / 1e6, 2),
        }  # fmt: skip
    finally:
        shutil.rmtree(root)


def many(n: int = 200, events: int = 2_000) -> dict[str, Any]:
    """A list of many runs."""
    root = Path(tempfile.mkdtemp())
    try:
        for i in range(n):
            run = root / f"run-{i:03d}"
            run.mkdir()
            (run / "recipe.json").write_text(json.dumps(SETTINGS))
            if i == 0:
                write_log(run / "events.jsonl", 0, events)
            else:
                shutil.copy(root / "run-000" / "events.jsonl", run)
        server = Server.__new__(Server)
        begin = time.monotonic()
        Server.__init__(server, root)
        starting = time.monotonic() - begin - 6
        again = sorted(server.get("/")[0] for _ in range(5))[2]
        server.end()
        return {"runs": n, "events_each": events, "start_and_first_list_seconds": round(starting, 2),
                "list_again_seconds": round(again, 3)}  # fmt: skip
    finally:
        shutil.rmtree(root)


def pages(seconds: float) -> dict[str, Any]:
    """Ten pages beside a real training: what the server uses against what the trainer does."""
    root = Path(tempfile.mkdtemp())
    try:
        words = ["train", "emoji", "--size", "64", "--set", "width=32", "--set", "threads=1", "--batch", "32"]
        words += ["--minutes", "30", "--held-out", "0", "--out", str(root / "run")]
        training = subprocess.Popen([sys.executable, "-m", "sparring", *words], stderr=subprocess.DEVNULL)
        while not (root / "run" / "events.jsonl").exists():
            time.sleep(0.5)
        time.sleep(10)
        server = Server(root / "run")
        server.get("/run/run")
        trained, served = cpu_seconds(training.pid), cpu_seconds(server.process.pid)
        sent = pages_of(server, "run", 10, seconds)
        trained, served = cpu_seconds(training.pid) - trained, cpu_seconds(server.process.pid) - served
        memory = server.megabytes()
        server.end()
        training.terminate()
        training.wait()
        return {"pages": 10, "seconds": seconds, "trainer_cpu_seconds": round(trained, 2),
                "server_cpu_seconds": round(served, 3), "part": round(served / trained, 4), "bytes_sent": sent,
                "server_megabytes": round(memory, 1)}  # fmt: skip
    finally:
        shutil.rmtree(root)


def play(run: Path) -> dict[str, Any]:
    """One picture after the other."""
    server = Server(run)
    name = run.resolve().name
    key = re.search(rb'sparring-key" content="([^"]+)', server.get(f"/run/{name}")[1])[1].decode()  # type: ignore[index]
    loading = server.post(f"/run/{name}/play/about", {}, key)
    took = sorted(server.post(f"/run/{name}/play/picture", {"seed": i, "sliders": [1.0, -1.0]}, key) for i in range(40))
    near = [server.post(f"/run/{name}/play/nearest", {"seed": i}, key) for i in range(5)]
    server.end()
    return {"run": name, "load_and_directions_seconds": round(loading, 2),
            "picture_median_ms": round(1e3 * took[20], 1),
            "picture_slowest_ms": round(1e3 * took[-1], 1), "nearest_first_ms": round(1e3 * near[0]),
            "nearest_ms": round(1e3 * min(near[1:]))}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("what", choices=("long", "list", "pages", "play"))
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--save", type=Path)
    given = parser.parse_args()
    measures = {"long": lambda: long(given.events), "list": many, "pages": lambda: pages(given.seconds),
                "play": lambda: play(given.run)}  # fmt: skip
    load = os.getloadavg()[0]
    found = measures[given.what]()
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "load_before": round(load, 1)}
    result = {"what": given.what, "date": date.today().isoformat(), "machine": machine} | found
    print(json.dumps(result, indent=1))
    if given.save is not None:
        known = json.loads(given.save.read_text()) if given.save.exists() else {}
        given.save.write_text(json.dumps(known | {given.what: result}, indent=1) + "\n")


if __name__ == "__main__":
    main()
