"""`stackroom search`: images that look like one, and images by their tags."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from stackroom.cli.console import print_json, say
from stackroom.cli.image import Image, id_of
from stackroom.cli.options import Json, Server

if TYPE_CHECKING:
    from stackroom import SimilarImage, TaggedImage

EXAMPLES = {
    "similar": "stackroom search similar cars:/in/red-1.jpg --threshold 0.9 --limit 10",
    "tags": "stackroom search tags night fog --dataset cars",
}


def similar(
    image: Image,
    *,
    threshold: Annotated[
        float, typer.Option("--threshold", "-t", min=0, max=1, help="How much alike, from 0 to 1.")
    ] = 0.6,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many.")] = 50,
    folder: Annotated[
        str | None,
        typer.Option("--folder", "-f", metavar="PATH", help="Look in this folder. Default: the image's own"),
    ] = None,
    as_json: Json = False,
    server: Server,
) -> None:
    """Find images that look like this one, the most alike first."""
    with server.connected() as client:
        image_id = id_of(client, image)
        found = client.images.similar(image_id, threshold=threshold, limit=limit, folder_path=folder)
    if as_json:
        print_json({"image_id": image_id, "images": found})
        return
    for each in found:
        say(f"{each.id}  {each.similarity:.3f}  {_described(each)}")
    if not found:
        say(f"No image in {escape(folder or 'its folder')} looks like it.")


def tags(
    wanted: Annotated[
        list[str], typer.Argument(metavar="TAG...", help="Tags; all must be there.", show_default=False)
    ],
    *,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", "-d", help="Only in this dataset, by name or id. Default: in all"),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="At most this many.")] = None,
    as_json: Json = False,
    server: Server,
) -> None:
    """Find the images that have all these tags, newest first."""
    with server.connected() as client:
        found = islice(client.images.iter_by_tags(wanted, dataset=dataset, page_size=200), limit)
        if as_json:
            print_json({"tags": wanted, "images": list(found)})
            return
        for each in found:
            say(f"{each.id}  {_described(each)}")


def _described(found: "SimilarImage | TaggedImage") -> str:
    where = f"{found.folder_path.rstrip('/')}/{found.filename}"
    tagged = "".join(f"  #{tag}" for tag in found.tags)
    return escape(f"{found.status:9}  {where}{tagged}")
