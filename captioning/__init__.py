"""What caption.py is made of: its options, what they choose, and what is written."""
