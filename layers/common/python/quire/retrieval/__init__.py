"""Finding the chunks that bear on a question."""
