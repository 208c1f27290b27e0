"""Algorithm 1 of the paper: every alpha epochs the next skip connection is altered."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from tailor_train.errors import TrainError
from tailor_train.gates import Student


class Order(StrEnum):
    """Which skip is altered first."""

    FORWARD = "forward"
    REVERSE = "reverse"


class AlterationSchedule:
    """Alters a student's skip connections one by one.

    Call `step` at the start of every epoch, counted from 0. Epoch 0 alters nothing.

    Args:
        student: from `tailor_train.prepare`.
        alpha: epochs between two alterations, at least 1.
        order: from the network's input to its output, or back.

    Raises:
        TrainError: alpha below 1.
    """

    def __init__(self, student: Student, alpha: int = 3, order: Order | str = Order.FORWARD) -> None:
        if alpha < 1:
            raise TrainError(f"alpha is {alpha}, expected at least 1 epoch between two alterations")
        self.student = student
        self.alpha = alpha
        names = [skip.name for skip in student.gated]
        self.names = tuple(names if Order(order) is Order.FORWARD else reversed(names))
        self.altered = 0

    @property
    def last_alteration_epoch(self) -> int:
        """Epoch at whose start the last skip is altered; 0 if there is none."""
        return self.alpha * len(self.names)

    @property
    def done(self) -> bool:
        """Whether every skip has been altered."""
        return self.altered == len(self.names)

    def step(self, epoch: int) -> str | None:
        """Alter the next skip if it is time.

        Returns:
            The altered skip's name, or None.
        """
        if epoch == 0 or epoch % self.alpha or self.done:
            return None
        name = self.names[self.altered]
        self.student.alter(name)
        self.altered += 1
        return name

    def state_dict(self) -> dict[str, Any]:
        """Position of the schedule, as JSON values."""
        return {"alpha": self.alpha, "altered": list(self.names[: self.altered])}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Alter again what had been altered.

        Raises:
            TrainError: the state belongs to another schedule.
        """
        altered = tuple(state["altered"])
        if state["alpha"] != self.alpha or altered != self.names[: len(altered)]:
            raise TrainError(
                f"the saved schedule (alpha {state['alpha']}, altered {', '.join(altered) or 'none'}) does not fit "
                f"this one (alpha {self.alpha}, order {', '.join(self.names)})"
            )
        for name in self.names[self.altered : len(altered)]:
            self.student.alter(name)
        self.altered = max(self.altered, len(altered))
