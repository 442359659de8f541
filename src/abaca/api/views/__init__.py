"""How records look to clients: one file per noun, each a table of fields."""

from abaca.api.views.fields import Field, Links, Representation, View, ViewContext

__all__ = ["Field", "Links", "Representation", "View", "ViewContext"]
