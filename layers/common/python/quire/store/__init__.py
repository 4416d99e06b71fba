"""PostgreSQL: the truth about who, what and how far."""
