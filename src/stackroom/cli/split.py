"""`stackroom split`: a dataset divided for training."""

from typing import Annotated

import typer

from stackroom.cli.console import counted, print_json, say
from stackroom.cli.options import Dataset, Json, Server
from stackroom.cli.progress import waiting

EXAMPLE = """stackroom split cars --train 80 --val 10 --test 10

stackroom split cars --seed 7 --json"""

_HELP = "Percentage."


def split(
    dataset: Dataset,
    *,
    train: Annotated[int, typer.Option("--train", min=0, max=100, help=_HELP)] = 70,
    val: Annotated[int, typer.Option("--val", min=0, max=100, help=_HELP)] = 20,
    test: Annotated[int, typer.Option("--test", min=0, max=100, help=_HELP)] = 10,
    seed: Annotated[
        int, typer.Option("--seed", help="The same seed divides the same images the same way.")
    ] = 42,
    as_json: Json = False,
    server: Server,
) -> None:
    """Divide all images of a dataset into train, val and test. `stackroom set --split` is for a selection."""
    with server.connected() as client, waiting("dividing"):
        done = client.images.assign_splits(dataset, train=train, val=val, test=test, seed=seed)
    if as_json:
        print_json(done)
    else:
        parts = f"{done.train:,} train, {done.val:,} val, {done.test:,} test"
        say(f"Divided {counted(done.processed, 'image')}: {parts}.")
