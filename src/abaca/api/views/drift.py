"""Drift as administrators see it."""

from abaca.api.views.fields import TIME, UUID, Field, Representation

FINDING = Representation(
    "drift_finding",
    [
        Field("id", UUID),
        Field("host"),
        Field("kind"),
        Field("resource_type"),
        Field("resource_id", nullable=True),
        Field("backend_id"),
        Field("expected"),
        Field("found"),
        Field("action"),
        Field("proposal"),
        Field("first_seen", TIME),
        Field("attempts", "integer"),
        Field("problem", nullable=True),
    ],
)
LOOK = Representation(
    "drift_look",
    [
        Field("host"),
        Field("looked_at", TIME),
        Field("problem", nullable=True),
        Field("findings", "integer"),
    ],
)
STEP = Representation(
    "drift_repair",
    [
        Field("id", UUID, get="finding.id"),
        Field("host", get="finding.host"),
        Field("resource_type", get="finding.resource_type"),
        Field("resource_id", nullable=True, get="finding.resource_id"),
        Field("backend_id", get="finding.backend_id"),
        Field("action", get="finding.action"),
        Field("proposal", get="finding.proposal"),
        Field("operation_id", "integer", nullable=True),
    ],
)
ADOPTION = Representation(
    "drift_adoption",
    [
        Field("id", UUID, get="finding.id"),
        Field("host"),
        Field("resource_type", get="finding.resource_type"),
        Field("backend_id", get="finding.backend_id"),
        Field("project_id"),
        Field("resource_id", nullable=True),
        Field("proposal", get="finding.proposal"),
    ],
)
