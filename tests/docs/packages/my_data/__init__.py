"""A data set of a user's own: a folder of images, and one file of captions."""

from my_data.annotated_folder import AnnotatedFolder

__all__ = ["AnnotatedFolder"]
