"""A simulated backend for tests and benchmarks; its state outlives the process."""

from abaca.drivers.fake.backend import FakeBackend
from abaca.drivers.fake.driver import FakeShareDriver

__all__ = ["FakeBackend", "FakeShareDriver"]
