"""What of a stage is known by name outside of its template; all else CloudFormation names."""

RUNTIME, MIGRATION, SWITCHES, FIRST_KEY = "runtime", "migration", "switches", "first-key"
# What CloudFront shows the apps, where in the runtime secret that is, and how it tells who calls.
EDGE_HEADER, EDGE_KEY, FORMER_EDGE_KEY = "Quire-Edge", "edge_key", "former_edge_key"
VIEWER_HEADER = "Quire-Viewer"
# A setting of a stage, of any value: when that changes, whoever knows a secret hears of it anew.
ROTATED = "ROTATED"


def stack_name(stage: str) -> str:
    return f"quire-{stage}"


def service_name(stage: str, function: str) -> str:
    """Of whom a line, a metric or a span is: two stages may share an account."""
    return f"quire-{stage}-{function}"


def secret_name(stage: str, secret: str) -> str:
    return f"quire/{stage}/{secret}"
