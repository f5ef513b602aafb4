from evaluation.report.contents import ShownCaption
from evaluation.report.repeats import RepeatedCaption, collapse


def test_captions_are_told_once_where_they_come_first() -> None:
    generated = [
        ShownCaption("a dog", 0.9, -3.0, True),
        ShownCaption("a cat", 0.5, -4.0, True),
        ShownCaption("a dog", 0.9, -3.5, True),
        ShownCaption("a dog", 0.9, -9.0, False),
    ]
    assert collapse(generated) == [
        RepeatedCaption("a dog", 0.9, [-3.0, -3.5], True),
        RepeatedCaption("a cat", 0.5, [-4.0], True),
        RepeatedCaption("a dog", 0.9, [-9.0], False),
    ]
    assert [group.times for group in collapse(generated)] == [2, 1, 1]
