"""`stackroom get`: one image into a local file."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, SpinnerColumn, TransferSpeedColumn

from stackroom.cli.console import print_json, say, size
from stackroom.cli.image import Image, id_of
from stackroom.cli.options import Json, Server
from stackroom.cli.progress import following

EXAMPLE = """stackroom get cars:/in/red-1.jpg

stackroom get 019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14 --bundle -o red-1.zip"""


def get(
    image: Image,
    *,
    output: Annotated[
        str | None,  # a Path forgets the slash that says that a folder is meant
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where it goes, a file or a folder. Default: the image's name, here",
            show_default=False,
        ),
    ] = None,
    bundle: Annotated[
        bool, typer.Option("--bundle", help="A zip of the image, its annotations and a manifest.")
    ] = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Download an image. An existing file is replaced once the new one is complete."""
    from stackroom.client.files import place_below

    with server.connected() as client:
        found = client.images.get(id_of(client, image))
        name = f"{found.filename}.zip" if bundle else found.filename
        wanted = Path(output or ".")
        into_folder = wanted.is_dir() or (output or "").endswith(os.sep)
        target = place_below(wanted, "/", name) if into_folder else wanted
        bring = client.images.download_bundle if bundle else client.images.download
        with following(SpinnerColumn(), BarColumn(), DownloadColumn(), TransferSpeedColumn()) as follow:
            path = bring(found.id, target, progress=follow)
    brought = path.stat().st_size
    if as_json:
        print_json({"image_id": found.id, "path": str(path), "bytes": brought})
    else:
        say(f"{escape(str(path))}, {size(brought)}.")
