"""LangChain's own way with a chat model: asked at once, streamed, and told what was said before.

In an environment of its own (requirements/langchain.txt): `python ask.py`, with the server and its
key in OPENAI_BASE_URL and OPENAI_API_KEY. Prints what it saw as JSON.
"""

import json
import sys

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI

QUESTION = "How often must the grease be renewed?"


def main() -> None:
    chat = ChatOpenAI(model="quire")
    answer = chat.invoke(QUESTION)
    chunks = list(chat.stream(QUESTION))
    conversation = [
        SystemMessage("Be brief."),
        HumanMessage(QUESTION),
        answer,
        HumanMessage("And why do robot joints use a harmonic drive?"),
    ]
    followed = chat.invoke(conversation)
    selected = chat.invoke(
        "What turns the knee?",
        extra_body={"quire": {"selected_text": "A motor in the thigh turns the knee."}},
    )
    seen = {
        "answer": answer.text,
        "usage": answer.usage_metadata,
        "finish_reason": answer.response_metadata["finish_reason"],
        "streamed": "".join(chunk.text for chunk in chunks),
        "followed": followed.text,
        "selected": selected.text,
    }
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
