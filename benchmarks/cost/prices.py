"""List prices in US dollars: us-east-1, arm64, without free tiers and discounts.

docs/cost.md tells where each was read, and which could not be verified. The models' are Quire's own
(`quire.settings`), so that a turn costs here what its log line says.
"""

from quire.settings import Settings

MILLION = 1e6

LAMBDA_GB_SECOND = 0.0000133334
LAMBDA_REQUEST = 0.20 / MILLION
SNAPSHOT_GB_SECOND = 0.0000015046
SNAPSHOT_GB_RESTORED = 0.0001397998
HTTP_API_REQUEST = 1.00 / MILLION
SQS_REQUEST = 0.40 / MILLION
SECRET_MONTH = 0.40
SECRET_CALL = 0.05 / 10_000
LOG_GB = 0.50
LOG_GB_MONTH = 0.03
METRIC_MONTH = 0.30
ALARM_METRIC_MONTH = 0.10
DASHBOARD_MONTH = 3.00
S3_GB_MONTH = 0.023
S3_WRITE = 0.005 / 1_000
S3_READ = 0.0004 / 1_000
OUT_GB = 0.09
NEON_CU_HOUR = 0.14
NEON_GB_MONTH = 0.35
NEON_LEAST = 5.00
# Not verified: Qdrant publishes none, a calculator does after signing in.
QDRANT_GB_RAM_MONTH = 30.00


def _of_model(name: str) -> float:
    """Dollars a token; settings have them by the million."""
    price: float = Settings.model_fields[f"price_{name}"].default
    return price / MILLION


PROMPT_TOKEN = _of_model("prompt")
COMPLETION_TOKEN = _of_model("completion")
EMBEDDING_TOKEN = _of_model("embedding")
