"""Drawings, tables and pages of what models do, from plain captions and numbers; they know no models."""
