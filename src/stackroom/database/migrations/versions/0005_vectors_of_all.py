"""What makes the vectors, how far an organization's round has come, and what was said of an asset that has one"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "embedder",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("dim", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "embedding_round",
        sa.Column("organization_id", Key, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), server_default="1", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("after_id", Key, nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("job_id", Key, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id"),
    )
    op.add_column("embedding", sa.Column("said", sa.LargeBinary(), nullable=True))
    for name, columns, where in (
        ("embedding_said", ["organization_id", "model", "said"], "said IS NOT NULL"),
        ("embedding_failed", ["organization_id", "asset_id"], "dim = 0"),
    ):
        op.create_index(
            name,
            "embedding",
            columns,
            unique=False,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )
