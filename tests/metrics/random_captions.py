"""Random captions of few words, so that n-grams repeat within captions and are shared between them."""

import random

from metrics import PairedCaptions


def random_caption(rng: random.Random, longest: int = 12) -> tuple[str, ...]:
    """Return words, among them none at all."""
    return tuple(rng.choices("abcdefg", k=rng.randrange(longest)))


def random_pairs(seed: int, num_images: int = 20, candidates: int | None = None) -> PairedCaptions:
    """Return images with one to five references and as many candidates as asked for, or from none to three."""
    rng = random.Random(seed)
    references = [[random_caption(rng) for _ in range(rng.randint(1, 5))] for _ in range(num_images)]
    counts = [rng.randrange(4) if candidates is None else candidates for _ in range(num_images)]
    image_of_candidate = [image for image, count in enumerate(counts) for _ in range(count)]
    rng.shuffle(image_of_candidate)
    return PairedCaptions([random_caption(rng) for _ in image_of_candidate], references, image_of_candidate)
