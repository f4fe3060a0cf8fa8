from msidweb.acquisition.answers import Refusal
from msidweb.acquisition.throttle import MAX_KEYS, Throttle
from msidweb.testing.clock import ManualClock


def test_pauses_are_bounded_and_the_oldest_goes_first():
    throttle = Throttle(ManualClock())
    for number in range(MAX_KEYS + 5):
        throttle.wait(number, Refusal(429), 60)
    assert len(throttle) == MAX_KEYS
    assert throttle.refusal(0) is None
    assert throttle.refusal(MAX_KEYS) is not None


def test_a_clock_set_back_prolongs_no_pause():
    clock = ManualClock()
    throttle = Throttle(clock)
    throttle.wait("key", Refusal(429), 10)
    clock.set(clock.time() - 3_600)
    clock.advance(10)
    assert throttle.refusal("key") is None
    assert len(throttle) == 0


def test_two_strikes_within_a_minute_hold_and_the_next_minute_starts_anew():
    clock = ManualClock()
    throttle = Throttle(clock)
    throttle.strike("key", Refusal(401))
    assert throttle.refusal("key") is None
    clock.advance(30)
    throttle.strike("key", Refusal(401, aadsts=2))
    assert throttle.refusal("key") == Refusal(401, aadsts=2)
    clock.advance(30)
    assert throttle.refusal("key") is None
    throttle.strike("key", Refusal(401))
    assert throttle.refusal("key") is None
