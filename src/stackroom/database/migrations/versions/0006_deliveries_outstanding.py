"""What has not been delivered is found among what has; by event nothing is looked for"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.drop_index("delivery_of_event", "delivery")
    where = sa.text("state <> 'delivered'")
    op.create_index(
        "delivery_outstanding",
        "delivery",
        ["organization_id", "id"],
        sqlite_where=where,
        postgresql_where=where,
    )
