"""Is it alive, and is all it stands on."""
