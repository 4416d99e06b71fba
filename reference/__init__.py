"""The API reference: what every endpoint takes and answers, in words, shapes and examples.

`make openapi` lays it over what the functions' own routes say and writes one OpenAPI document,
which `chat` serves as it is. None of this is deployed, so a request pays nothing for it.
"""
