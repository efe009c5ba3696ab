"""The usual delivery channels are rows of each organization, as those that it has chosen are"""

import sqlalchemy as sa
from alembic import op

from stackroom import ids

revision = "0008"
down_revision = "0007"

USUAL = (
    ("iiif-img", "default", "image/*"),
    ("thumbs", "default", "image/*"),
    ("iiif-av", "default-video", "video/*"),
    ("iiif-av", "default-audio", "audio/*"),
)


def upgrade() -> None:
    conn = op.get_bind()
    found = conn.execute(
        sa.text("SELECT organization_id, channel, media_type FROM delivery_default WHERE dataset_id IS NULL")
    )
    chosen = {tuple(row) for row in found}
    rows = [
        {"uuid": ids.new(), "of": number, "channel": channel, "policy": policy, "kind": kind, "at": created}
        for number, created in conn.execute(sa.text("SELECT id, created_at FROM organization ORDER BY id"))
        for channel, policy, kind in USUAL
        if (number, channel, kind) not in chosen
    ]
    if rows:
        conn.execute(
            sa.text("""INSERT INTO delivery_default
                (uuid, organization_id, channel, policy, media_type, created_at)
                VALUES (:uuid, :of, :channel, :policy, :kind, :at)"""),
            rows,
        )
