"""OpenAI's CLIP in short, with the names of weights of the authors' code (github.com/openai/CLIP, clip/model.py).

Shape legend: B images or sentences, L tokens, D width, C channels, H rows, W columns.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn


class QuickGELU(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class ResidualAttentionBlock(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_1 = nn.LayerNorm(width)
        layers = [("c_fc", nn.Linear(width, hidden)), ("gelu", QuickGELU()), ("c_proj", nn.Linear(hidden, width))]
        self.mlp = nn.Sequential(OrderedDict(layers))
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x_BLD: Tensor, mask_LL: Tensor | None) -> Tensor:
        y_BLD = self.ln_1(x_BLD)
        x_BLD = x_BLD + self.attn(y_BLD, y_BLD, y_BLD, need_weights=False, attn_mask=mask_LL)[0]
        return x_BLD + self.mlp(self.ln_2(x_BLD))


class Transformer(nn.Module):
    def __init__(self, width: int, layers: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(ResidualAttentionBlock(width, heads, hidden) for _ in range(layers))

    def forward(self, x_BLD: Tensor, mask_LL: Tensor | None = None) -> Tensor:
        for block in self.resblocks:
            x_BLD = block(x_BLD, mask_LL)
        return x_BLD


class VisionTransformer(nn.Module):
    def __init__(self, size: int, patch: int, width: int, layers: int, heads: int, hidden: int, out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(width))
        self.positional_embedding = nn.Parameter(torch.randn((size // patch) ** 2 + 1, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = Transformer(width, layers, heads, hidden)
        self.proj = nn.Parameter(torch.randn(width, out))

    def forward(self, images_BCHW: Tensor) -> Tensor:
        x_BLD = self.conv1(images_BCHW).flatten(2).transpose(1, 2)
        x_BLD = torch.cat([self.class_embedding.expand(len(x_BLD), 1, -1), x_BLD], dim=1) + self.positional_embedding
        return self.ln_post(self.transformer(self.ln_pre(x_BLD))[:, 0]) @ self.proj


class OpenAIClip(nn.Module):
    """Both towers; a sentence ends with its highest token."""

    def __init__(self, *, vocabulary: int, length: int, size: int, patch: int, width: int, hidden: int) -> None:
        super().__init__()
        self.visual = VisionTransformer(size, patch, width, 2, 2, hidden, 12)
        self.transformer = Transformer(width, 2, 2, hidden)
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.randn(length, width))
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.randn(width, 12))
        self.logit_scale = nn.Parameter(torch.ones([]))
        with torch.no_grad():
            for parameter in self.parameters():  # of norms and biases as they begin, a mistake would not show
                parameter.add_(0.2 * torch.randn(parameter.shape))

    def encode_text(self, tokens_BL: Tensor) -> Tensor:
        x_BLD = self.token_embedding(tokens_BL) + self.positional_embedding[: tokens_BL.shape[1]]
        causal_LL = torch.full((tokens_BL.shape[1],) * 2, float("-inf")).triu(1)
        x_BLD = self.ln_final(self.transformer(x_BLD, causal_LL))
        return x_BLD[torch.arange(len(x_BLD)), tokens_BL.argmax(dim=1)] @ self.text_projection
