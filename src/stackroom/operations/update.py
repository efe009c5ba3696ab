"""update: set fields and tags of many items at once, alike. Archiving and restoring are updates of one field."""

from collections.abc import Sequence

from msgspec import UNSET

from stackroom.access import Role
from stackroom.operations import belongings, tagging
from stackroom.operations.collisions import DONE, taken
from stackroom.operations.outcome import Outcome
from stackroom.operations.request import Request
from stackroom.operations.run import Look, Run

ROLE = Role.MEMBER
FIRST_NUMBER = 1


def look(run: Run) -> Look:
    wanted = _wanted(run)
    same = [f"a.{field} {run.how.same} {value}" for field, value in wanted.items()]
    same += tagging.unchanged(run)
    comes_back = f"a.archived_at IS NOT NULL AND {taken('a.folder_id', 'a.name')}"
    return Look(
        verdicts=[
            (" AND ".join(same), Outcome.UNCHANGED),
            *([(comes_back, Outcome.COLLIDES)] if run.request.changes.archived is False else []),
        ],
        sets={f"to_{field}": value for field, value in wanted.items()},
        parameters=_values(run) | tagging.parameters(run.request.changes),
    )


def takes_name(run: Run) -> str | None:
    return "i.archived_at IS NOT NULL" if run.request.changes.archived is False else None


def apply(run: Run, *, renamed: bool) -> None:
    if tagging.is_asked(run.request):
        tagging.apply(run)
    assignments = "".join(f"{field} = {value}, " for field, value in _wanted(run, "").items())
    changed = f"{assignments}updated_at = :now, version = version + 1"
    kept = "AND i.to_name IS NULL" if renamed else ""
    run.execute(
        f"""{run.how.update} asset SET {changed}
            WHERE id IN (SELECT i.asset_id FROM operation_item i WHERE {{items}} AND i.outcome = {DONE} {kept})""",
        **_values(run),
    )
    if renamed:
        run.execute(
            f"""{run.how.update} asset SET name = s.to_name, {changed}
                FROM (SELECT i.asset_id, i.to_name FROM operation_item i
                    WHERE {{items}} AND i.outcome = {DONE} AND i.to_name IS NOT NULL {run.how.fence}) s
                WHERE asset.id = s.asset_id""",
            **_values(run),
        )
    if run.request.changes.display_name is not UNSET:
        belongings.forget_words(run)


def changes(request: Request) -> Sequence[str]:
    wanted = request.changes
    fields = [field for field in ("status", "display_name", "split") if getattr(wanted, field) is not UNSET]
    if wanted.archived is not UNSET:
        # Whoever comes back, by this operation or by its undo, may need a new name.
        fields += ["archived_at", "name"]
    if tagging.is_asked(request):
        fields.append(tagging.TAGS)
    return fields


def _wanted(run: Run, asset: str = "a.") -> dict[str, str]:
    """Each field to set, with the expression it is set to."""
    wanted = run.request.changes
    fields = {
        field: f"CAST(:{field} AS text)"
        for field in ("status", "display_name", "split")
        if getattr(wanted, field) is not UNSET
    }
    if wanted.archived is not UNSET:
        # What was archived before stays archived since then.
        since = f"COALESCE({asset}archived_at, CAST(:now AS bigint))"
        fields["archived_at"] = since if wanted.archived else "CAST(NULL AS bigint)"
    return fields


def _values(run: Run) -> dict[str, object]:
    wanted = run.request.changes
    fields = ("status", "display_name", "split")
    return {field: value for field in fields if (value := getattr(wanted, field)) is not UNSET}
