from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from datamodules.tokenizers import CaptionTokenizer
from lightning_modules import CaptioningModule, GeneratedBatch
from lightning_modules.build import build
from lightning_modules.inference import generate_captions


class State(NamedTuple):
    colour_NH: Tensor

    def select(self, rows: Tensor) -> "State":
        return State(self.colour_NH[rows])


class ColourCaptioner(CaptioningModule):
    """Words that follow from the word before and the mean colour of the image."""

    def __init__(self, *, hidden_size: int, optimizer: Any, generation: Any, tokenizer: str, image_size: int) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)
        self.image_size = image_size
        self.tokenizer = CaptionTokenizer.from_json(tokenizer)
        self.strategy = build(generation)
        self.colour = nn.Linear(3, hidden_size)
        self.words = nn.Embedding(self.tokenizer.vocabulary.size, hidden_size)
        self.next = nn.Linear(hidden_size, self.tokenizer.vocabulary.size)

    def encode(self, images_BCHW: Tensor) -> Tensor:
        return (images_BCHW / 255).mean(dim=(2, 3)).unsqueeze(1)

    def step(self, tokens_N: Tensor, state: State) -> tuple[Tensor, State]:
        return self.next(torch.tanh(self.words(tokens_N) + state.colour_NH)), state

    @torch.no_grad()
    def generate(
        self,
        features_BPD: Tensor,
        strategy: Any = None,
        *,
        words: Any = None,
        style_NS: Any = None,
        generators: Any = None,
    ) -> GeneratedBatch:
        strategy = strategy or self.strategy
        state = State(self.colour(features_BPD[:, 0]).repeat_interleave(strategy.latents.num, dim=0))
        return generate_captions(
            self,
            state,
            self.tokenizer,
            strategy,
            num_images=len(features_BPD),
            num_states=len(state.colour_NH),
            device=features_BPD.device,
            words=words,
            generators=generators,
        )

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        colour_NH = self.colour(self.features_of(batch)[:, 0])[batch.image_of_caption_N]
        words_NLH = self.words(batch.tokens_NL[:, :-1])
        logits_NLV = self.next(torch.tanh(words_NLH + colour_NH.unsqueeze(1)))
        pad_id = self.tokenizer.vocabulary.pad_id
        loss = cross_entropy(logits_NLV.flatten(0, 1), batch.tokens_NL[:, 1:].flatten(), ignore_index=pad_id)
        self.log("train/loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        return build(self.hparams["optimizer"], self.parameters())
