"""The weekly digest. Pure functions."""

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import counted, file_name, link, listed, moment, person, section
from handlers.views.home import WAYS
from store import Digest, Upload, mask


def digest(found: Digest) -> Message:
    """What happened in the week, for the admins' channel; phones are masked, since it may be read by many."""
    total = sum(found.by_function.values())
    head = f"*The week until {moment(found.end)}*: {counted(total, 'request')} to opt a phone out"
    lines = []
    if found.by_function:
        ways = [f"{number:,} {WAYS.get(function, function)}" for function, number in found.by_function.items()]
        lines.append(f"How: {listed(ways)}")
        lines.append(f"Who: {listed([f'{person(actor)} {number:,}' for actor, number in found.by_person])}")
    if found.reappearing:
        often = listed([f"`{mask(phone)}` in {number} lists" for phone, number in found.most_often])
        one = found.reappearing == 1
        lines.append(
            f"{counted(found.reappearing, 'phone')} {'keeps' if one else 'keep'} coming back in lists: {often}. "
            "Wherever these lists are made, opted-out numbers are not taken out."
        )
    if found.expired:
        names = listed([_name(upload) for upload in found.expired[:5]])
        more = f" and {len(found.expired) - 5:,} more" if len(found.expired) > 5 else ""
        lines.append(f"Nobody said yes in time to {names}{more}: nothing of it was opted out.")
    if found.oldest is not None and found.oldest.waiting_since is not None:
        wait = "waits" if found.waiting == 1 else "wait"
        since = moment(found.oldest.waiting_since)
        lines.append(f"{counted(found.waiting, 'list')} {wait} for a yes; {_name(found.oldest)} since {since}.")
    lines.append(f"{counted(found.account.opted_out, 'phone')} must not be texted.")
    return Message.of(head, section(head), *(section(line) for line in lines))


def _name(upload: Upload) -> str:
    return link(upload.permalink, file_name(upload.file_name))
