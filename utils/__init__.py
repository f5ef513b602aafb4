"""Tools beneath everything else; they import nothing of this project."""
