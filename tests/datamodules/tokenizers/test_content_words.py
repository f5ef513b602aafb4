from datamodules.tokenizers import content_ids, fit_bpe, fit_word

CAPTIONS = ["a dog is running on the grass", "the dog runs with a ball", "a red ball on the grass with 2 dogs"]


def test_words_that_name_something_in_the_order_of_frequency() -> None:
    tokenizer = fit_word(CAPTIONS, min_count=1)
    words = [tokenizer.tokens[i] for i in content_ids(tokenizer)]
    assert words == ["ball", "dog", "grass", "dogs", "red", "running", "runs"]


def test_of_parts_of_words_those_that_may_begin_one() -> None:
    tokenizer = fit_bpe(CAPTIONS, vocab_size=300)
    words = [tokenizer.decode([i]) for i in content_ids(tokenizer)]
    assert {"ball", "dog", "grass"} <= {*words}
    assert not {"the", "on", "a"} & {*words}
    assert all(tokenizer.tokens[i].startswith("Ġ") for i in content_ids(tokenizer))
