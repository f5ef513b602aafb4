"""Captioned images: data sets, splits, tokenizers and batches."""
