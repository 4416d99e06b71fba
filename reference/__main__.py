"""`python -m reference FILE`: write the OpenAPI document of all functions."""

import json
import sys
from pathlib import Path

from reference.apps import described
from reference.assembling import assemble
from reference.operations import access, conversations, documents, questions

OPERATIONS = {
    **questions.QUESTIONS,
    **questions.DIALECT,
    **conversations.CONVERSATIONS,
    **conversations.PERSONA,
    **documents.DOCUMENTS,
    **documents.JOBS,
    **access.KEYS,
    **access.USERS,
    **access.TENANTS,
    **documents.HEALTH,
}


def written() -> str:
    """The document as it is kept."""
    document = assemble(described(), OPERATIONS)
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(written())
