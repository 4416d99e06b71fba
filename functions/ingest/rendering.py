"""Documents, jobs, and who may call, as the wire shows them."""

from dataclasses import asdict
from typing import Any

from quire.domain import ApiKey, Document, Job, Limits, OwnLimits, Proof, Tenant, User


def document_json(document: Document) -> dict[str, Any]:
    return {
        "id": str(document.id),
        "filename": document.filename,
        "title": document.title,
        "version": document.version,
        "current_version": document.current_version,
        "status": document.status,
        "progress": {"done": document.done, "total": document.total},
        "chunks": document.chunks,
        "tokens": document.tokens,
        "cost_usd": document.cost_usd,
        "error": document.error,
        "sha256": document.sha256.hex() if document.sha256 else None,
        "metadata": document.metadata,
        "created_at": document.created_at,
        "updated_at": document.updated_at,
    }


def job_json(job: Job) -> dict[str, Any]:
    return {
        "id": str(job.id),
        "kind": job.kind,
        "status": job.status,
        "progress": {"done": job.done, "total": job.total},
        "result": job.result,
        "error": job.error,
        "created_at": job.created_at,
    }


def proof_json(proof: Proof) -> dict[str, Any]:
    return {
        "expected": proof.expected,
        "rows": proof.rows,
        "points": proof.points,
        "missing": [str(chunk) for chunk in proof.missing],
        "extra": [str(chunk) for chunk in proof.extra],
        "holds": proof.holds,
    }


def key_json(key: ApiKey) -> dict[str, Any]:
    return {
        "id": str(key.id),
        "name": key.name,
        "prefix": key.prefix,
        "scopes": sorted(key.scopes),
        "user_id": key.user or f"key:{key.id}",
        "speaks_for_users": key.speaks_for_users,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


def user_json(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "sessions": user.sessions,
        "created_at": user.created_at,
        "revoked_at": user.revoked_at,
    }


def tenant_json(tenant: Tenant) -> dict[str, Any]:
    return {
        "id": tenant.id,
        "name": tenant.name,
        "created_at": tenant.created_at,
        "closed_at": tenant.closed_at,
    }


def limits_json(tenant: str, own: OwnLimits, stage: Limits) -> dict[str, Any]:
    return {"tenant_id": tenant, **asdict(own), "in_force": asdict(own.over(stage))}
