"""Faults under load: what is asked meanwhile, what became of it, how soon all is well again."""
