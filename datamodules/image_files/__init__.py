"""Images in files: found, checked, read and keyed."""
