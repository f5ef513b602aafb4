import math

import pytest
import torch

from lightning_modules.networks.attentions import LuongAttention


@torch.no_grad()
def test_by_brute_force() -> None:
    attention = LuongAttention(width=6, positions=5, hidden_size=4)
    grid_NPD, hidden_NLH = torch.randn(2, 5, 6), torch.randn(2, 3, 4)
    memory_NPH = attention.project_memory(grid_NPD)
    seen_NLH, weights_NLP = attention(hidden_NLH, memory_NPH), attention.weights(hidden_NLH, memory_NPH)
    assert weights_NLP.shape == (2, 3, 5)
    for n in range(2):
        memory_PH = [attention.to_memory(grid_NPD[n, p]) + attention.position_PH[p] for p in range(5)]
        for t in range(3):
            query_H = attention.query.weight @ hidden_NLH[n, t]
            weights = [math.exp(float(query_H @ place_H) / math.sqrt(4)) for place_H in memory_PH]
            assert weights_NLP[n, t].tolist() == pytest.approx([w / sum(weights) for w in weights])
            answer_H = sum(w / sum(weights) * place_H for w, place_H in zip(weights, memory_PH, strict=True))
            expected_H = torch.tanh(attention.join(torch.cat([hidden_NLH[n, t], answer_H])))
            torch.testing.assert_close(seen_NLH[n, t], expected_H)


def test_places_with_the_same_features_are_told_apart() -> None:
    attention = LuongAttention(width=6, positions=5, hidden_size=4)
    memory_NPH = attention.project_memory(torch.ones(1, 5, 6))
    assert torch.cdist(memory_NPH[0], memory_NPH[0]).fill_diagonal_(1).min() > 0
