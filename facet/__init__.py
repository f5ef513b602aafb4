"""The command `facet`, which starts the scripts of this project."""
