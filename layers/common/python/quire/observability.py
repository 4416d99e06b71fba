"""Structured logs: one JSON object a line, with ids and never with content."""

from aws_lambda_powertools import Logger

log = Logger(service="quire", use_rfc3339=True)
