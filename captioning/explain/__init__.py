"""`caption.py --explain`: captions of one's own pictures, word by word, on one page."""
