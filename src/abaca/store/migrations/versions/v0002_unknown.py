"""Operations that ended without anybody knowing their outcome are looked for by backend"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
_CONDITION = sa.text("state = 'unknown'")


def upgrade() -> None:
    op.create_index(
        "ix_operations_unknown",
        "operations",
        ["host"],
        postgresql_where=_CONDITION,
        sqlite_where=_CONDITION,
    )


def downgrade() -> None:
    op.drop_index("ix_operations_unknown", table_name="operations")
