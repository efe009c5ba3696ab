"""`stackroom dataset duplicates`: which images of a dataset look alike."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from stackroom.cli.console import counted, print_json, say
from stackroom.cli.options import Dataset, Json, Server
from stackroom.cli.progress import waiting

if TYPE_CHECKING:
    from stackroom import NearDuplicates

EXAMPLE = """stackroom dataset duplicates cars --threshold 0.97

stackroom dataset duplicates cars --folder /incoming --sample 10000 --json"""


def duplicates(
    dataset: Dataset,
    *,
    threshold: Annotated[
        float, typer.Option("--threshold", help="How much alike they must be, from 0.5 to 0.9999.")
    ] = 0.92,
    sample: Annotated[
        int, typer.Option("--sample", min=1, help="Compare this many of the newest images.")
    ] = 1000,
    folder: Annotated[
        str | None, typer.Option("--folder", "-f", metavar="PATH", help="Only images in this folder.")
    ] = None,
    as_json: Json = False,
    server: Server,
) -> None:
    """Show groups of images that look alike. Nothing is removed: `stackroom rm` takes the ids."""
    with server.connected() as client, waiting("comparing"):
        found = client.datasets.near_duplicates(
            dataset, threshold=threshold, sample=sample, folder_path=folder
        )
    if as_json:
        print_json(found)
    else:
        _show(found)


def _show(found: "NearDuplicates") -> None:
    if found.groups:
        what = f"{counted(found.group_count, 'group')} with {counted(found.duplicate_image_count, 'image')}"
        say(f"{what}; {found.redundant_count:,} could go if one of each group stayed.")
    else:
        say("No two images look alike.")
    for number, group in enumerate(found.groups, start=1):
        say(f"\n[bold]{number}.[/] {group.size} images, alike up to {group.max_similarity:.3f}")
        for each in group.members:
            where = escape(f"{each.folder_path.rstrip('/')}/{each.filename}")
            say(f"  {each.id}  {each.status:9} {counted(each.annotation_count, 'annotation'):>15}  {where}")
    if found.sample_capped:
        what = f"Only the newest {found.analyzed:,} of {found.total_images:,} images were compared"
        say(f"\n{what}; --sample takes more.")
    if found.pairs_capped:
        say("\nThere are more pairs than one request gives; a higher --threshold leaves the surest.")
