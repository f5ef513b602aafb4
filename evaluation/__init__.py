"""Evaluation of a checkpoint on a split: captions said, scored, and shown in a report."""
