from pathlib import Path

import pytest
import torch

from datamodules.tokenizers import fit_bpe
from lightning_modules.networks.embeddings import WordEmbedding

GLOVE = ["man", "dog", "the", "woman", "run", "a", "and"]
WORDS = ["<pad>", "<bos>", "<eos>", "dog", "cat", "zebra"]


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    path = tmp_path / "vectors.txt"
    path.write_text("dog 1 2 3 4\nhouse 9 9 9 9\ncat 5 6 7 8\n<pad> 3 3 3 3\n")
    return path


def test_starts_at_random_with_zero_for_padding() -> None:
    embedding = WordEmbedding(vocab_size=6, pad_id=0, embedding_dim=4)
    before = embedding.weight.clone()
    assert embedding.load_vectors(WORDS) is None
    assert torch.equal(embedding.weight, before)
    assert embedding.weight[0].tolist() == [0] * 4
    assert embedding.weight[1:].abs().min() > 0


def test_starts_from_published_vectors(vectors: Path) -> None:
    embedding = WordEmbedding(vocab_size=6, pad_id=0, embedding_dim=4, vectors=str(vectors))
    found = embedding.load_vectors(WORDS)
    assert found is not None
    assert found.coverage == pytest.approx(3 / 6)
    assert embedding(torch.tensor([3, 4])).tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert embedding(torch.tensor(0)).tolist() == [0] * 4
    assert embedding.weight.requires_grad


def test_other_words_start_from_the_distribution_of_the_vectors(tmp_path: Path) -> None:
    values = 3 + 0.5 * torch.randn(20, 50)
    rows = [f"word{i} {' '.join(map(str, row))}\n" for i, row in enumerate(values.tolist())]
    (tmp_path / "vectors.txt").write_text("".join(rows))
    embedding = WordEmbedding(vocab_size=220, pad_id=0, embedding_dim=50, vectors=str(tmp_path / "vectors.txt"))
    embedding.load_vectors(["<pad>", *(f"word{i}" for i in range(20)), *(f"other{i}" for i in range(199))])
    others = embedding.weight[21:].detach()
    assert others.mean().item() == pytest.approx(values.mean().item(), abs=5 * 0.5 / others.numel() ** 0.5)
    assert others.std().item() == pytest.approx(values.std().item(), rel=0.05)


def test_the_padding_vector_stays_zero_in_training() -> None:
    embedding = WordEmbedding(vocab_size=6, pad_id=0, embedding_dim=4)
    optimizer = torch.optim.Adam(embedding.parameters(), lr=0.1)
    embedding(torch.tensor([0, 3, 0])).sum().backward()
    optimizer.step()
    assert embedding.weight[0].tolist() == [0] * 4


def test_no_mixture_of_words_trains_the_padding_vector() -> None:
    embedding = WordEmbedding(vocab_size=6, pad_id=2, embedding_dim=4)
    weights_NLV = torch.randn(2, 3, 6).softmax(dim=-1)
    mixed_NLE = embedding.mix(weights_NLV)
    torch.testing.assert_close(mixed_NLE, weights_NLV @ embedding.weight)
    mixed_NLE.square().sum().backward()
    assert embedding.weight.grad is not None
    assert embedding.weight.grad[2].tolist() == [0] * 4
    assert (embedding.weight.grad[[0, 1, 3, 4, 5]] != 0).all()


def test_words_of_byte_pairs_get_vectors_and_pieces_of_words_none(tmp_path: Path) -> None:
    captions = ["a dog and a man run", "the fireman saw a dog", "a woman and the snowman", "a man", "the dog"] * 20
    tokenizer = fit_bpe(captions, vocab_size=400)
    path = tmp_path / "vectors.txt"
    path.write_text("".join(f"{w} {i} {i} 1\n" for i, w in enumerate(GLOVE)))
    embedding = WordEmbedding(
        vocab_size=tokenizer.vocabulary.size, pad_id=tokenizer.vocabulary.pad_id, embedding_dim=3, vectors=str(path)
    )
    found = embedding.load_vectors(tokenizer.words)
    assert found is not None
    assert {tokenizer.tokens[i] for i in found.ids.tolist()} == {
        *["Ġman", "Ġdog", "Ġthe", "Ġwoman", "Ġrun", "Ġa", "Ġand"]
    }
    of_caption = tokenizer.encode("a dog and a man")[1:-1]
    assert embedding.weight[of_caption, 0].tolist() == [5, 1, 6, 5, 0]
    assert found.coverage == len(found.ids) / sum(word != "" for word in tokenizer.words)


def test_refuses_vectors_that_do_not_fit(vectors: Path) -> None:
    with pytest.raises(ValueError, match=r"vectors of width 4; set model.embedding.embedding_dim=4 \(got 8\)"):
        WordEmbedding(vocab_size=6, pad_id=0, embedding_dim=8, vectors=str(vectors)).load_vectors(WORDS)
    with pytest.raises(ValueError, match="holds no word of the vocabulary; name vectors of the captions' language"):
        WordEmbedding(vocab_size=1, pad_id=0, embedding_dim=4, vectors=str(vectors)).load_vectors(["zebra"])
