from pictures.changed_words import MarkedWord
from pictures.markdown import as_it_is, table, with_changed_bold


def test_a_table_by_hand() -> None:
    assert table(("a", "b"), [("1", "2"), ("3", "4")]).splitlines() == [
        "| a | b |",
        "|---|---|",
        "| 1 | 2 |",
        "| 3 | 4 |",
    ]


def test_changed_words_are_bold_and_markup_is_none() -> None:
    words = [MarkedWord("a", False), MarkedWord("*red*", True), MarkedWord("big", True), MarkedWord("<b>", False)]
    assert with_changed_bold(words) == r"a **\*red\* big** &lt;b&gt;"


def test_a_text_stays_in_its_cell() -> None:
    assert as_it_is("a | b\nc") == r"a \| b c"
