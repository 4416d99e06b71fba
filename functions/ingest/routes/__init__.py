"""HTTP of documents: parse, call, return."""
