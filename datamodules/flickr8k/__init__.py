"""Flickr8k: 8,000 photographs of people and animals in action, five captions each.

Hodosh, Young & Hockenmaier, "Framing Image Description as a Ranking Task: Data, Models and Evaluation Metrics",
Journal of Artificial Intelligence Research 47 (2013).
"""

from datamodules.flickr8k.flickr8k_datamodule import Flickr8kDataModule

__all__ = ["Flickr8kDataModule"]
