"""Ingestion: how many documents an hour, and what a document costs."""
