"""Every metric gives on several processes what it gives on one, to the last digit; on real processes."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor
from torch.utils.data import DistributedSampler
from torchmetrics import Metric

from metrics import CaptionScores, ReconstructionQuality, RougeScore

NUM_IMAGES = 13
BATCH_SIZE = 3
WORDS = ("a", "dog", "runs", "naïve", "on", "the", "日本", "two", "cats", "sit")


def _captions(image_id: int) -> tuple[list[str], list[str]]:
    text = [WORDS[(image_id * (place + 2) + place * place) % len(WORDS)] for place in range(9)]
    references = [" ".join(text[1:]), " ".join(text[::2]), " ".join(reversed(text))]
    return [" ".join(text[: 3 + image_id % 6]), "another one"], references[: 1 + image_id % 3]


def _pictures(image_ids: Sequence[int]) -> tuple[Tensor, Tensor]:
    originals = [torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(image_id)) for image_id in image_ids]
    return torch.stack(originals) * 0.9, torch.stack(originals)


def _evaluate(image_ids: Sequence[int]) -> dict[str, float]:
    """Return all results from the images that this process was given, batch by batch."""
    of_captions: list[Metric] = [CaptionScores(several=True), RougeScore()]
    of_pictures = ReconstructionQuality()
    for start in range(0, len(image_ids), BATCH_SIZE):
        ids = image_ids[start : start + BATCH_SIZE]
        candidates, references = zip(*map(_captions, ids), strict=True)
        for metric in of_captions:
            metric.update(candidates, references, torch.tensor(ids))
        of_pictures.update(*_pictures(ids), torch.tensor(ids))
    results = [metric.compute() for metric in (*of_captions, of_pictures)]
    return {name: value.item() for result in results for name, value in result.items()}


def _process(rank: int, num_processes: int, folder: Path) -> None:
    """Evaluate a sampler's share, with the repeats by which it fills up; then all images on the first process alone."""
    torch.set_num_threads(1)
    rendezvous = f"file://{folder / 'rendezvous'}"
    dist.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=num_processes)
    shares = DistributedSampler(range(NUM_IMAGES), num_processes, rank, shuffle=False)  # type: ignore[arg-type]
    evenly, unevenly = _evaluate([*shares]), _evaluate(range(NUM_IMAGES) if rank == 0 else [])
    torch.save({"evenly": evenly, "unevenly": unevenly}, folder / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*was called before the ``update`` method")
@pytest.mark.parametrize("num_processes", [2, 4])
def test_the_same_to_the_last_digit(num_processes: int, tmp_path: Path) -> None:
    expected = _evaluate([7 * i % NUM_IMAGES for i in range(NUM_IMAGES)])
    assert {"coco/BLEU-4", "mean/CIDEr-D", "B/Self-CIDEr", "rouge_score/rougeL", "PSNR"} < expected.keys()
    means = [value for name, value in expected.items() if name.startswith(("coco/", "rouge_score/", "PSNR", "SSIM"))]
    assert len(set(means)) == len(means)
    mp.spawn(_process, args=(num_processes, tmp_path), nprocs=num_processes)
    for rank in range(num_processes):
        results = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert results["evenly"] == expected
        assert results["unevenly"] == expected
