"""`stackroom dataset insights`: what a dataset consists of, in figures and bars."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from stackroom.cli.console import console, counted, print_json, say, size
from stackroom.cli.options import Dataset, Json, Server
from stackroom.cli.progress import waiting

if TYPE_CHECKING:
    from stackroom import Insights

EXAMPLE = "stackroom dataset insights cars"

_BAR = 30
_SIZES = 10
_SURE = {"lt50": "below 0.5", "b50_70": "0.5 to 0.7", "b70_90": "0.7 to 0.9", "b90_100": "0.9 to 1"}


def insights(dataset: Dataset, *, as_json: Json = False, server: Server) -> None:
    """Show what a dataset consists of: images by status and size, annotations by class and kind."""
    with server.connected() as client, waiting(f"counting {dataset}"):
        found = client.datasets.insights(dataset)
    if as_json:
        print_json(found)
    else:
        _show(dataset, found)


def _show(dataset: str, found: "Insights") -> None:
    say(
        f"[bold]{escape(dataset)}[/]: {counted(found.total_images, 'image')}, {size(found.total_bytes)}; "
        f"{counted(found.total_annotations, 'annotation')}, {found.avg_annotations_per_image:.1f} to an image; "
        f"{counted(found.unannotated_images, 'image')} without any."
    )
    _bars("Images by status", found.status_counts)
    _bars("Annotations by class", found.class_annotation_counts, sort=True)
    _bars("Images by class", found.class_image_counts, sort=True, of=found.total_images)
    _bars("Annotations by kind", found.type_counts, sort=True)
    _bars("Images by number of annotations", found.annotation_density)
    _show_dimensions(found)
    _show_confidence(found)


def _show_dimensions(found: "Insights") -> None:
    sizes = found.dimensions
    if not sizes.images_with_dimensions:
        return
    turned = sizes.orientation
    _bars("Images by shape", {"wide": turned.landscape, "high": turned.portrait, "square": turned.square})
    shown = {f"{each.w}x{each.h}": each.count for each in sizes.sizes[:_SIZES]}
    _bars("Images by size", shown, of=sizes.images_with_dimensions)
    more = sizes.distinct_size_count - len(shown)
    if more > 0:
        say(f"  … and {more:,} more sizes.")
    widths = f"{sizes.min_width} to {sizes.max_width}, {sizes.avg_width} on average"
    heights = f"{sizes.min_height} to {sizes.max_height}, {sizes.avg_height} on average"
    say(f"  Widths {widths}; heights {heights}.")


def _show_confidence(found: "Insights") -> None:
    sure = found.model_confidence
    if sure is None or not sure.flagged:
        return
    _bars(
        "Images by their least sure annotation", {_SURE.get(key, key): n for key, n in sure.buckets.items()}
    )
    if sure.lowest is not None and sure.avg_flagged is not None:
        say(
            f"  {counted(sure.flagged, 'image')}; {sure.lowest:.2f} at the lowest, {sure.avg_flagged:.2f} on average."
        )


def _bars(title: str, counts: Mapping[str, int], *, sort: bool = False, of: int | None = None) -> None:
    """A line for each count, with its share `of` something, or of them all; the longest bar is the largest."""
    if not any(counts.values()):
        return
    rows = sorted(counts.items(), key=lambda row: -row[1]) if sort else list(counts.items())
    most, total = max(counts.values()), of or sum(counts.values())
    made = Table.grid(padding=(0, 2))
    made.add_column(overflow="fold")
    made.add_column(justify="right")
    made.add_column(justify="right")
    made.add_column()
    for name, count in rows:
        bar = "█" * (max(1, round(_BAR * count / most)) if count else 0)
        made.add_row(f"  {escape(name)}", f"{count:,}", f"{100 * count / total:.0f} %", f"[cyan]{bar}[/]")
    say(f"\n[bold]{title}[/]")
    console().print(made)
