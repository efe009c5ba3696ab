"""An item's line in the journal is no longer its place in the request"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    for table in ("operation_item", "operation_tag"):
        op.execute(f"ALTER TABLE {table} RENAME COLUMN position TO line")
    op.add_column("operation_item", sa.Column("position", sa.Integer, nullable=False, server_default="0"))
    op.execute("UPDATE operation_item SET position = line")
