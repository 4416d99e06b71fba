"""What is answered instead when something is wrong."""

from reference.shapes import Shape, sometimes


class FieldError(Shape):
    """What is wrong with one field."""

    field: str
    """Its path, as in `filters.document_id`."""
    message: str


class Problem(Shape):
    """What went wrong (RFC 9457)."""

    type: str
    """A URN, the same for a status always."""
    title: str
    status: int
    detail: str
    """One sentence for people."""
    instance: str
    """The path that was asked for."""
    request_id: str
    """What we find the request by."""
    errors: list[FieldError] = sometimes()
    dependency: str = sometimes()
    """Which service is not available (503)."""
    code: str = sometimes()
    """For programs, what the status leaves open."""

    example = {
        "type": "urn:quire:problem:invalid",
        "title": "Invalid",
        "status": 422,
        "detail": "top_k: Input should be less than or equal to 16",
        "instance": "/v1/chat",
        "request_id": "JKJaXmPLvHcESHA=",
        "errors": [{"field": "top_k", "message": "Input should be less than or equal to 16"}],
    }


class OpenAIErrorDetail(Shape):
    message: str
    type: str
    param: str | None
    """The field that is wrong, as in `messages[0].content`."""
    code: str | None


class OpenAIError(Shape):
    """What went wrong, as OpenAI tells it."""

    error: OpenAIErrorDetail

    example = {
        "error": {
            "message": "This model does not exist; 'quire' does.",
            "type": "invalid_request_error",
            "param": "model",
            "code": "model_not_found",
        }
    }
