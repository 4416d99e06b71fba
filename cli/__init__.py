"""The quire command: speaks to any deployment of Quire by its URL and a key."""
