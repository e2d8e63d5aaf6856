"""Methods written in Python."""
from __future__ import annotations

from typing import Any

from ._coppice import Answer, Federation, Plan, State


class Method:
    """A stage of a run whose decisions are made in Python, at the coordinator alone.

    A config names it as it names a built-in stage, with its settings: `stages: [{my_method: {rounds: 5}}]`. In every step
    `next_plans` says what clients are to do, and `absorb` turns the sums that come back into the next state. What is to outlive a step
    belongs into the state, where checkpoints hold it: tracks, and extras by name (`state["mine/best"] = 0.5`). Nothing else is there
    after a resume; `settings` are the config's.
    """

    name: str = "method"
    settings: dict[str, bool | int | float | str] = {"rounds": 1}
    federation: Federation  # of the run; set before the first call

    @property
    def rounds(self) -> int:
        """Steps of the stage."""
        return int(self.settings["rounds"])

    def done(self, state: State) -> bool:
        """Whether the stage is over."""
        return state.step >= self.rounds

    def next_plans(self, state: State) -> list[Plan]:
        """The plans of the step `state.step`; several are independent of each other. Must not change the state."""
        raise NotImplementedError

    def absorb(self, state: State, plans: list[Plan], answers: list[Answer]) -> dict[str, Any] | None:
        """Makes the next state; returns figures for the run's metrics ("train_loss", "eval/accuracy"), and "remarks", a list of texts.

        Where `state.step` is left as it is, it goes on by one. A step of plans that do more than measure counts as a round."""
        raise NotImplementedError
