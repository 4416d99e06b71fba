"""What two or more of Quire's functions share: the words, the gateways, the web frame."""

__version__ = "0.1.0"
