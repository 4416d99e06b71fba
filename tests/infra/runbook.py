"""docs/runbook.md and docs/backups.md, as far as tests ask about them."""

import re

from tests.infra.stages import ROOT

BACKUPS = (ROOT / "docs/backups.md").read_text()
_RUNBOOK = (ROOT / "docs/runbook.md").read_text()
TEXT = f"{_RUNBOOK}\n{BACKUPS}"


def pages(part: str) -> list[str]:
    """The anchors of the sections in that part, as they are linked to."""
    (below,) = re.findall(rf"^## {part}\n(.*?)(?=^## |\Z)", _RUNBOOK, re.MULTILINE | re.DOTALL)
    return [heading.lower().replace(" ", "-") for heading in re.findall("^### (.+)$", below, re.M)]


def code() -> list[str]:
    """What is to be typed: blocks line by line, and what stands between backticks."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", TEXT, flags=re.M | re.S))
    return [*"\n".join(blocks).replace("\\\n", " ").splitlines(), *spans]
