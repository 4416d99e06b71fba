"""What is deployed wherever Quire runs: the functions' handlers, the routes to them, their rights.

The laptop and CDK read the same tables, so neither can serve what the other does not.
"""
