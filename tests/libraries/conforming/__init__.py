"""Libraries that follow the standard and that no part of the package knows by name."""
