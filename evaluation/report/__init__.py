"""The report: files for machines, and one page for people."""
