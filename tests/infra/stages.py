"""The stages that are synthesized for the tests: the real ones, and one for each option."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from infra.config import STAGES, Domain, Jwt, Size, StageConfig

ROOT = Path(__file__).parents[2]
NAMED = Domain(
    name="quire.example",
    certificate_arn="arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000",
)
OPTIONS: tuple[StageConfig, ...] = (
    replace(
        STAGES["prod"],
        name="edge",
        edge=True,
        traces=True,
        domain=NAMED,
        event_bus="news",
        origins=("https://app.example",),
        settings={"QUIRE_LIMIT_STREAMS": "5", "ROTATED": "2027-01-01"},
        notify=("somebody@quire.example",),
        runbook="https://wiki.quire.example/runbook",
    ),
    replace(
        STAGES["dev"],
        name="jwt",
        jwt=Jwt(issuer="https://id.example", audience="quire", scope_claim="scope"),
        domain=NAMED,
        chat=Size(memory=2048, timeout=29, reserved=50),
    ),
)
ALL = (*STAGES.values(), *OPTIONS)


def stand_in(build: Path) -> Path:
    """What `make layer` would have built, as far as CDK looks at it."""
    for folder in ("layer/python", *(f"functions/{n}" for n in _BUNDLES)):
        (build / folder).mkdir(parents=True)
        (build / folder / "code.py").write_text(f'"""{folder}"""\n')
    return build


_BUNDLES = ("chat", "ingest", "health", "migrate")


def synthesize(folder: Path, stages: tuple[StageConfig, ...], *, build: Path) -> None:
    """As `make synth` does it, cdk-nag included. Raises RuntimeError where a rule is broken."""
    from aws_cdk import App

    from infra import nag
    from infra.stack import QuireStack

    flags: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = App(outdir=str(folder), context=flags)
    for stage in stages:
        QuireStack(app, stage=stage, build=build)
    nag.check(app)
    app.synth()
