"""`quire eval`: how well the retriever finds what a dataset says it should find."""
