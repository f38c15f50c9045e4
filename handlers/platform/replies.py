"""Replies that a program tells of: each is kept, judged, and has its effect once."""

from handlers.platform import models
from handlers.platform.endpoints import Call, Endpoint, read
from store import Function, Origin, Reply, Scope, Store


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
            ),
        )

    def _hear(self, call: Call) -> bytes:
        told: models.ReplyRequest = read(models.ReplyRequest, call.raw)
        reply = Reply(
            told.source, told.message, told.from_, told.to, told.text, told.received_at, told.campaign, told.contact
        )
        heard = self._store.replies.hear(call.account, reply, Origin(Function.API, call.actor(None)))
        answer = models.ReplyAnswer(
            reply=heard.id,
            outcome=heard.judgement.outcome,
            why=heard.judgement.why,
            state=heard.state,
            entry=heard.entry,
            again=heard.again,
        )
        return answer.model_dump_json().encode()
