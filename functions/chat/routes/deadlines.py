"""When an answer has to be there, counted from when its request came."""

from dataclasses import dataclass

from fastapi import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """What an answer may take in seconds, `whole` or `streamed`; both are told in the loop's time.

    Whoever authenticates, or waits for the database, has that time too: the gateway counts all.
    """

    whole: float
    streamed: float

    def of_answer(self, request: Request) -> float:
        started: float = request.state.started
        return started + self.whole

    def of_stream(self, request: Request) -> float:
        # API Gateway holds a stream back to its end, so there it has the time of a whole answer.
        if "aws.event" in request.scope:
            return self.of_answer(request)
        started: float = request.state.started
        return started + self.streamed
