"""What is booked on a pool is kept apart from what the pool reports

The bookings are counted anew: a pool that was once missing in a report had lost them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
_PLACED = (
    "SELECT i.host, SUM(s.size) FROM share_instances i JOIN shares s ON s.id = i.share_id"
    " WHERE i.host IS NOT NULL GROUP BY i.host"
)


def upgrade() -> None:
    op.create_table(
        "bookings",
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("gigabytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host"),
    )
    op.execute(f"INSERT INTO bookings (host, gigabytes) {_PLACED}")
    op.drop_column("pools", "allocated_gb")


def downgrade() -> None:
    op.add_column(
        "pools",
        sa.Column("allocated_gb", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.execute(
        "UPDATE pools SET allocated_gb = COALESCE("
        "(SELECT gigabytes FROM bookings b WHERE b.host = pools.host), 0)"
    )
    op.drop_table("bookings")
