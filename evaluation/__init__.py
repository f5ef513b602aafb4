"""Evaluation of a checkpoint on a split: captions are generated, scored, and shown in a report."""
