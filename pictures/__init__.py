"""Drawings and tables of what models do, from plain captions and numbers; they know no models."""
