"""Load: many turns at once, for long, through few connections to PostgreSQL."""
