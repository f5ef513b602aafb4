"""The report: files for machines, and one page to read."""
