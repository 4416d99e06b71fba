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

if __name__ == "__main__":
    document = assemble(described(), OPERATIONS)
    Path(sys.argv[1]).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
