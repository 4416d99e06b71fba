"""What is deployed wherever Quire runs: the functions' handlers, and the routes to them.

The laptop and CDK read the same tables, so neither can serve what the other does not.
"""
