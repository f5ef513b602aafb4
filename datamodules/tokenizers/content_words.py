"""Which tokens of a vocabulary say what an image shows."""

from datamodules.tokenizers.caption_tokenizer import WORD_START, CaptionTokenizer

FUNCTION_WORDS = frozenset(
    """
    a about above across after against all along also am an and another any are around as at away be because been
    before behind being below beneath beside between both but by can could did do does doing down during each either
    everyone for from had has have having he her hers him himself his how i if in inside into is it its itself just
    like many may me more most much my near next no nor not of off on onto or other others our out outside over own
    past same several she should so some something somewhere such than that the their them themselves then there
    these they this those through to together too toward towards under until up upon very via was we were what when
    where which while who whom whose why will with within without would you your
    """.split()  # noqa: SIM905  # a list of strings would take a page
)
"""English words that name nothing that can be seen."""


def content_ids(tokenizer: CaptionTokenizer) -> list[int]:
    """Return the ids of a vocabulary's words but for function words of English, the most frequent first.

    Of a vocabulary with parts of words, of the tokens that may begin a word.
    """
    special = {*tokenizer.vocabulary.suppressed_ids, tokenizer.vocabulary.eos_id}
    spaced = any(token.startswith(WORD_START) for token in tokenizer.tokens)
    found = []
    for number, token in enumerate(tokenizer.tokens):
        word = token.removeprefix(WORD_START)
        begins = token.startswith(WORD_START) or not spaced
        if number not in special and begins and word.isalpha() and word.lower() not in FUNCTION_WORDS:
            found.append(number)
    return found
