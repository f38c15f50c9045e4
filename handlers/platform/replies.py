"""Replies that a program tells of: each is kept, judged, and has its effect once."""

from collections.abc import Sequence

from handlers.platform import models
from handlers.platform.endpoints import Call, Endpoint, read
from handlers.platform.problems import Problem
from store import Function, Heard, Origin, Reply, Scope, Store, StoreError, ToldReply


class ToldReplies:
    """The endpoint that hears them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint(
                "POST",
                "/replies",
                "hear",
                "Tell what somebody replied",
                "Every reply may be told, whatever it says. One that is nothing but a word or sentence for it, in English, "
                "Spanish or French, opts its sender out at once, or takes back what such a word did; whatever may be a request "
                "besides waits for a person in Slack. Its `source` and `message` name it: told again it is heard once, "
                "whatever else is told of it, and the answer says how it stands. It needs no other key.",
                (Scope.REPORT,),
                (models.ReplyAnswer,),
                self._hear,
                body=models.ReplyRequest,
                together=self._hear_together,
            ),
        )

    def _hear(self, call: Call) -> bytes:
        [answer] = self._hear_together([call])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _hear_together(self, calls: Sequence[Call]) -> list[bytes | Exception]:
        answers: dict[int, bytes | Exception] = {}
        told: dict[int, ToldReply] = {}
        for number, call in enumerate(calls):
            try:
                told[number] = _told(call)
            except Problem as problem:
                answers[number] = problem
        heard = self._store.replies.hear_all(calls[0].account, list(told.values())) if told else ()
        answers |= {
            number: one if isinstance(one, StoreError) else _answer(one)
            for number, one in zip(told, heard, strict=True)
        }
        return [answers[number] for number in range(len(calls))]


def _told(call: Call) -> ToldReply:
    """What *call* tells. Raises `Problem`."""
    told: models.ReplyRequest = read(models.ReplyRequest, call.raw)
    reply = Reply(
        told.source, told.message, told.from_, told.to, told.text, told.received_at, told.campaign, told.contact
    )
    return ToldReply(reply, Origin(Function.API, call.actor(None)))


def _answer(heard: Heard) -> bytes:
    answer = models.ReplyAnswer(
        reply=heard.id,
        outcome=heard.judgement.outcome,
        why=heard.judgement.why,
        state=heard.state,
        entry=heard.entry,
        again=heard.again,
    )
    return answer.model_dump_json().encode()
