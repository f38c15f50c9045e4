"""Look-ups: phones of the list as they stand, for all to see or for the asker alone, as the account wants it."""

from collections.abc import Sequence

from handlers.slack.messages import Message
from handlers.slack.places import Request
from handlers.views import optouts as views
from store import DestinationAnswer, FoundPhone, NotAPhone, PhoneState


def answer_look_up(
    request: Request,
    standing: Sequence[tuple[PhoneState, FoundPhone]],
    *more: str,
    unread: Sequence[NotAPhone] = (),
    offer: views.OptOutOffer | None = None,
    public: bool = False,
    answers: Sequence[DestinationAnswer] = (),
) -> Message:
    """
    The answer to *request*, which looked *standing* up, with *more* lines: for all to see, or as the account wants it.

    *unread*: what else looks like a phone in it; *offer*: what a button below does. *public*: it is shown whatever the account wants.
    *answers*: as of `phone_state`.
    """
    account = request.account
    # What is written to the desk alone is read by the asker alone.
    alone = request.channel_id.startswith("D") or request.channel_id == request.actor.id
    asker = None if alone else request.actor
    if len(standing) == 1 and not (more or unread or offer) and standing[0][1].reference is None:
        [(state, found)] = standing
        answer = views.phone_state(
            state, found.number, account.country, is_admin=request.is_admin, asker=asker, answers=answers
        )
    else:
        answer = views.phone_states(standing, account.country, *more, unread=unread, offer=offer, asker=asker)
    if account.settings.lookups == "channel" or alone or public:
        return answer
    return views.for_asker(answer, request.thread_ts if request.threaded else None)


def not_looked_up(left: int) -> tuple[str, ...]:
    """The line that says that *left* numbers were not looked up, as too many to answer, and what to do; none where all were."""
    were = "was" if left == 1 else "were"
    line = (
        f"_{left:,} more {were} not looked up: {views.MOST_OFFERED} fit in one message. "
        "Drop a list as a CSV file with a mention of me and the word `scrub`._"
    )
    return (line,) if left else ()
