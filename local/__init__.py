"""The cloud on a laptop: servers on loopback, one file each."""
