"""Fit the models of a version and write its neighbour rows, as far as time allows."""

from dataclasses import dataclass

from recommendations.engine.interactions import Interactions
from recommendations.engine.models import ContentNeighbours, ItemNeighbours
from recommendations.engine.models.item_neighbours import RESERVE
from recommendations.services.progress import Progress
from recommendations.training.checkpoint import Checkpoint, Choice
from recommendations.training.rows import Rows
from recommendations.training.timing import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """One run's way from interactions to stored neighbours.

    Attributes
    ----------
    latest
        Time of the newest event, in epoch seconds: the moment that the model is made for.
    large_catalogue
        From so many items on, refining may take longer than a Lambda function lives. The rows of
        the valid base model are written before it then, so that little is left to write at the end.
    """

    interactions: Interactions
    latest: float
    choice: Choice
    content: ContentNeighbours
    rows: Rows
    checkpoint: Checkpoint
    progress: Progress
    timing: Timing
    large_catalogue: float

    def run(self) -> ItemNeighbours:
        """Fit everything and write it; return the model that says what is similar."""
        self.progress.step("fitting", progress=0.6)
        model = self._fitted()
        self.progress.step("writing the model", progress=0.7)
        self.rows.write_similar(model, self.content)
        # A model that is whole needs no going on; and if it is not, the next run may.
        if model.ridge_ is None or model.ridge_.refined.all():
            self.checkpoint.discard()
        return model

    def _fitted(self) -> ItemNeighbours:
        model = ItemNeighbours(**self.choice.parameters)
        if self.checkpoint.progress is not None:
            try:
                return self._fit(model)
            except ValueError:
                # Another machine may round otherwise: the same problem is another one then.
                self.checkpoint.discard()
        return self._fit(model)

    def _fit(self, model: ItemNeighbours) -> ItemNeighbours:
        writing = 0.0

        def on_base(base: ItemNeighbours) -> None:
            nonlocal writing
            writing = self._write_base(base)

        def clock() -> float:
            # The end comes earlier by what writing the refined rows will take: as long as the base.
            return self.timing.clock() + writing

        with self.checkpoint.keeping(model, self.choice):
            return model.fit(
                self.interactions,
                now=self.latest,
                deadline=self.timing.deadline,
                clock=clock,
                progress=self.checkpoint.progress,
                on_base=on_base,
            )

    def _write_base(self, base: ItemNeighbours) -> float:
        """Write what can be before refining; return the seconds that the base rows took."""
        begun = self.timing.clock()
        if self.interactions.n_items >= self.large_catalogue:
            self.progress.step("writing the base model", progress=0.62)
            self.rows.write_similar(base, self.content)
        seconds = self.timing.clock() - begun
        # Two more kinds of rows, and the refined ones. Without the time for them, those of the
        # version before stay in force.
        if self.timing.left > RESERVE + 3 * seconds:
            self.progress.step("writing what is bought together and next", progress=0.64)
            self.rows.write_others(self.interactions, now=self.latest)
        self.progress.step("refining", progress=0.66)
        return seconds
