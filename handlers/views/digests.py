"""Views of the weekly digest. Pure functions."""

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import counted, file_name, link, listed, moment, person, section
from handlers.views import clock
from handlers.views.home import WAYS
from store import Digest, Upload, mask


def digest(week: Digest) -> Message:
    """The weekly digest, for the admins' channel; phones are masked, since it may be read by many."""
    total = sum(week.by_function.values())
    head = f"*The week {moment(week.end, 'until ')}*: {counted(total, 'request')} to opt a phone out"
    lines = []
    if week.by_function:
        ways = [f"{number:,} {WAYS.get(function, function)}" for function, number in week.by_function.items()]
        lines.append(f"How: {listed(ways)}")
        lines.append(f"Who: {listed([f'{person(actor)} {number:,}' for actor, number in week.by_person])}")
    if week.reappearing:
        often = listed([f"`{mask(phone)}` in {number} lists" for phone, number in week.most_often])
        one = week.reappearing == 1
        lines.append(
            f"{counted(week.reappearing, 'phone')} {'keeps' if one else 'keep'} coming back in lists: {often}. "
            "Wherever these lists are made, opted-out numbers are not taken out."
        )
    if week.expired:
        names = listed([_name(upload) for upload in week.expired[:5]])
        more = f" and {len(week.expired) - 5:,} more" if len(week.expired) > 5 else ""
        lines.append(f"Nobody said yes in time to {names}{more}: nothing of it was opted out.")
    if week.oldest is not None and week.oldest.waiting_since is not None:
        wait = "waits" if week.waiting == 1 else "wait"
        since = moment(week.oldest.waiting_since, "since ")
        lines.append(f"{counted(week.waiting, 'list')} {wait} for a yes; {_name(week.oldest)} {since}.")
    lines += [*filter(None, [clock.undecided(week.replies), clock.pace(week.clock)]), *clock.nearing(week.clock)]
    lines.append(f"{counted(week.account.opted_out, 'phone')} must not be texted.")
    return Message.of(head, section(head), *(section(line) for line in lines))


def _name(upload: Upload) -> str:
    return link(upload.permalink, file_name(upload.file_name))
