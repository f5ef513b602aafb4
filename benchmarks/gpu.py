"""How fast a device trains, generates and encodes, beside what it could attain: one script of at most ten minutes.

    python benchmarks/gpu.py [--minutes 9] [--small] [--out benchmarks/results/device]

It needs this repository alone: the model is that of `experiment=flickr8k`, its batch is made up, and the backbone has
random weights. It measures the device's own products and copies first; then training steps in both precisions, as
PyTorch runs them and compiled, for growing batches; the optimizer; generation; and a frozen backbone that fills the
cache of features. What fails is named in its row and keeps nothing else from being measured; what there is no time for
is left out. Writes OUT.json and OUT.md, which docs/speed.md shows. Without a GPU it takes the CPU; `--small` is for
tests.

Shape legend: B images, C channels, H rows, W columns.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from hydra.utils import instantiate
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import MACHINE, write_figures
from benchmarks.training_steps import Sizes, captioner_of, made_up_batch, recipe, step_of, tokenizer_of
from lightning_modules.generation import Beam, Greedy, Sample
from lightning_modules.networks.encoders import TimmEncoder
from utils.devices import keep_freed_memory
from utils.files import atomic_write_text

PRECISIONS = {"bfloat16": torch.bfloat16, "float32": torch.float32}
BYTES_OF_STEP = 7 * 4  # of each weight: Adam reads weight, gradient and both moments, and writes all but the gradient
Row = dict[str, Any]


class Plan(NamedTuple):
    """What is measured.

    Attributes:
        device: `cuda` or `cpu`.
        side: Of the square matrices by which the attainable rate is measured.
        copied: Bytes that are copied to measure the bandwidth.
        batches: Images of a training batch, smallest first.
        compiler: The backend of `torch.compile`.
        seconds: How long one thing is repeated.
        generated: Images that captions are generated for.
        encoded: Images that the backbone encodes at once.
        sizes: Of the batch.
        overrides: Of the recipe.
        compiled: Whether training is compiled: both ways, or not at all.
    """

    device: str
    side: int = 8192
    copied: int = 2**30
    batches: Sequence[int] = (64, 256, 1024)
    compiler: str = "inductor"
    seconds: float = 3.0
    generated: int = 256
    encoded: int = 256
    sizes: Sizes = Sizes()
    overrides: Sequence[str] = ()
    compiled: Sequence[bool] = (False, True)

    def now(self) -> float:
        """Return seconds: by the clock, once the device is done; those of a CPU, which other work does not count in."""
        if self.device == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()


def small(device: str) -> Plan:
    """Return a plan that takes seconds, with the same rows as the whole one."""
    widths = [f"model.{part}=16" for part in ("decoder.hidden_size", "embedding.embedding_dim", "middle.hidden_size")]
    sizes = Sizes(images=2, captions=2, words=20, length=5, positions=4, feature_width=8)
    return Plan(device, 64, 2**16, (2,), "eager", 0.0, 2, 1, sizes, (*widths, "model.decoder.feedforward_size=16"))


def duration(job: Callable[[], object], plan: Plan) -> float:
    """Return the seconds of a job, its mean over at least `plan.seconds`; the first run does not count."""
    job()
    times, start = 0, plan.now()
    while not times or plan.now() - start < plan.seconds:
        job()
        times += 1
    return (plan.now() - start) / times


def attainable(plan: Plan) -> Row:
    """Return the rate of large matrix products in each precision, and that of copies in memory."""
    found: Row = {}
    for name, precision in PRECISIONS.items():
        matrix = torch.randn(plan.side, plan.side, device=plan.device, dtype=precision)
        found[name] = 2 * plan.side**3 / duration(lambda m=matrix: m @ m, plan) / 1e12  # type: ignore[misc]
    source = torch.empty(plan.copied, dtype=torch.uint8, device=plan.device)
    target = torch.empty_like(source)
    found["bandwidth"] = 2 * plan.copied / duration(lambda: target.copy_(source), plan) / 1e9
    return found


def training(plan: Plan, limits: Row, images: int, precision: str, compiled: bool) -> Row:
    """Return the rate and the memory of a training step, and its share of the attainable FLOP/s."""
    sizes = plan.sizes._replace(images=images)
    tokenizer = tokenizer_of(sizes.words)
    config = recipe(sizes, plan.overrides)
    module = captioner_of(config, tokenizer).to(plan.device)
    batch = made_up_batch(tokenizer.vocabulary, sizes, plan.device)
    step = step_of(module, lambda: module.training_step(batch, 0), config.model.optimizer, PRECISIONS[precision])
    with FlopCounterMode(display=False) as counter:
        step()
    if compiled:
        module.network.compile(backend=plan.compiler)
    if plan.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = duration(step, plan)
    flops = counter.get_total_flops() / seconds / 1e12
    return {
        "steps_per_second": 1 / seconds,
        "images_per_second": images / seconds,
        "TFLOP_per_second": flops,
        "share_of_attainable": flops / limits[precision],
        "peak_GiB": torch.cuda.max_memory_allocated() / 2**30 if plan.device == "cuda" else None,
    }


def optimizing(plan: Plan, limits: Row) -> Row:
    """Return what the optimizer's part of a step takes, and its share of the attainable bandwidth."""
    config = recipe(plan.sizes, plan.overrides)
    module = captioner_of(config, tokenizer_of(plan.sizes.words)).to(plan.device)
    weights = [*module.parameters()]
    for weight in weights:
        weight.grad = torch.zeros_like(weight)
    seconds = duration(instantiate(config.model.optimizer, weights).step, plan)
    rate = BYTES_OF_STEP * sum(weight.numel() for weight in weights) / seconds / 1e9
    return {"seconds": seconds, "GB_per_second": rate, "share_of_attainable": rate / limits["bandwidth"]}


def generating(plan: Plan, precision: str) -> dict[str, Row]:
    """Return the rates of generation by its strategies, from features, text included."""
    sizes = plan.sizes._replace(images=plan.generated)
    tokenizer = tokenizer_of(sizes.words)
    module = captioner_of(recipe(sizes, plan.overrides), tokenizer).to(plan.device).eval()
    features_BPD = made_up_batch(tokenizer.vocabulary, sizes, plan.device).features_BPD
    assert features_BPD is not None
    longest = sizes.length
    strategies = {
        "greedy": Greedy(max_length=longest),
        "beam of 5": Beam(beam_size=5, max_length=longest),
        "20 samples": Sample(num=20, top_p=0.9, max_length=longest),
    }
    rows: dict[str, Row] = {}
    for name, strategy in strategies.items():

        def run(strategy: Any = strategy) -> None:
            with torch.autocast(plan.device, PRECISIONS[precision], enabled=precision != "float32"):
                module.generate(features_BPD.float(), strategy)

        seconds = duration(run, plan)
        rows[name] = {"images_per_second": plan.generated / seconds}
        rows[name]["captions_per_second"] = strategy.num * plan.generated / seconds
    return rows


def encoding(plan: Plan, precision: str) -> Row:
    """Return how fast a frozen backbone fills the cache: images there, features back, in half precision."""
    image_size = 64 if plan.encoded == 1 else 224
    encoder = TimmEncoder(image_size=image_size, backbone="tf_efficientnet_lite2", weights=None).to(plan.device)
    images_BCHW = torch.zeros(plan.encoded, 3, image_size, image_size, dtype=torch.uint8)

    @torch.no_grad()
    def encode() -> None:
        with torch.autocast(plan.device, PRECISIONS[precision], enabled=precision != "float32"):
            encoder(images_BCHW.to(plan.device)).half().cpu()

    return {"images_per_second": plan.encoded / duration(encode, plan)}


def measurements(plan: Plan, limits: Row) -> Iterator[tuple[str, Callable[[], Row | dict[str, Row]]]]:
    """Yield what is measured, by name, the most telling first."""
    for images in plan.batches:
        for precision in PRECISIONS:
            for compiled in plan.compiled:
                name = f"training, {images} images, {precision}{', compiled' if compiled else ''}"
                yield name, lambda i=images, p=precision, c=compiled: training(plan, limits, i, p, c)  # type: ignore[misc]
        if images == plan.batches[0]:
            yield "optimizer", lambda: optimizing(plan, limits)
            for precision in PRECISIONS:
                yield f"generation, {precision}", lambda p=precision: generating(plan, p)  # type: ignore[misc]
                yield f"features, {precision}", lambda p=precision: encoding(plan, p)  # type: ignore[misc]


def measure(plan: Plan, seconds: float) -> dict[str, Row]:
    """Measure all that there is time for; what fails says so in its row."""
    begun = time.monotonic()
    limits = attainable(plan)
    rows: dict[str, Row] = {"attainable": limits}
    for name, job in measurements(plan, limits):
        if time.monotonic() - begun > seconds:
            rows[name] = {"left_out": f"more than {seconds:.0f} seconds had gone by"}
            continue
        try:
            rows[name] = job()
        except Exception as error:  # too little memory, or a compiler that is not there: the others count
            rows[name] = {"error": f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"}
        if plan.device == "cuda":
            torch.cuda.empty_cache()
    return rows


def markdown(figures: Row) -> str:
    """Return the figures as tables."""
    rows, lines = figures["rows"], []
    limits = rows["attainable"]
    lines += [
        f"{figures['device']}, PyTorch {figures['torch']}. Attainable: {limits['bfloat16']:.3g} TFLOP/s in bfloat16, "
        f"{limits['float32']:.3g} in float32, {limits['bandwidth']:.3g} GB/s.",
        "",
        "| what | rate | TFLOP/s | share of attainable | GiB |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, row in rows.items():
        if name == "attainable":
            continue
        if "error" in row or "left_out" in row:
            lines.append(f"| {name} | {row.get('error', row.get('left_out'))} | | | |")
        elif "steps_per_second" in row:
            memory = "" if row["peak_GiB"] is None else f"{row['peak_GiB']:.1f}"
            lines.append(
                f"| {name} | {row['steps_per_second']:.3g} steps/s | {row['TFLOP_per_second']:.3g} | "
                f"{row['share_of_attainable']:.0%} | {memory} |"
            )
        elif name == "optimizer":
            lines.append(
                f"| {name} | {1e3 * row['seconds']:.3g} ms | {row['GB_per_second']:.3g} GB/s | "
                f"{row['share_of_attainable']:.0%} | |"
            )
        elif name.startswith("features"):
            lines.append(f"| {name} | {row['images_per_second']:.3g} images/s | | | |")
        else:
            for strategy, rate in row.items():
                lines.append(f"| {name}, {strategy} | {rate['captions_per_second']:.3g} captions/s | | | |")
    return "\n".join(lines) + "\n"


def name_of(device: str) -> str:
    """Return what the device is called."""
    if device == "cuda":
        return f"{torch.cuda.get_device_name()} (CUDA {torch.version.cuda})"
    return f"One core of a CPU ({MACHINE})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Measure training, generation and encoding on this device.")
    parser.add_argument("--minutes", type=float, default=9.0, help="after so many nothing new is begun (9)")
    parser.add_argument("--small", action="store_true", help="tiny sizes, to try the script")
    out = Path("benchmarks/results/device")
    parser.add_argument("--out", type=Path, default=out, help="files to write, without .json and .md")
    options = parser.parse_args(arguments)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    plan = small(device) if options.small else Plan(device)
    if device == "cpu":
        keep_freed_memory()
        torch.set_num_threads(1)  # CPU seconds are those of all threads
        if not options.small:  # compiling would take all the time that there is
            plan = plan._replace(side=1024, copied=2**28, batches=(16, 64), generated=8, encoded=4, seconds=0.5)
            plan = plan._replace(compiled=(False,))
    torch.manual_seed(0)
    figures = {
        "device": name_of(device),
        "torch": torch.__version__,
        "small": options.small,
        "rows": measure(plan, 60 * options.minutes),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    table = markdown(figures)
    atomic_write_text(options.out.with_suffix(".md"), table)
    print(table)
    write_figures(options.out.with_suffix(".json"), figures)


if __name__ == "__main__":
    main()
