"""What has to hold of an answer, and of a certificate."""

from cli.client import Failed, Json

# What a document of one chunk leaves in each place, and its deletion has to find there.
_REMOVED = ("originals", "texts", "chunks", "points")


def check_answer(answer: Json, *, document: Json, text: str) -> str:
    """It was made of everything, is kept, and cites this document in its own words.

    Offsets count code points, as Python does. Raises Failed.
    """
    if answer.get("degraded"):
        raise Failed(f"It was answered without what is needed: {answer['degraded']}.")
    if not answer["persisted"]:
        raise Failed("The answer was not stored.")
    if not answer["citations"]:
        raise Failed(f"The answer cites nothing (message {answer['message_id']}).")
    for citation in answer["citations"]:
        where = f"citation [{citation['index']}] of message {answer['message_id']}"
        if (citation["document_id"], citation["version"]) != (document["id"], document["version"]):
            raise Failed(f"The {where} is of another document, or another version.")
        start, end = citation["start"], citation["end"]
        if not 0 <= start < end <= len(text) or text[start:end] != citation["cited_text"]:
            raise Failed(f"The {where} does not hold: text[{start}:{end}] is not what it quotes.")
    held = len(answer["citations"])
    return f"{held} of {held} citations hold, {answer['model']}"


def check_certificate(certificate: Json | None, *, document: Json) -> str:
    """It names this document, and that its original, chunks and points are gone. Raises Failed."""
    if not certificate or certificate.get("document_id") != document["id"]:
        raise Failed("There is no certificate of this document.")
    removed = certificate["removed"]
    if missed := [name for name in _REMOVED if not removed[name]]:
        raise Failed(f"The certificate tells of no {', '.join(missed)}.")
    return f"certified as gone: {', '.join(f'{name} {removed[name]}' for name in _REMOVED)}"
