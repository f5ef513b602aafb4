"""The captions that a model learned from."""

from datamodules.annotations.fields import listed
from datamodules.annotations.image_lookup import file_of
from datamodules.annotations.reference_image import ReferenceImage
from datamodules.annotations.references import References
from evaluation.score_file.matching import Match

TRAINING_SPLITS = ("train", "restval")  # published models for COCO learn from both


def training_images(references: References) -> list[ReferenceImage]:
    """Return the images with captions that a model may learn from: where there are splits, "train" and "restval".

    Raises:
        ValueError: There are splits, but neither of these.
    """
    with_captions = [image for image in references.images if image.captions]
    found = [image for image in with_captions if image.split is None or image.split in TRAINING_SPLITS]
    if not found:
        splits = sorted({str(image.split) for image in references.images})
        raise ValueError(
            f"{references.file.path}: expected images of the split 'train' or 'restval', got {listed(splits)}; "
            f"give the file with the training captions"
        )
    return found


def training_captions(training: References, references: References, matched: Match) -> list[str]:
    """Return the captions of the images to learn from, which must be others than those that are scored.

    Two images are the same if their file names are, also where one of them is without its folders; their numbers, where
    a file has no file names.

    Raises:
        ValueError: A scored image is among them: its references would not be novel; or as `training_images`.
    """
    images = training_images(training)
    scored = {references.images[image.image_id].names[-1] for image in matched.images}
    without_folders = {*map(file_of, scored)}
    names = [image.names[-1] for image in images]
    shared = [name for name in names if name in scored or file_of(name) in scored or name in without_folders]
    if shared:
        raise ValueError(
            f"{training.file.path}: expected training captions of other images than the scored ones, got those of "
            f"{len(shared)} ({listed(shared)}) as well; give a file of the training images alone"
        )
    return [caption for image in images for caption in image.captions]
