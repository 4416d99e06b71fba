import math

from hypothesis import given
from hypothesis import strategies as st

from quire.domain import Sparse
from quire.retrieval.lexical import AVERAGE_LENGTH, K1, B, weigh_document, weigh_query


def weights(sparse: Sparse) -> dict[int, float]:
    return dict(zip(sparse.indices, sparse.values, strict=True))


def score(question: str, text: str) -> float:
    document = weights(weigh_document(text))
    return sum(w * document.get(term, 0.0) for term, w in weights(weigh_query(question)).items())


def test_a_weight_follows_the_formula() -> None:
    text = "gear gear gear motor"
    (term,) = weigh_query("gear").indices
    norm = K1 * (1 - B + B * 4 / AVERAGE_LENGTH)
    assert math.isclose(weights(weigh_document(text))[term], 3 * (K1 + 1) / (3 + norm))


def test_inflections_case_and_accents_meet() -> None:
    assert weigh_query("borrowing").indices == weigh_query("Borrowed").indices
    assert weigh_query("Éclairs").indices == weigh_query("eclair").indices
    assert score("ÜBERPRÜFUNG", "eine Überprüfung") > 0


def test_common_words_do_not_count() -> None:
    assert weigh_query("what is the").indices == []
    assert score("what is the motor", "what is the") == 0


def test_a_longer_text_weighs_a_term_less() -> None:
    assert score("motor", "motor " + "word " * 10) > score("motor", "motor " + "word " * 400)


@given(st.text())
def test_any_text_gives_a_valid_sparse_vector(text: str) -> None:
    for sparse in (weigh_document(text), weigh_query(text)):
        assert len(set(sparse.indices)) == len(sparse.indices) == len(sparse.values)
        assert all(0 <= i < 2**32 for i in sparse.indices)
        assert all(v > 0 for v in sparse.values)
