"""What tables have in common."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, MetaData, String

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only for INTEGER primary keys.
BigId = BigInteger().with_variant(Integer, "sqlite")


def uuid(name: str, *args: object, **options: object) -> Column[str]:
    return Column(name, String(36), *args, **options)  # type: ignore[arg-type]


def time(name: str) -> Column[str]:
    """UTC text YYYY-MM-DDThh:mm:ss.ffffff"""
    return Column(name, String(26))


def operation() -> Column[int]:
    return Column("operation_id", BigInteger, index=True)


def flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, default=False)


def parent(name: str, target: str, *, primary: bool = False) -> Column[str]:
    """A reference whose row goes with the row it points at."""
    return Column(
        name,
        String(36),
        ForeignKey(target, ondelete="CASCADE"),
        primary_key=primary,
        nullable=False,
        index=not primary,
    )
