"""Documents in, chunks indexed."""
