"""OpenAI's dialect of a turn: chat completions in its words, errors too (docs/openai.md)."""

MODEL = "quire"
