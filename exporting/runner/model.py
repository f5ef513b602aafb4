"""The exported parts, put together: images to features, to codes, to captions, and back to images.

Shape legend: B images, N captions, S searches, C candidates of a search, K captions of it that go on, L tokens,
V vocabulary, P positions of the encoder's grid, D features of a position, H rows, W columns.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import onnxruntime

from exporting.runner.beams import Hypotheses, length_divisor
from exporting.runner.text import Text
from exporting.runner.words import Array, filter_logits, highest, log_softmax, sample_words

FORMAT = 1  # of export.json
DECIDING_WORDS = 8  # first ones of a caption, which tell the mean that it follows from


class Captions(NamedTuple):
    """Captions image by image, equally many of each.

    Attributes:
        tokens_NL: Their tokens after the prefix, padded.
        log_probability_N: log P(caption | codes) of each, in nats.
    """

    tokens_NL: Array
    log_probability_N: Array


class Draws(Protocol):
    """Where the random numbers of one image come from: `float32`, of a shape."""

    def normal(self, shape: Sequence[int]) -> Array: ...
    def uniform(self, shape: Sequence[int]) -> Array: ...


class NumpyDraws:
    """Random numbers of an image that follow from its pixels and a seed alone."""

    def __init__(self, image_CHW: Array, seed: int) -> None:
        digest = hashlib.blake2b(image_CHW.tobytes(), digest_size=8).digest()
        self.generator = np.random.default_rng([seed, int.from_bytes(digest, "big")])

    def normal(self, shape: Sequence[int]) -> Array:
        return self.generator.standard_normal(tuple(shape), dtype=np.float32)

    def uniform(self, shape: Sequence[int]) -> Array:
        return self.generator.random(tuple(shape), dtype=np.float32)


class State(NamedTuple):
    """The decoder's state, a row for each caption: what stays the same from word to word, and what changes."""

    fixed: list[Array]
    carried: list[Array]


class Model:
    """An exported model.

    Args:
        folder: Where its files are.
        threads: That an operation may use; None for as many as there are cores.

    Raises:
        ValueError: The folder holds no exported model, or one of another format.
    """

    def __init__(self, folder: str | Path, threads: int | None = None) -> None:
        self.folder = Path(folder)
        try:
            self.about: dict[str, Any] = json.loads((self.folder / "export.json").read_text(encoding="utf-8"))
            found = self.about["format"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{folder}: not a folder that export.py --to onnx wrote ({error})") from error
        if found != FORMAT:
            raise ValueError(f"{folder}: its format is {found}, expected {FORMAT}; use the run.py that lies in it")
        self.image_size: int = self.about["image_size"]
        self.max_length: int = self.about["max_length"]
        self.pad_id, self.eos_id = self.about["pad_id"], self.about["eos_id"]
        self.can_reconstruct = "image_decoder" in self.about["parts"]
        tokenizer = json.loads((self.folder / "tokenizer.json").read_text(encoding="utf-8"))
        self.text = Text(tokenizer, self.eos_id, self.about["suppressed_ids"])
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = threads or 0
        self._sessions: dict[str, Any] = {}

    def run(self, part: str, inputs: Mapping[str, Array]) -> list[Array]:
        """Run a part, whose file is read when it is first needed, and return its outputs."""
        if part not in self._sessions:
            path = str(self.folder / self.about["parts"][part])
            self._sessions[part] = onnxruntime.InferenceSession(path, self._options, ["CPUExecutionProvider"])
        session = self._sessions[part]
        read = {given.name: inputs[given.name] for given in session.get_inputs()}  # not all need all
        outputs: list[Array] = session.run(None, read)
        return outputs

    def encode(self, images_BCHW: Array) -> Array:
        """Return `features_BPD` of images, `uint8`."""
        return self.run("encoder", {"images": images_BCHW})[0]

    def codes(self, features_NPD: Array, scale: float = 0.0, draws: Sequence[Draws] = ()) -> list[Array]:
        """Return style, content and memory of each row.

        Args:
            features_NPD: The features, a row for each sample, equally many of each image.
            scale: Multiplies the standard deviations that codes are drawn with; 0 takes the means, of a mixture that
                which the likeliest caption has.
            draws: Where the random numbers of each image come from; not read at a scale of 0.
        """
        if scale == 0 and "components" in self.about["parts"]:
            return self._likeliest(features_NPD)
        inputs = {"features": features_NPD, **{f"{code}_scale": np.array(scale, "f4") for code in ("style", "content")}}
        for part in self.about["noise"]:
            if scale == 0:
                inputs[part["name"]] = np.full((len(features_NPD), *part["shape"]), 0.5, dtype="f4")
                continue
            shape, kind = (len(features_NPD) // len(draws), *part["shape"]), part["kind"]
            numbers = [of_image.normal(shape) if kind == "normal" else of_image.uniform(shape) for of_image in draws]
            inputs[part["name"]] = scaled(np.concatenate(numbers), scale, kind)
        return self.run("codes", inputs)

    def _likeliest(self, features_BPD: Array) -> list[Array]:
        """Return the codes of the mean that the first words of the mixture's greedy caption most likely follow from.

        The words are those of Σ_k P(k | words so far) · P(word | mean k), as of `LikeliestStyle`.
        """
        log_weight_BK, *codes = self.run("components", {"features": features_BPD})
        num_images, num_codes = log_weight_BK.shape
        rows_B, finished_B = np.arange(num_images), np.zeros(num_images, dtype=bool)
        logits_XV, state = self.start(codes)
        longest = min(self.max_length, DECIDING_WORDS)
        for length in range(1, longest + 1):
            nats_BKV = log_softmax(logits_XV).reshape(num_images, num_codes, -1)
            mixed_BV = np.logaddexp.reduce(log_weight_BK[..., None] + nats_BKV, axis=1)
            tokens_B = np.where(finished_B, self.pad_id, self._allowed(mixed_BV, no_end=length == 1).argmax(axis=1))
            log_weight_BK = log_weight_BK + np.where(finished_B[:, None], 0, nats_BKV[rows_B, :, tokens_B])
            finished_B = finished_B | (tokens_B == self.eos_id)
            if finished_B.all() or length == longest:
                break
            logits_XV, state = self.step(tokens_B.repeat(num_codes), state)
        chosen_B = num_codes * rows_B + log_weight_BK.argmax(axis=1)
        return [code[chosen_B] for code in codes]

    def start(self, codes: Sequence[Array]) -> tuple[Array, State]:
        """Return the logits of the first word, and the decoder's state."""
        state = self.run("start", dict(zip(("style", "content", "memory"), codes, strict=True)))
        num, first_N = len(self.about["fixed"]), np.full(len(codes[0]), self.about["first_id"])
        return self.step(first_N, State(state[:num], state[num:]))

    def step(self, tokens_N: Array, state: State) -> tuple[Array, State]:
        """Read one token of each caption; return the logits of the next, and the state to go on from."""
        names = (*self.about["fixed"], *self.about["carried"])
        tensors = dict(zip(names, (*state.fixed, *state.carried), strict=True))
        logits_NV, *carried = self.run("step", {"tokens": tokens_N, **tensors})
        return logits_NV, state._replace(carried=carried)

    def reconstruct(self, tokens_NL: Array) -> Array:
        """Return images in [0, 1] that are reconstructed from captions (at most `max_length` tokens): [N, C, H, W]."""
        return self.run("image_decoder", {"tokens": tokens_NL})[0]

    def greedy(self, features_BPD: Array, *, max_length: int | None = None) -> Captions:
        """Return a caption of each image: from the means of its codes, always the likeliest word."""
        first = self.start(self.codes(features_BPD))
        return self._generate(first, lambda logits_NV: logits_NV.argmax(axis=1), max_length or self.max_length)

    def sample(
        self,
        features_BPD: Array,
        draws: Sequence[Draws],
        *,
        num: int = 5,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        latent_scale: float = 1.0,
        max_length: int | None = None,
    ) -> Captions:
        """Return `num` captions of each image; each samples its own codes, then its words.

        Args:
            features_BPD: The features.
            draws: Where the random numbers of each image come from.
            num: Captions of an image.
            temperature: Divides the logits.
            top_k: Keep the k likeliest words; None for all.
            top_p: Keep the likeliest words that together reach this probability; None for all.
            latent_scale: Multiplies the standard deviations that codes are drawn with.
            max_length: Most tokens, the end included; None for as many as the model was trained on.
        """
        codes = self.codes(features_BPD.repeat(num, axis=0), latent_scale, draws)

        def choose(logits_NV: Array) -> Array:
            filtered_NV = filter_logits(logits_NV, temperature=temperature, top_k=top_k, top_p=top_p)
            return sample_words(filtered_NV, np.concatenate([of_image.uniform((num,)) for of_image in draws]))

        return self._generate(self.start(codes), choose, max_length or self.max_length)

    def _generate(self, first: tuple[Array, State], choose: Callable[[Array], Array], max_length: int) -> Captions:
        logits_NV, state = first
        rows_N = np.arange(len(logits_NV))
        finished_N, nats_N = np.zeros(len(rows_N), dtype=bool), np.zeros(len(rows_N), dtype=np.float32)
        tokens: list[Array] = []
        while True:
            tokens_N = np.where(finished_N, self.pad_id, choose(self._allowed(logits_NV, no_end=not tokens)))
            nats_N = nats_N + np.where(finished_N, 0, log_softmax(logits_NV)[rows_N, tokens_N])
            finished_N = finished_N | (tokens_N == self.eos_id)
            tokens.append(tokens_N)
            if finished_N.all() or len(tokens) == max_length:
                return Captions(np.stack(tokens, axis=1), nats_N)
            logits_NV, state = self.step(tokens_N, state)

    def _allowed(self, scores_NV: Array, *, no_end: bool) -> Array:
        """Return scores of words, −∞ for those that are never generated."""
        allowed_NV = scores_NV.copy()
        allowed_NV[:, [*self.about["suppressed_ids"], *([self.eos_id] if no_end else [])]] = -np.inf
        return allowed_NV

    def beam(
        self,
        features_BPD: Array,
        *,
        beam_size: int = 5,
        num: int = 1,
        length_penalty: float = 0.6,
        max_length: int | None = None,
    ) -> Captions:
        """Return the `num` best captions of each image that a search with beams finds from the means of its codes.

        They are ranked by log P / ((5 + length) / 6)^`length_penalty`, the best first.
        """
        longest = max_length or self.max_length
        logits_NV, state = self.start(self.codes(features_BPD))
        num_searches = len(features_BPD)
        live, finished = Hypotheses.empty(num_searches, 1, 0.0), Hypotheses.empty(num_searches, num, -np.inf)
        over_S1 = np.zeros((num_searches, 1), dtype=bool)
        for length in range(1, longest + 1):
            divisor, num_live = length_divisor(length, length_penalty), live.nats_SK.shape[1]
            nats_NV = live.nats_SK.reshape(-1, 1) + self._allowed(log_softmax(logits_NV), no_end=length == 1)
            nats_SX = nats_NV.reshape(num_searches, -1)
            best_SC = highest(nats_SX, 2 * beam_size)
            beam_SC, token_SC = np.divmod(best_SC, nats_NV.shape[1])
            nats_SC, is_end_SC = np.take_along_axis(nats_SX, best_SC, axis=1), token_SC == self.eos_id
            first = (slice(None), slice(beam_size))
            end_nats_SC = np.where(is_end_SC[first] & ~over_S1, nats_SC[first], -np.inf)
            ends = live.extended(beam_SC[first], token_SC[first], end_nats_SC, divisor)
            finished = finished.followed_by(ends, self.pad_id).best(num)
            num_next = min(beam_size, best_SC.shape[1] - num_live)
            on_SK = is_end_SC.argsort(axis=1, kind="stable")[:, :num_next]
            beam_SK, token_SK = (np.take_along_axis(part, on_SK, axis=1) for part in (beam_SC, token_SC))
            nats_SK = np.take_along_axis(np.where(is_end_SC, -np.inf, nats_SC), on_SK, axis=1)
            live = live.extended(beam_SK, token_SK, nats_SK, divisor)
            best_possible_S1 = live.nats_SK.max(axis=1, keepdims=True) / length_divisor(longest, length_penalty)
            over_S1 = finished.score_SK[:, -1:] >= best_possible_S1
            if over_S1.all() or length == longest:
                break
            rows_N = (num_live * np.arange(num_searches)[:, None] + beam_SK).ravel()
            fixed = state.fixed if num_next == num_live else [part[rows_N] for part in state.fixed]
            logits_NV, state = self.step(token_SK.ravel(), State(fixed, [part[rows_N] for part in state.carried]))
        return _flat(finished.filled_up(live, self.pad_id), self.pad_id)

    def texts(self, captions: Captions, num_images: int) -> list[list[str]]:
        """Return the captions of each image as text."""
        texts = [self.text.decode(ids) for ids in captions.tokens_NL.tolist()]
        each = len(texts) // num_images
        return [texts[start : start + each] for start in range(0, len(texts), each)]


def scaled(numbers: Array, scale: float, kind: str) -> Array:
    """Return random numbers as the exported codes take them at a scale (see `kind` in `export.json`)."""
    if kind == "normal":
        return np.asarray(numbers * np.float32(scale))
    if kind == "uniform" or scale == 1:
        return numbers
    surprisal = -np.log(np.maximum(numbers.astype(np.float64), np.finfo(np.float32).tiny))
    return np.exp(-(surprisal**scale)).astype(np.float32)


def _flat(found: Hypotheses, pad_id: int) -> Captions:
    """Return the captions of all searches in a row, no longer than the longest."""
    tokens_NL = found.tokens_SKL.reshape(-1, found.tokens_SKL.shape[2])
    longest = int((tokens_NL != pad_id).sum(axis=1).max())
    return Captions(tokens_NL[:, :longest], found.nats_SK.ravel())
