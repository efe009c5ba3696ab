"""One image on the command line: its id, or where it is."""

from typing import TYPE_CHECKING, Annotated

import typer

from stackroom.cli.exits import ExitCode, Refused

if TYPE_CHECKING:
    from stackroom import Client

Image = Annotated[
    str,
    typer.Argument(metavar="IMAGE", help="An image's id, or DATASET:/FOLDER/NAME.", show_default=False),
]


def id_of(client: "Client", image: str) -> str:
    """The id of an image that is named by its place; anything else is an id already.

    Raises `Refused` if there is none, NotFoundError for an unknown dataset.
    """
    dataset, colon, place = image.partition(":/")
    if not colon:
        return image
    folder, _, name = f"/{place}".rpartition("/")
    for each in client.images.list(dataset, folder_path=folder or "/", filename=name, limit=1):
        return each.id
    fix = f"`stackroom ls {dataset} {folder or '/'}` lists what is there."
    raise Refused(f"there is no image {image}", fix=fix, exit_code=ExitCode.NOT_FOUND)
