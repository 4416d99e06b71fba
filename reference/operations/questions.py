"""Questions: answered whole, streamed, or only searched for."""

from reference.operations import Content, Operation, Operations, json
from reference.shapes import dialect, streams
from reference.shapes.answers import QUESTION, Answer, Retrieved
from reference.shapes.conversations import Replay

_STREAM = Content(
    shape=streams.StreamEvent, example=streams.EXAMPLE, media_type="text/event-stream"
)
_COMPLETION_STREAM = Content(
    shape=dialect.CompletionEvent, example=dialect.EXAMPLE, media_type="text/event-stream"
)

QUESTIONS: Operations = {
    "POST /v1/chat": Operation(
        summary="Ask a question",
        description="It is answered from the tenant's documents, or from `selected_text` alone, in "
        "words whose sources are cited and proven. Without a `session_id` a session is begun.",
        asks={"question": QUESTION, "top_k": 8},
        answers=json(Answer),
        errors=[404],
    ),
    "POST /v1/chat/stream": Operation(
        summary="Ask a question, streamed",
        description="The answer as server-sent events while it is written, if the streaming app is "
        "asked; API Gateway holds them back to their end. The schema is that of an event's `data`.",
        asks={"question": QUESTION},
        answers=[_STREAM],
        errors=[404],
    ),
    "GET /v1/messages/{message_id}/stream": Operation(
        summary="Follow an answer",
        description="The events of a turn that come after `Last-Event-ID`, from what is stored of "
        "it, and on until it ends. Of a turn that has ended, its last event is told in any case.",
        answers=[_STREAM],
    ),
    "POST /v1/messages/{message_id}/replay": Operation(
        summary="Ask a question again",
        description="Shows an answer beside the one that its question has now; nothing is stored.",
        answers=json(Replay),
    ),
    "POST /v1/retrieve": Operation(
        summary="Find passages",
        description="The passages nearest to a question; nothing is answered.",
        asks={"question": QUESTION, "top_k": 20},
        answers=json(Retrieved),
        errors=[404],
    ),
}

DIALECT: Operations = {
    "POST /v1/chat/completions": Operation(
        summary="Complete a chat",
        description="A question in OpenAI's dialect, for any client of its Chat Completions. With "
        "`stream`, server-sent events, of which the schema is that of a line's `data`.",
        asks={"model": "quire", "messages": [{"role": "user", "content": QUESTION}]},
        answers=[*json(dialect.ChatCompletion), _COMPLETION_STREAM],
        errors=[404],
    ),
    "GET /v1/models": Operation(
        summary="List the models",
        description="There is one, whichever language model is behind it.",
        answers=json(dialect.ModelList),
    ),
    "GET /v1/models/{model}": Operation(
        summary="Show a model",
        description="The one there is.",
        answers=json(dialect.Model),
    ),
}
