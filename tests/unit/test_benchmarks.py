"""Every question can be asked, and its rows say what they should; no time is judged."""

import asyncio
import importlib

import pytest
from benchmarks.__main__ import main, questions
from benchmarks.measure import Row, best_of, plain

SMALL = {
    "acquisition": {"number": 5, "rounds": 1},
    "certificates": {"number": 2, "rounds": 1},
    "downstream": {"number": 2, "rounds": 1},
    "fastapi_route": {"number": 2, "rounds": 1},
    "lookup": {"users": (3, 5), "number": 7, "rounds": 1},
    "misses": {"users": 3, "rounds": 1, "latency": 0.0},
    "validation": {"number": 3, "rounds": 1},
}


@pytest.fixture(autouse=True)
def no_certificate_variables(monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_each_question_is_tried_here():
    assert questions() == sorted(SMALL)


@pytest.mark.parametrize("question", SMALL)
async def test_a_question_has_an_answer(question):
    rows = await importlib.import_module(f"benchmarks.{question}").rows(**SMALL[question])

    assert rows
    assert all(row.ours > 0 and row.theirs > 0 for row in rows)


def test_a_ratio_is_judged_by_its_aim():
    assert Row("q", ours=1, theirs=4, against="x", aim=0.25).reached
    assert not Row("q", ours=1.1, theirs=4, against="x", aim=0.25).reached
    assert Row("q", ours=9, theirs=4, against="x").reached


def test_a_difference_is_judged_by_its_aim():
    assert Row("q", ours=2, theirs=1.5, against="x", aim=1, difference=True).reached
    assert not Row("q", ours=3, theirs=1.5, against="x", aim=1, difference=True).reached


async def test_the_sides_take_turns_and_each_ones_best_round_counts():
    order: list[str] = []
    times = {"ours": iter([3.0, 1.0]), "theirs": iter([5.0, 7.0])}

    def side(name):
        async def lap():
            order.append(name)
            return next(times[name])

        return lap

    assert await best_of(side("ours"), side("theirs"), rounds=2) == [1.0, 5.0]
    assert order == ["ours", "theirs", "ours", "theirs"]


def test_a_lap_calls_as_often_as_it_is_told():
    calls: list[None] = []
    asyncio.run(plain(lambda: calls.append(None), number=3)())
    assert len(calls) == 3


def test_an_unknown_question_is_named_and_the_known_ones_are_listed(capsys):
    assert main(["weather"]) == 2
    told = capsys.readouterr().out
    assert "weather" in told
    assert "acquisition" in told
