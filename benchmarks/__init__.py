"""What Quire costs, measured."""
