"""Where an undo puts things whose folder has been removed since: into what is there now, or into a folder made anew.

Journals name folders by number. The row of a removed one says where it was.
"""

from itertools import groupby

from sqlalchemy import Connection

from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.library import folders
from stackroom.operations.outcome import Outcome
from stackroom.operations.run import Run

# Rows `j` of a journal, with what its folders have become: `…_gone` the removed one, `…_now` what stands in its place.
JOINED = " ".join(
    f"""LEFT JOIN folder {column}_gone ON {column}_gone.id = j.{column} AND {column}_gone.removed_from IS NOT NULL
        LEFT JOIN folder {column}_now ON {column}_now.dataset_id = {column}_gone.dataset_id
            AND {column}_now.path = {column}_gone.removed_from"""
    for column in ("folder_id", "to_folder_id")
)
_MINE = f"""j.operation_id = (SELECT o.undo_of FROM operation o WHERE o.id = :op)
    AND j.outcome = {int(Outcome.DONE)} AND j.line >= :from AND j.line < :stop"""
_UNDONE = f"FROM operation_item j {JOINED} JOIN asset a ON a.uuid = j.asset_uuid WHERE {_MINE}"


def may_be_gone(conn: Connection, operation_id: int) -> bool:
    """Whether folders that this operation names may have been removed. On PostgreSQL, where it may happen meanwhile,
    always; on SQLite mostly not, which spares looking for each."""
    if flavour.of(conn).lock:
        return True
    removed = """SELECT 1 FROM folder f WHERE f.removed_from IS NOT NULL
        AND f.dataset_id = (SELECT o.dataset_id FROM operation o WHERE o.id = :id) LIMIT 1"""
    return conn.scalar(statement(removed), {"id": operation_id}) is not None


def of_today(column: str) -> str:
    """The folder that `column` of row `j` means by now."""
    return f"COALESCE({column}_now.id, j.{column})"


def make_ready(run: Run) -> None:
    """Make the folders that the items of this undo were in, where they are missing, and keep all of them from being
    removed until the commit."""
    if not may_be_gone(run.conn, run.operation_id):
        return
    if run.how.lock and _hold(run, f"SELECT DISTINCT j.folder_id FROM operation_item j WHERE {_MINE}"):
        return  # as mostly: all of them are there
    while True:
        _make_missing(run)
        if _hold(run, f"SELECT DISTINCT {of_today('folder_id')} {_UNDONE}"):
            return


def _make_missing(run: Run) -> None:
    missing = run.execute(
        f"""SELECT DISTINCT folder_id_gone.dataset_id, folder_id_gone.removed_from {_UNDONE}
            AND folder_id_gone.id IS NOT NULL AND folder_id_now.id IS NULL ORDER BY 1""",
        stop=run.start + run.count,
    ).all()
    for dataset_id, rows in groupby(missing, lambda row: int(row[0])):
        folders.ensure_many(run.conn, dataset_id, [path for _, path in rows], now=run.now)


def _hold(run: Run, wanted: str) -> bool:
    """Keep these folders. False if one of them has been removed."""
    if not run.how.lock:
        return True
    return folders.hold(run.conn, list(run.execute(wanted, stop=run.start + run.count).scalars()))
