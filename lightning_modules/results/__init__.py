"""What models hand out: generated captions, and how they came about."""
