"""What HTML pages share: their style, images as text, and captions word by word."""
